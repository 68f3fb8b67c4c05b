package runstest_test

import (
	"context"
	"testing"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

// A test of a program that starts runs executes them when it wants to.
func ExampleNew() {
	_ = func(t *testing.T) { // func TestImport(t *testing.T)
		tracker := runstest.New(t, runs.Config{
			Operations: []runs.Operation{
				runs.Define("report.import", func(_ context.Context, x *runs.Exec, _ struct{}) error {
					x.Succeed("row 1")
					return nil
				}),
			},
		})
		started, err := tracker.Start(t.Context(), runs.Request{Tenant: "acme", Type: "report.import", Initiator: runs.User("dana", "")})
		if err != nil {
			t.Fatal(err)
		}
		tracker.Drain()
		if r, err := tracker.Get(t.Context(), started.Run.Ref()); err != nil || r.Outcome != runs.OutcomeSucceeded {
			t.Errorf("run is %+v, %v; want it succeeded", r, err)
		}
	}
}

// A driver's own test is one call.
func ExampleTestStore() {
	_ = func(t *testing.T) { // func TestStore(t *testing.T)
		runstest.TestStore(t, func(testing.TB) runs.Store { return memruns.New() })
	}
}
