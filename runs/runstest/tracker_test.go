package runstest_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

type rows struct{ Count int }

// load is an operation whose every third row fails.
var load = runs.Define("report.load", func(_ context.Context, x *runs.Exec, in rows) error {
	x.Total(int64(in.Count))
	for i := range in.Count {
		if i%3 == 2 {
			x.Fail(fmt.Sprint("row ", i), runs.Public(nil, runs.ReasonInvalidInput, ""))
			continue
		}
		x.Succeed(fmt.Sprint("row ", i))
	}
	return nil
})

func request(typ runs.Type, params any) runs.Request {
	return runs.Request{Tenant: "acme", Type: typ, Params: params, Initiator: runs.User("dana", "Dana")}
}

func TestExecute(t *testing.T) {
	tracker := runstest.New(t, runs.Config{Operations: []runs.Operation{load}})
	r := tracker.Execute(request("report.load", rows{Count: 6}))
	if r.Outcome != runs.OutcomePartiallySucceeded {
		t.Errorf("outcome = %q, want %q", r.Outcome, runs.OutcomePartiallySucceeded)
	}
	if diff := cmp.Diff(runs.Counts{Total: 6, Succeeded: 4, Failed: 2}, r.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

// TestDrain: runs wait until they are drained, also those that others start.
func TestDrain(t *testing.T) {
	var tracker *runstest.Tracker
	var order []string
	note := func(name string) { order = append(order, name) }
	parent := runs.Define("test.parent", func(ctx context.Context, x *runs.Exec, in rows) error {
		note(fmt.Sprint("parent ", in.Count))
		_, err := tracker.Start(ctx, request("test.child", in))
		return err
	})
	child := runs.Define("test.child", func(_ context.Context, _ *runs.Exec, in rows) error {
		note(fmt.Sprint("child ", in.Count))
		return nil
	})
	tracker = runstest.New(t, runs.Config{Operations: []runs.Operation{parent, child}})
	if n := tracker.Drain(); n != 0 {
		t.Errorf("Drain of nothing = %d", n)
	}
	for i := range 2 {
		if _, err := tracker.Start(t.Context(), request("test.parent", rows{i})); err != nil {
			t.Fatalf("Start: %v", err)
		}
	}
	if len(order) > 0 {
		t.Errorf("%v was executed before Drain", order)
	}
	if n := tracker.Drain(); n != 4 {
		t.Errorf("Drain = %d, want 4", n)
	}
	if diff := cmp.Diff([]string{"parent 0", "parent 1", "child 0", "child 1"}, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

// TestDrainParked: what is parked waits for its time, which a bubble makes pass.
func TestDrainParked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memruns.New()
		tracker := runstest.New(t, runs.Config{Store: store, Operations: []runs.Operation{load}})
		parked := &runs.Run{
			Tenant: "acme", ID: "r1", Type: "report.load", Status: runs.StatusQueued,
			Params: []byte(`{"Count":1}`), Initiator: runs.User("dana", "Dana"),
			Timing: runs.Timing{Delay: time.Hour},
		}
		if _, _, err := store.Insert(t.Context(), parked); err != nil {
			t.Fatalf("Insert: %v", err)
		}
		if n := tracker.Drain(); n != 0 {
			t.Errorf("Drain = %d, want 0", n)
		}
		time.Sleep(time.Hour)
		if n := tracker.Drain(); n != 1 {
			t.Errorf("Drain after an hour = %d, want 1", n)
		}
	})
}

var errGone = fmt.Errorf("connection was reset: %w", runs.ErrStoreUnavailable)

// TestFaulty: an answer that got lost is no second run, and a call that was not
// made leaves nothing.
func TestFaulty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, fault := range []runstest.Fault{{Before: errGone}, {After: errGone}} {
			for _, method := range []string{"Insert", "Get", "Update", "List", "Due"} {
				var used atomic.Bool
				store := memruns.New()
				faulty := runstest.Faulty(store, func(m string, r *runs.Run) runstest.Fault {
					if wantRun := m == "Insert" || m == "Update"; wantRun != (r != nil) {
						t.Errorf("faults of %s: run = %v", m, r)
					}
					if m != method || used.Swap(true) {
						return runstest.Fault{}
					}
					return fault
				})
				tracker := runstest.New(t, runs.Config{Store: faulty, Operations: []runs.Operation{load}})
				synctest.Wait() // the first sweep may have met the fault
				if _, err := faulty.List(t.Context(), runs.Query{Tenant: "acme"}); method == "List" && !errors.Is(err, errGone) {
					t.Errorf("List: error is %v, want %v", err, errGone)
				}
				s, err := tracker.Start(t.Context(), request("report.load", rows{1}))
				if err != nil || !s.Created {
					t.Fatalf("%s with %+v: Start: created = %v, error is %v", method, fault, s.Created, err)
				}
				_, err = faulty.Get(t.Context(), s.Run.Ref())
				if wantErr := method == "Get"; wantErr != errors.Is(err, errGone) {
					t.Errorf("%s with %+v: Get: %v", method, fault, err)
				}
				if method == "Update" { // is met by the claim, and that is not Drain's to hide
					continue
				}
				if n := tracker.Drain(); n != 1 {
					t.Errorf("%s with %+v: Drain = %d, want 1", method, fault, n)
				}
				page, err := store.List(t.Context(), runs.Query{Tenant: "acme"})
				if err != nil || len(page.Runs) != 1 || page.Runs[0].Outcome != runs.OutcomeSucceeded {
					t.Errorf("%s with %+v: runs = %v, error is %v, want one that has succeeded", method, fault, page.Runs, err)
				}
			}
		}
	})
}
