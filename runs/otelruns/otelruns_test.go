package otelruns_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/otelruns"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

const secret = "s3cret"

// lives is an operation whose runs end as their file says.
func lives(b **bench) runs.Operation {
	return runs.Define(importing, func(ctx context.Context, x *runs.Exec, in input) error {
		time.Sleep(2 * time.Second)
		switch in.File {
		case "good":
			x.Total(2)
			x.Succeed("one " + secret)
			x.Skip("two", runs.ReasonConflict)
		case "partial":
			x.Succeed("one")
			x.Fail("two", errors.New(secret))
		case "bad " + secret:
			return runs.Public(errors.New(secret), runs.ReasonThrottled, "This is "+secret+".")
		case "parked":
			if x.Run().Attempt == 1 {
				return x.Park(time.Hour, runs.ReasonApproval)
			}
		case "taken": // as if the lease was over, and another process has it
			is, err := (*b).store.Get(ctx, x.Run().Ref())
			if err != nil || is.Attempt > 1 {
				return err
			}
			is.Lost, is.LeaseUntil = 1, time.Now()
			is.Attempt++
			_, err = (*b).store.Update(ctx, is)
			return err
		}
		return nil
	})
}

func TestReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b *bench
		b = newBench(t, otelruns.Config{}, lives(&b))
		for _, file := range []string{"good", "partial", "bad " + secret, "parked", "taken"} {
			b.Execute(request(file))
		}
		waits, err := b.Start(t.Context(), request("nobody")) // canceled before it ran
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.RequestCancel(t.Context(), waits.Run.Ref(), dana, secret); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Start(t.Context(), request("parked")); err != nil { // joins
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour) // the parked one is due, and the one that was taken is swept
		b.Drain()
		_, err = b.Do(t.Context(), request("inline"), func(context.Context, *runs.Exec) error { return nil })
		if err != nil {
			t.Fatal(err)
		}

		want := []string{
			"consumer report.import {attempt=1 end=succeeded items.skipped=1 items.succeeded=1 items.total=2 type=report.import}",
			"consumer report.import {attempt=1 end=partially_succeeded items.failed=1 items.succeeded=1 type=report.import}",
			"consumer report.import {attempt=1 end=failed reason=throttled type=report.import} Error throttled",
			"consumer report.import {attempt=1 end=waiting reason=approval_required type=report.import}",
			"consumer report.import {attempt=1 end=lost type=report.import} Error ",
			"consumer report.import {attempt=2 end=succeeded type=report.import}",
			"consumer report.import {attempt=3 end=succeeded type=report.import}",
			"internal report.import {attempt=1 end=succeeded type=report.import}",
		}
		if diff := cmp.Diff(want, b.said()); diff != "" {
			t.Errorf("spans (-want +got):\n%s", diff)
		}
		want = []string{
			"runs.attempts{end=failed type=report.import} 1",
			"runs.attempts{end=lost type=report.import} 1",
			"runs.attempts{end=partially_succeeded type=report.import} 1",
			"runs.attempts{end=succeeded type=report.import} 4",
			"runs.attempts{end=waiting type=report.import} 1",
			"runs.completed{outcome=canceled type=report.import} 1",
			"runs.completed{outcome=failed type=report.import} 1",
			"runs.completed{outcome=partially_succeeded type=report.import} 1",
			"runs.completed{outcome=succeeded type=report.import} 4",
			"runs.duration{outcome=failed type=report.import} 1 × 2 s",
			"runs.duration{outcome=partially_succeeded type=report.import} 1 × 2 s",
			"runs.duration{outcome=succeeded type=report.import} 4 × 6 s",
			"runs.executing{type=report.import} 0",
			"runs.started{type=report.import} 7",
			"runs.wait{type=report.import} 5 × 0 s",
			"runs.workers.lost{type=report.import} 2",
		}
		if diff := cmp.Diff(want, b.counted()); diff != "" {
			t.Errorf("metrics (-want +got):\n%s", diff)
		}
		for _, s := range b.spans() {
			if said := fmt.Sprintf("%+v", s); strings.Contains(said, secret) || strings.Contains(said, "acme") || strings.Contains(said, "Secretly") {
				t.Errorf("a span says %s", said)
			}
		}
	})
}

// What a span and the metrics say while a run is executed, and how long it has
// waited before.
func TestWhileExecuting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b *bench
		var below trace.SpanContext
		b = newBench(t, otelruns.Config{Tenants: true}, runs.Define(importing, func(ctx context.Context, _ *runs.Exec, _ input) error {
			below = trace.SpanContextFromContext(ctx)
			want := []string{
				"runs.executing{tenant=acme type=report.import} 1",
				"runs.started{tenant=acme type=report.import} 1",
				"runs.wait{tenant=acme type=report.import} 1 × 60 s",
			}
			if diff := cmp.Diff(want, b.counted()); diff != "" {
				t.Errorf("metrics (-want +got):\n%s", diff)
			}
			return nil
		}))
		if _, err := b.Start(t.Context(), request("a")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		b.Drain()
		spans := b.spans()
		if len(spans) != 1 || !below.IsValid() || !below.Equal(spans[0].SpanContext) {
			t.Fatalf("the handler is below %v, and the spans are %+v", below, spans)
		}
		if got := b.said()[0]; !strings.Contains(got, "tenant=acme") {
			t.Errorf("the span says %s", got)
		}
	})
}

