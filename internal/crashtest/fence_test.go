//go:build unix

package crashtest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/crashtest"
	"github.com/tenantatlas/tenantatlas/internal/crashtest/model"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

// eachStore runs body on all three stores.
func eachStore(t *testing.T, body func(t *testing.T, s model.Store)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) { body(t, memruns.New()) })
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := crashtest.Open(t, db)
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		body(t, s)
	})
}

const fenced runs.Type = "fence.run"

// A side is one of the processes that share a store. It claims what it is told
// to, and its handlers wait for what they are to return.
type side struct {
	t       *testing.T
	tracker *runs.Tracker
	claims  chan runs.Claim
	claim   runs.Claim
	execs   chan attempt
	ends    chan error

	mu   sync.Mutex
	told []runs.Outcome
}

// An attempt is what a handler was called with.
type attempt struct {
	*runs.Exec
	ctx context.Context
}

func (*side) Dispatch(context.Context, runs.Ref) error { return nil }

func (s *side) Work(ctx context.Context, claim runs.Claim) error {
	s.claims <- claim
	<-ctx.Done()
	return nil
}

func (s *side) Observe(_ context.Context, r *runs.Run) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Ended() {
		s.told = append(s.told, r.Outcome)
	}
	return nil
}

func (s *side) tellings() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.told)
}

// newSide returns a process that looks around for lost runs that often.
func newSide(t *testing.T, store runs.Store, items runs.ItemStore, sweep time.Duration) *side {
	t.Helper()
	return newNamed(t, "", store, items, sweep)
}

func newNamed(t *testing.T, instance string, store runs.Store, items runs.ItemStore, sweep time.Duration) *side {
	t.Helper()
	s := &side{t: t, claims: make(chan runs.Claim, 1), execs: make(chan attempt, 1), ends: make(chan error)}
	cfg := crashtest.Tuned()
	// Only what the test says is over: nobody's lease ends by itself.
	cfg.Lease, cfg.Heartbeat, cfg.Margin = time.Hour, 10*time.Minute, time.Minute
	var looks atomic.Int32
	store = runstest.Faulty(store, func(method string, _ *runs.Run) runstest.Fault {
		if method == "Due" {
			looks.Add(1)
		}
		return runstest.Fault{}
	})
	cfg.Store, cfg.Items, cfg.Dispatcher, cfg.Observers, cfg.Sweep = store, items, s, []runs.Observer{s}, sweep
	cfg.Progress, cfg.Instance = time.Millisecond, instance
	cfg.Operations = []runs.Operation{runs.Define(fenced, func(ctx context.Context, x *runs.Exec, _ struct{}) error {
		s.execs <- attempt{x, ctx}
		return <-s.ends
	})}
	tracker, err := runs.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.tracker = tracker
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- tracker.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	s.claim = <-s.claims
	// It begins with a sweep, which has taken what is lost when it looks for
	// what was not announced and what is queued.
	eventually(t, "first sweep", func() bool { return looks.Load() >= 3 })
	return s
}

// begin claims a run and waits until its handler is at work. What it returns is
// closed when the attempt is over.
func (s *side) begin(ref runs.Ref) (x attempt, over chan struct{}) {
	s.t.Helper()
	execute, err := s.claim(s.t.Context(), ref)
	if err != nil || execute == nil {
		s.t.Fatalf("claim of %s: %t, %v", ref.ID, execute != nil, err)
	}
	over = make(chan struct{})
	go func() {
		defer close(over)
		execute(context.WithoutCancel(s.t.Context()))
	}()
	return <-s.execs, over
}

const never = 1000 * time.Hour

