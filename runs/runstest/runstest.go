// Package runstest tests implementations of [runs.Store], [runs.ItemStore],
// [runs.Counter] and [runs.Dispatcher], and helps programs to test what they
// built on package runs.
//
// A driver's own test is one call for each interface:
//
//	func TestStore(t *testing.T) {
//		runstest.TestStore(t, func(t testing.TB) runs.Store { return open(t) })
//	}
//
// Every sentence of an interface's documentation is a test of its own, which
// fails with that sentence.
//
// A program's test of its own operations needs no goroutines:
//
//	tracker := runstest.New(t, runs.Config{Store: memruns.New(), Operations: operations})
//	run := tracker.Execute(runs.Request{Tenant: "acme", Type: "report.import", Initiator: dana})
//	// run has ended; see also Tracker.Drain and Faulty
package runstest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// TestStore checks that the stores open returns keep every promise of
// [runs.Store]. It calls open once for each promise; every store must be empty.
// To see that two stores over the same data act as one, return both of them
// [Alternate]d.
func TestStore(t *testing.T, open func(t testing.TB) runs.Store) {
	checkAll(t, storePromises(), open)
}

// A promise is one sentence of an interface's documentation. Its check returns
// an error rather than failing a test, so that runstest can be tested.
type promise[S any] struct {
	name, text string
	check      func(ctx context.Context, s S) error
}

func checkAll[S any](t *testing.T, promises []promise[S], open func(t testing.TB) S) {
	t.Helper()
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) {
			if err := p.check(t.Context(), open(t)); err != nil {
				t.Errorf("%v\nbroken promise: %s", err, p.text)
			}
		})
	}
}

func storePromises() []promise[runs.Store] {
	return slices.Concat(
		insertPromises, joinPromises, getPromises, updatePromises, earlyPromises, lanePromises, stampPromises, valuePromises,
		listPromises, filterPromises, cursorPromises, duePromises, leftPromises, ringPromises, concurrencyPromises, contextPromises, modelPromises,
	)
}

// The tenant and the type of most runs in the tests.
const (
	acme   = "acme"
	globex = "globex"

	testRun   runs.Type = "test.run"
	otherRun  runs.Type = "test.other"
	testOther runs.Type = "test.other"
)

// created is when most runs in the tests were created.
var created = time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)

// queued returns a queued run. The key may be empty.
func queued(tenant, id string, key runs.Key) *runs.Run {
	return &runs.Run{
		Tenant:    tenant,
		ID:        id,
		Type:      testRun,
		Status:    runs.StatusQueued,
		Key:       key,
		Initiator: runs.User("dana", "Dana"),
		Params:    []byte(`{}`),
		CreatedAt: created,
		UpdatedAt: created,
	}
}

// ended returns a completed run that is announced.
func ended(tenant, id string) *runs.Run { return end(queued(tenant, id, "")) }

// end completes r, announced, and returns it.
func end(r *runs.Run) *runs.Run {
	r.Status, r.Outcome, r.Announced = runs.StatusCompleted, runs.OutcomeSucceeded, true
	r.CompletedAt = r.CreatedAt.Add(time.Minute)
	return r
}

// begin makes r run its next attempt, with a lease of an hour, and returns it.
func begin(r *runs.Run) *runs.Run {
	r.Status = runs.StatusRunning
	r.Attempt++
	r.Timing.Lease = time.Hour
	return r
}

// full returns a completed run in which every field differs from zero.
func full(tenant, id string) *runs.Run {
	at := func(minutes int) time.Time { return created.Add(time.Duration(minutes) * time.Minute) }
	return &runs.Run{
		Tenant:    tenant,
		ID:        id,
		Type:      testRun,
		Status:    runs.StatusCompleted,
		Outcome:   runs.OutcomePartiallySucceeded,
		Key:       "v1:" + runs.Key(id),
		Once:      "once " + id,
		Lane:      "lane " + id,
		Inline:    true,
		Initiator: runs.Schedule("nightly", "Every night"),
		Target:    runs.Target{Kind: "backup_set", ID: "set-7", Name: "Weekly"},
		Params:    []byte(`{"b": 1, "a": [1.0, "é"]}`),
		Context:   map[string]string{"selection": "all", "empty": ""},
		Counts:    runs.Counts{Total: 10, Succeeded: 4, Failed: 3, Skipped: 2, Extra: map[string]int64{"objects": 77, "none": 0}},
		Failure:   runs.Because(runs.ReasonThrottled),
		Failures: []runs.ItemFailure{
			{Key: "item 1", Failure: runs.Because(runs.ReasonNotFound)},
			{Key: "item 0", Failure: runs.Failure{Reason: "ext.test.odd", Message: "It was odd."}},
		},
		Waiting:     runs.Because(runs.ReasonApproval),
		Attempt:     3,
		Lost:        2,
		Rings:       4,
		Instance:    "worker-1",
		Incarnation: "third",
		LeaseUntil:  at(1),
		NotBefore:   at(2),
		NextRing:    at(3),
		Announced:   true,
		Cancel:      runs.CancelRequest{At: at(4), By: runs.User("erin", "Erin"), Why: "Not needed."},
		RetryOf:     "r-before",
		CreatedAt:   at(0),
		StartedAt:   at(5),
		CompletedAt: at(6),
		UpdatedAt:   at(7),
	}
}

