package enginetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

type input struct {
	N int `json:"n"`
}

// Request returns the n-th request.
func Request(n int) runs.Request {
	return runs.Request{Tenant: "acme", Type: "test.run", Params: input{n}, Initiator: runs.User("dana", "Dana")}
}

// Track returns a Tracker that executes the n-th requests with handle until the
// test ends.
func Track(t *testing.T, store runs.Store, d runs.Dispatcher, handle func(ctx context.Context, n int) error) *runs.Tracker {
	t.Helper()
	tracker, err := runs.New(runs.Config{
		Store:      store,
		Dispatcher: d,
		Operations: []runs.Operation{
			runs.Define("test.run", func(ctx context.Context, _ *runs.Exec, in input) error { return handle(ctx, in.N) }),
		},
		Sweep: 100 * time.Millisecond,
		Ring:  2 * time.Second, // longer than a start waits for its dispatcher
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- tracker.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run the tracker: %v", err)
		}
	})
	return tracker
}

// A Tally is how often each request was executed, and where. Its zero value is
// empty.
type Tally struct {
	mu    sync.Mutex
	times map[int]int
	by    map[string]int
}

// Handler returns a handler that counts what it executes for the process of a
// name.
func (c *Tally) Handler(name string) func(context.Context, int) error {
	return func(_ context.Context, n int) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.times == nil {
			c.times, c.by = map[int]int{}, map[string]int{}
		}
		c.times[n]++
		c.by[name]++
		return nil
	}
}

// Of returns how often the n-th request was executed.
func (c *Tally) Of(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.times[n]
}

// By returns how much the process of a name has executed.
func (c *Tally) By(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.by[name]
}

// Succeeded waits for the end of a run, which has to be its first attempt.
func Succeeded(t *testing.T, tracker *runs.Tracker, ref runs.Ref) {
	t.Helper()
	r := ended(t, tracker, ref)
	if r.Outcome != runs.OutcomeSucceeded || r.Attempt != 1 || r.Lost != 0 {
		t.Errorf("run %s ended %s at attempt %d, and lost %d workers; want it succeeded at the first", ref.ID, r.Outcome, r.Attempt, r.Lost)
	}
}

func ended(t *testing.T, tracker *runs.Tracker, ref runs.Ref) *runs.Run {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := tracker.Wait(ctx, ref)
	if err != nil {
		t.Fatalf("wait for %s: %v", ref.ID, err)
	}
	return r
}

// StartAll starts n runs with 8 callers, alternately with each of the trackers,
// and counts those that are through. Runs that the dispatcher refused are among
// them.
func StartAll(t *testing.T, trackers []*runs.Tracker, n int, through *atomic.Int64) []runs.Started {
	t.Helper()
	all := make([]runs.Started, n)
	var callers sync.WaitGroup
	for c := range 8 {
		callers.Go(func() {
			for i := c; i < n; i += 8 {
				s, err := trackers[i%len(trackers)].Start(t.Context(), Request(i))
				if err != nil && !errors.Is(err, runs.ErrDispatchFailed) {
					t.Errorf("Start: %v", err)
				}
				all[i] = s
				through.Add(1)
			}
		})
	}
	callers.Wait()
	return all
}

// ExecutedOnce tests that every run has ended: those that the dispatcher accepted
// have succeeded at once, the others have failed and were not executed. Most must
// be accepted.
func ExecutedOnce(t *testing.T, tracker *runs.Tracker, all []runs.Started, count *Tally) {
	t.Helper()
	accepted := 0
	for i, s := range all {
		if s.Run == nil {
			t.Fatalf("run %d does not exist", i)
		}
		want, times := runs.OutcomeSucceeded, 1
		if s.Run.Outcome == runs.OutcomeFailed {
			want, times = runs.OutcomeFailed, 0
		} else {
			accepted++
		}
		r := ended(t, tracker, s.Run.Ref())
		if r.Outcome != want || r.Attempt != times || count.Of(i) != times {
			t.Errorf("run %d ended %s at attempt %d after %d executions; want it %s after %d",
				i, r.Outcome, r.Attempt, count.Of(i), want, times)
		}
	}
	if accepted < len(all)/2 {
		t.Errorf("%d of %d runs were accepted, want most of them", accepted, len(all))
	}
}

// TwoProcesses tests that each of 200 runs, which two processes start, is executed
// once by one of them, and that both have some.
func TwoProcesses(t *testing.T, process func() (runs.Store, Engine)) {
	t.Helper()
	var count Tally
	var trackers []*runs.Tracker
	names := []string{"first", "second"}
	for _, name := range names {
		store, e := process()
		trackers = append(trackers, Track(t, store, e, count.Handler(name)))
	}
	for i, s := range StartAll(t, trackers, 200, new(atomic.Int64)) {
		Succeeded(t, trackers[0], s.Run.Ref())
		if got := count.Of(i); got != 1 {
			t.Errorf("run %d was executed %d times, want once", i, got)
		}
	}
	for _, name := range names {
		if count.By(name) == 0 {
			t.Errorf("the %s process has executed nothing", name)
		}
	}
}