// lose ends the lease of a run, as time would do.
func lose(t *testing.T, s runs.Store, ref runs.Ref) {
	t.Helper()
	eventually(t, "end of the lease", func() bool {
		r, err := s.Get(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		r.LeaseUntil = time.Now().Add(-time.Hour)
		_, err = s.Update(t.Context(), r)
		return err == nil
	})
}

func eventually(t *testing.T, what string, happens func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !happens(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func get(t *testing.T, s runs.Store, ref runs.Ref) *runs.Run {
	t.Helper()
	r, err := s.Get(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestZombies lets attempts whose run was taken from them do what they like.
func TestZombies(t *testing.T) {
	// One that reports something learns that it has lost its run.
	acts := map[string]func(x attempt){
		"finishes": func(attempt) {},
		"writes progress": func(x attempt) {
			x.Count(7, 0, 0)
			<-x.ctx.Done()
		},
		"writes items": func(x attempt) {
			x.Succeed("zombie")
			<-x.ctx.Done()
		},
	}
	ends := map[string]error{"succeeds": nil, "fails": errors.New("boom")}
	for act, does := range acts {
		for how, end := range ends {
			for _, next := range []string{"after the rescue", "while the next attempt runs", "after the next attempt"} {
				t.Run(act+", "+how+" "+next, func(t *testing.T) {
					eachStore(t, func(t *testing.T, s model.Store) { zombie(t, s, does, end, next) })
				})
			}
		}
	}
}

func zombie(t *testing.T, s model.Store, does func(x attempt), end error, next string) {
	t.Helper()
	first := newSide(t, s, s, never)
	started, err := first.tracker.Start(t.Context(), runs.Request{Tenant: "acme", Type: fenced, Initiator: runs.User("dana", "")})
	if err != nil {
		t.Fatal(err)
	}
	ref := started.Run.Ref()
	x, over := first.begin(ref)
	lose(t, s, ref)
	second := newSide(t, s, s, 10*time.Millisecond)
	eventually(t, "rescue", func() bool { return get(t, s, ref).Status == runs.StatusQueued })

	var over2 chan struct{}
	if next != "after the rescue" {
		var x2 attempt
		x2, over2 = second.begin(ref)
		x2.Succeed("mine")
		eventually(t, "progress of the second attempt", func() bool { return get(t, s, ref).Counts.Succeeded == 1 })
	}
	if next == "after the next attempt" {
		second.ends <- nil
		<-over2
	}
	before := get(t, s, ref)
	does(x)
	first.ends <- end
	<-over
	after := get(t, s, ref)
	if next == "after the rescue" { // a sweep may ring
		before.Revision, before.NextRing = after.Revision, after.NextRing
	}
	if before.Revision != after.Revision || before.Status != after.Status || before.Counts.Succeeded != after.Counts.Succeeded || before.Attempt != after.Attempt {
		t.Errorf("the zombie has changed %+v\nto %+v", before, after)
	}
	if n := first.tellings(); n != 0 {
		t.Errorf("the zombie told the observer %d times", n)
	}
	switch next {
	case "after the rescue":
		_, over2 = second.begin(ref)
		fallthrough
	case "while the next attempt runs":
		second.ends <- nil
		<-over2
	}
	got := get(t, s, ref)
	if got.Outcome != runs.OutcomeSucceeded || got.Attempt != 2 || got.Lost != 1 || !got.Announced || second.tellings() != 1 {
		t.Errorf("the run is %+v, told %d times; want succeeded in attempt 2, told once", got, second.tellings())
	}
	page, err := s.Items(t.Context(), runs.ItemQuery{Run: ref})
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range page.Items {
		if it.Key == "zombie" {
			t.Error("the zombie's item is stored")
		}
	}
}

// TestTwoOfOneName starts a process under the name of one that is alive: it takes
// the other's run from it, and nothing is recorded twice.
func TestTwoOfOneName(t *testing.T) {
	eachStore(t, func(t *testing.T, s model.Store) {
		first := newNamed(t, "worker-1", s, s, never)
		started, err := first.tracker.Start(t.Context(), runs.Request{Tenant: "acme", Type: fenced, Initiator: runs.User("dana", "")})
		if err != nil {
			t.Fatal(err)
		}
		ref := started.Run.Ref()
		x, over := first.begin(ref)
		second := newNamed(t, "worker-1", s, s, never)
		eventually(t, "taking over", func() bool { return get(t, s, ref).Status == runs.StatusQueued })
		_, over2 := second.begin(ref)
		x.Count(7, 0, 0)
		<-x.ctx.Done()
		if cause := context.Cause(x.ctx); !errors.Is(cause, runs.ErrLeaseLost) {
			t.Errorf("the first worker's context ended because of %v, want %v", cause, runs.ErrLeaseLost)
		}
		first.ends <- nil
		<-over
		second.ends <- nil
		<-over2
		got := get(t, s, ref)
		if got.Outcome != runs.OutcomeSucceeded || got.Attempt != 2 || got.Lost != 1 || got.Counts.Succeeded != 0 {
			t.Errorf("the run is %+v; want succeeded in attempt 2, lost once, nothing counted", got)
		}
		if first.tellings() != 0 || second.tellings() != 1 {
			t.Errorf("told %d and %d times, want never and once", first.tellings(), second.tellings())
		}
	})
}

// TestSweepAgainstFinish lets a worker finish between the look of a sweep and
// its write, and the other way round.
func TestSweepAgainstFinish(t *testing.T) {
	eachStore(t, func(t *testing.T, s model.Store) {
		worker := newSide(t, s, s, never)
		started, err := worker.tracker.Start(t.Context(), runs.Request{Tenant: "acme", Type: fenced, Initiator: runs.User("dana", "")})
		if err != nil {
			t.Fatal(err)
		}
		ref := started.Run.Ref()
		_, over := worker.begin(ref)
		lose(t, s, ref)
		var once sync.Once
		written := make(chan struct{})
		late := runstest.Faulty(s, func(method string, r *runs.Run) runstest.Fault {
			if method == "Update" && r.ID == ref.ID && r.Status == runs.StatusQueued {
				once.Do(func() { // the sweep has read, and not written
					worker.ends <- nil
					<-over
					close(written)
				})
			}
			return runstest.Fault{}
		})
		sweeper := newSide(t, late, s, 10*time.Millisecond)
		<-written
		got := get(t, s, ref)
		if got.Outcome != runs.OutcomeSucceeded || got.Lost != 0 || got.Attempt != 1 {
			t.Errorf("the run ended as %s, attempt %d, lost %d times; want succeeded, 1, never", got.Outcome, got.Attempt, got.Lost)
		}
		if worker.tellings() != 1 || sweeper.tellings() != 0 {
			t.Errorf("the worker told %d times and the sweep %d times, want once and never", worker.tellings(), sweeper.tellings())
		}
	})
}

// TestManySweepers has eight processes find the same lost runs.
func TestManySweepers(t *testing.T) {
	n := crashtest.Kills(250) // 10,000 in the long version
	eachStore(t, func(t *testing.T, s model.Store) {
		var group sync.WaitGroup
		errs := make(chan error, n)
		for w := range 8 {
			group.Go(func() {
				for i := w; i < n; i += 8 {
					r := &runs.Run{
						Tenant: "acme", ID: fmt.Sprint("lost-", i), Type: fenced, Status: runs.StatusRunning, Attempt: 1,
						Initiator: runs.User("dana", ""), Params: []byte("{}"), CreatedAt: time.Now(), LeaseUntil: time.Now().Add(-time.Minute),
					}
					if _, _, err := s.Insert(t.Context(), r); err != nil {
						errs <- err
						return
					}
				}
			})
		}
		group.Wait()
		if len(errs) > 0 {
			t.Fatal(<-errs)
		}
		for range 8 {
			newSide(t, s, s, 10*time.Millisecond)
		}
		for i := range n {
			ref := runs.Ref{Tenant: "acme", ID: fmt.Sprint("lost-", i)}
			var r *runs.Run
			eventually(t, "rescue of "+ref.ID, func() bool {
				r = get(t, s, ref)
				return r.Status == runs.StatusQueued
			})
			if r.Lost != 1 || r.Attempt != 1 {
				t.Errorf("%s: lost %d times, attempt %d; want once, 1", ref.ID, r.Lost, r.Attempt)
			}
		}
	})
}