// A span of an attempt is a trace of its own, with a link to where the run was
// started if that is known, and with the run's ID in both.
func TestLink(t *testing.T) {
	b := newBench(t, otelruns.Config{}, runs.Define(importing, func(context.Context, *runs.Exec, input) error { return nil }))
	ctx, start := b.traces.Tracer("test").Start(t.Context(), "POST /imports")
	s, err := b.Start(ctx, request("linked"))
	if err != nil {
		t.Fatal(err)
	}
	start.End()
	b.Drain()
	b.Execute(request("without a span"))
	spans := b.spans()
	if len(spans) != 3 {
		t.Fatalf("%d spans, want 3", len(spans))
	}
	outer, linked, alone := spans[0], spans[1], spans[2]
	if len(outer.Events) != 1 || outer.Events[0].Name != "run queued" ||
		!strings.Contains(fmt.Sprint(outer.Events[0].Attributes), s.Run.ID) || !strings.Contains(fmt.Sprint(linked.Attributes), s.Run.ID) {
		t.Errorf("the start has the events %v, the attempt the attributes %v", outer.Events, linked.Attributes)
	}
	if linked.SpanContext.TraceID() == outer.SpanContext.TraceID() || linked.Parent.IsValid() {
		t.Errorf("the attempt belongs to the trace of the start, below %v", linked.Parent)
	}
	if len(linked.Links) != 1 || !linked.Links[0].SpanContext.Equal(outer.SpanContext) {
		t.Errorf("the attempt has the links %v", linked.Links)
	}
	if len(alone.Links) != 0 || alone.Parent.IsValid() {
		t.Errorf("nobody knows its start, and it has the links %v, below %v", alone.Links, alone.Parent)
	}
}

// The work of Do is part of what its caller does.
func TestDoIsBelowItsCaller(t *testing.T) {
	b := newBench(t, otelruns.Config{}, runs.Define[input](importing, nil))
	ctx, outer := b.traces.Tracer("test").Start(t.Context(), "command")
	if _, err := b.Do(ctx, request("a"), func(context.Context, *runs.Exec) error { return nil }); err != nil {
		t.Fatal(err)
	}
	outer.End()
	if spans := b.spans(); len(spans) != 2 || !spans[1].Parent.Equal(outer.SpanContext()) {
		t.Errorf("the spans are %+v", spans)
	}
}

// Starts are remembered for the latest runs only.
func TestStartsAreBounded(t *testing.T) {
	const bound = 4096
	b := newBench(t, otelruns.Config{}, runs.Define(importing, func(context.Context, *runs.Exec, input) error { return nil }))
	ctx, outer := b.traces.Tracer("test").Start(t.Context(), "all")
	defer outer.End()
	for n := range bound + 1 {
		if _, err := b.Start(ctx, request(fmt.Sprint(n))); err != nil {
			t.Fatal(err)
		}
	}
	b.Drain()
	linked := 0
	for _, s := range b.exported.GetSpans() {
		linked += len(s.Links)
	}
	if linked != bound {
		t.Errorf("%d spans have a link, want %d", linked, bound)
	}
}

func TestActive(t *testing.T) {
	down := errors.New("database is down")
	var err error
	active := func(context.Context) (map[runs.Status]int64, error) {
		return map[runs.Status]int64{runs.StatusRunning: 7}, err
	}
	b := newBench(t, otelruns.Config{Active: active}, runs.Define[input](importing, nil))
	want := []string{"runs.active{status=queued} 0", "runs.active{status=running} 7"}
	if diff := cmp.Diff(want, b.counted()); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	err = down
	var data metricdata.ResourceMetrics
	if err := b.metrics.Collect(t.Context(), &data); !errors.Is(err, down) || len(data.ScopeMetrics) != 0 {
		t.Errorf("when nobody can count there are %+v and %v", data.ScopeMetrics, err)
	}
}

// Without providers nothing is reported, and runs are executed.
func TestNoProviders(t *testing.T) {
	telemetry, err := otelruns.New(otelruns.Config{})
	if err != nil {
		t.Fatal(err)
	}
	executed := 0
	tracker := runstest.New(t, runs.Config{
		Operations: []runs.Operation{runs.Define(importing, func(context.Context, *runs.Exec, input) error {
			executed++
			return nil
		})},
		Observers: []runs.Observer{telemetry},
		Around:    telemetry.Around,
	})
	if r := tracker.Execute(request("a")); r.Outcome != runs.OutcomeSucceeded || executed != 1 {
		t.Errorf("the run is %s %s after %d executions", r.Status, r.Outcome, executed)
	}
}
