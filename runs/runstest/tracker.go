package runstest

import (
	"context"
	"testing"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

// A Tracker is a [runs.Tracker] for tests: it executes runs only when it is
// told to, and then all of them, before it returns. Its methods belong on the
// test's goroutine.
type Tracker struct {
	*runs.Tracker

	t     testing.TB
	store runs.Store
	claim runs.Claim
}

// New returns a Tracker made of cfg, whose Dispatcher must be nil. Without a
// Store it keeps runs and their items in memory. Its sweep goes on in the background
// until the test ends, and executes nothing. In a bubble of testing/synctest
// time passes as the test says, for the store in memory, too.
func New(t testing.TB, cfg runs.Config) *Tracker {
	t.Helper()
	d := &drain{claim: make(chan runs.Claim, 1)}
	if cfg.Dispatcher != nil {
		t.Fatal("runstest.New: Config.Dispatcher is set; the Tracker brings its own")
	}
	cfg.Dispatcher = d
	if cfg.Store == nil {
		store := memruns.New()
		cfg.Store, cfg.Items = store, store
	}
	tracker, err := runs.New(cfg)
	if err != nil {
		t.Fatalf("runstest.New: %v", err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- tracker.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run the tracker: %v", err)
		}
	})
	return &Tracker{Tracker: tracker, t: t, store: cfg.Store, claim: <-d.claim}
}

// Drain executes the runs that are queued, one after the other, those waiting
// longest first, and those that they start meanwhile; but not what is parked
// for later, or has to wait for its lane. It returns how many it has executed.
func (t *Tracker) Drain() int {
	t.t.Helper()
	q := runs.DueQuery{Claimable: true, Limit: 1000}
	for _, op := range t.Operations() {
		if op.Executes() {
			q.Types = append(q.Types, op.Type)
		}
	}
	for total := 0; ; {
		due, err := t.store.Due(t.t.Context(), q)
		if err != nil {
			t.t.Fatalf("drain: %v", err)
		}
		executed := 0
		for _, r := range due {
			execute, err := t.claim(t.t.Context(), r.Ref())
			if err != nil {
				t.t.Fatalf("drain: %v", err)
			}
			if execute != nil {
				execute(t.t.Context())
				executed++
			}
		}
		if executed == 0 {
			return total
		}
		total += executed
	}
}

// Execute starts the run that req asks for, drains, and returns the run as it
// is then. It ends the test if the start fails.
func (t *Tracker) Execute(req runs.Request) *runs.Run {
	t.t.Helper()
	s, err := t.Start(t.t.Context(), req)
	if err != nil {
		t.t.Fatalf("execute: %v", err)
	}
	t.Drain()
	r, err := t.Get(t.t.Context(), s.Run.Ref())
	if err != nil {
		t.t.Fatalf("execute: %v", err)
	}
	return r
}

// drain is the dispatcher of a Tracker. The store's rows are the queue, so it
// need not remember anything.
type drain struct{ claim chan runs.Claim }

func (*drain) Dispatch(context.Context, runs.Ref) error { return nil }

func (d *drain) Work(ctx context.Context, claim runs.Claim) error {
	d.claim <- claim
	<-ctx.Done()
	return nil
}