// id returns IDs that sort as n does.
func id(n int) string { return fmt.Sprintf("r%05d", n) }

// insert adds r and returns it as it is stored. It must be new.
func insert(ctx context.Context, s runs.Store, r *runs.Run) (*runs.Run, error) {
	stored, inserted, err := s.Insert(ctx, r)
	switch {
	case err != nil:
		return nil, fmt.Errorf("insert %s: %w", short(r.ID), err)
	case !inserted:
		return nil, fmt.Errorf("insert %s: inserted = false, want a new run", short(r.ID))
	case stored == nil:
		return nil, fmt.Errorf("insert %s: returned no run", short(r.ID))
	}
	return stored, nil
}

// insertAll adds all of them, each new.
func insertAll(ctx context.Context, s runs.Store, all ...*runs.Run) error {
	for _, r := range all {
		if _, err := insert(ctx, s, r); err != nil {
			return err
		}
	}
	return nil
}

// insertMany adds all of them, each new, several at a time: drivers that commit
// in groups are quick then.
func insertMany(ctx context.Context, s runs.Store, all []*runs.Run) error {
	errs := make([]error, atOnce)
	together(func(i int) {
		for ; i < len(all) && errs[i%atOnce] == nil; i += atOnce {
			_, errs[i%atOnce] = insert(ctx, s, all[i])
		}
	})
	return errors.Join(errs...)
}

// manyQueued returns n queued runs of acme.
func manyQueued(n int) []*runs.Run {
	var all []*runs.Run
	for i := range n {
		all = append(all, queued(acme, id(i), ""))
	}
	return all
}

// joins checks that inserting r returns the run with the ID want instead.
func joins(ctx context.Context, s runs.Store, r *runs.Run, want string) error {
	stored, inserted, err := s.Insert(ctx, r)
	switch {
	case err != nil:
		return fmt.Errorf("insert %s: %w", r.ID, err)
	case inserted:
		return fmt.Errorf("insert %s: inserted = true, want it to join %s", r.ID, want)
	case stored == nil || stored.ID != want:
		return fmt.Errorf("insert %s: joined %v, want %s", r.ID, stored, want)
	}
	return nil
}

// update writes r and returns it as it is stored, which is with its Params.
func update(ctx context.Context, s runs.Store, r *runs.Run) (*runs.Run, error) {
	stored, err := s.Update(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("update %s: %w", short(r.ID), err)
	}
	if stored == nil {
		return nil, fmt.Errorf("update %s: returned no run", short(r.ID))
	}
	if len(stored.Params) > 0 {
		return nil, fmt.Errorf("update %s: returned a run with Params", short(r.ID))
	}
	stored.Params = slices.Clone(r.Params)
	return stored, nil
}

func get(ctx context.Context, s runs.Store, tenant, id string) (*runs.Run, error) {
	r, err := s.Get(ctx, runs.Ref{Tenant: tenant, ID: id})
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", short(id), err)
	}
	return r, nil
}

// isStored checks that the store has want, and exactly it.
func isStored(ctx context.Context, s runs.Store, want *runs.Run) error {
	got, err := get(ctx, s, want.Tenant, want.ID)
	if err != nil {
		return err
	}
	if err := diff(want, got); err != nil {
		return fmt.Errorf("get %s: %w", short(want.ID), err)
	}
	return nil
}

// isMissing checks that the tenant has no run with this ID.
func isMissing(ctx context.Context, s runs.Store, tenant, id string) error {
	_, err := s.Get(ctx, runs.Ref{Tenant: tenant, ID: id, Type: testRun})
	return wantErr("get", err, runs.ErrNotFound)
}

func wantErr(call string, got, want error) error {
	if !errors.Is(got, want) {
		return fmt.Errorf("%s: error is %v, want %v", call, got, want)
	}
	return nil
}

// clockOf returns the store's clock, by a run that it inserts in a tenant of
// its own.
func clockOf(ctx context.Context, s runs.Store, id string) (time.Time, error) {
	r := ended("clock", id)
	r.Type = "test.clock"
	r.Timing.Ring = time.Hour
	stored, err := insert(ctx, s, r)
	if err != nil {
		return time.Time{}, err
	}
	return stored.NextRing.Add(-time.Hour), nil
}

// short keeps long IDs out of messages.
func short(id string) string {
	if len(id) > 40 {
		return fmt.Sprintf("%s… (%d bytes)", id[:20], len(id))
	}
	return id
}
