package otelruns_test

import (
	"context"
	"fmt"
	"log"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/otelruns"
	"github.com/tenantatlas/tenantatlas/runs/pondruns"
)

func ExampleNew() {
	spans := tracetest.NewInMemoryExporter() // a program has one for its collector
	telemetry, err := otelruns.New(otelruns.Config{Traces: trace.NewTracerProvider(trace.WithSyncer(spans))})
	if err != nil {
		log.Fatal(err)
	}
	tracker, err := runs.New(runs.Config{
		Store:      memruns.New(),
		Dispatcher: pondruns.New(pondruns.Config{Workers: 8}),
		Operations: []runs.Operation{
			runs.Define("report.import", func(context.Context, *runs.Exec, struct{}) error {
				return runs.Public(nil, runs.ReasonThrottled, "The source asks for patience.")
			}),
		},
		Observers: []runs.Observer{telemetry},
		Around:    telemetry.Around,
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- tracker.Run(ctx) }()

	started, err := tracker.Start(ctx, runs.Request{Tenant: "acme", Type: "report.import", Initiator: runs.User("dana", "Dana")})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := tracker.Wait(ctx, started.Run.Ref()); err != nil {
		log.Fatal(err)
	}
	stop()
	if err := <-ended; err != nil {
		log.Fatal(err)
	}
	for _, s := range spans.GetSpans() {
		fmt.Println(s.Name, s.Status.Code, s.Status.Description)
	}
	// Output: report.import Error throttled
}
