// Command quickstart tracks an import of two rows, of which one fails.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/pondruns"
)

// Import is the input of a report.import run.
type Import struct{ File string }

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	tracker, err := runs.New(runs.Config{
		Store:      memruns.New(),
		Dispatcher: pondruns.New(pondruns.Config{Workers: 8}),
		Operations: []runs.Operation{
			runs.Define("report.import", func(ctx context.Context, x *runs.Exec, in Import) error {
				for _, row := range []string{in.File + ":1", in.File + ":2"} {
					if err := load(ctx, row); err != nil {
						x.Fail(row, err)
						continue
					}
					x.Succeed(row)
				}
				return nil
			}),
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	go func() { _ = tracker.Run(ctx) }() // workers, heartbeats, sweeps; ends when ctx does

	started, err := tracker.Start(ctx, runs.Request{
		Tenant: "acme", Type: "report.import", Params: Import{"a.csv"}, Initiator: runs.User("dana", "Dana"),
	})
	if err != nil {
		log.Fatal(err)
	}
	run, err := tracker.Wait(ctx, started.Run.Ref())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.Outcome, run.Counts.Processed(), run.Failures[0].Key, run.Failures[0].Message)
}

func load(_ context.Context, row string) error {
	if row == "a.csv:2" {
		return runs.Public(errors.New("strconv: bad date"), runs.ReasonInvalidInput, "The row has no date.")
	}
	return nil
}
