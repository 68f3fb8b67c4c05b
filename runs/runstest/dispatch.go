package runstest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// An Engine is a dispatcher under test.
type Engine struct {
	Dispatcher runs.Dispatcher

	// Worker receives what Dispatcher carries. If nil, Dispatcher is a Worker,
	// too.
	Worker runs.Worker

	// Room is how many references the Dispatcher takes at most while nobody
	// works; 0 means that there is no such limit.
	Room int

	// Patience is how long a call or a delivery may take before it counts as
	// missing; 0 means 5 s.
	Patience time.Duration
}

// TestDispatcher checks that the dispatchers open returns keep every promise of
// [runs.Dispatcher] and [runs.Worker]. It calls open once for each promise;
// every engine must be empty. References may be delivered twice.
func TestDispatcher(t *testing.T, open func(t testing.TB) Engine) {
	checkAll(t, slices.Concat(dispatchPromises, workPromises), func(t testing.TB) *engine { return newEngine(open(t)) })
}

// An engine is an Engine with its defaults, and the calls of Work on it.
type engine struct {
	Engine
	rec *recorder
}

func newEngine(e Engine) *engine {
	if e.Worker == nil {
		e.Worker, _ = e.Dispatcher.(runs.Worker)
	}
	if e.Patience == 0 {
		e.Patience = 5 * time.Second
	}
	return &engine{e, &recorder{claims: map[runs.Ref]int{}, runs: map[runs.Ref][]*execution{}}}
}

// A recorder is the other side of a worker: it claims, and remembers. The
// functions are for tests that want something else than a claim that succeeds
// and an execution that does nothing; they are called without a lock.
type recorder struct {
	onClaim   func(ref runs.Ref, nth int) (nothing bool, err error)
	onExecute func(ctx context.Context, ref runs.Ref)

	mu     sync.Mutex
	claims map[runs.Ref]int // how often each reference was claimed
	runs   map[runs.Ref][]*execution
}

// An execution is one that a claim returned.
type execution struct{ begun, ended int }

func (r *recorder) claim(_ context.Context, ref runs.Ref) (func(context.Context), error) {
	r.mu.Lock()
	r.claims[ref]++
	nth := r.claims[ref]
	r.mu.Unlock()
	if r.onClaim != nil {
		if nothing, err := r.onClaim(ref, nth); nothing || err != nil {
			return nil, err
		}
	}
	x := new(execution)
	r.mu.Lock()
	r.runs[ref] = append(r.runs[ref], x)
	r.mu.Unlock()
	return func(ctx context.Context) {
		r.count(&x.begun)
		defer r.count(&x.ended)
		if r.onExecute != nil {
			r.onExecute(ctx, ref)
		}
	}, nil
}

func (r *recorder) count(n *int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*n++
}

// claimed is how often ref was claimed.
func (r *recorder) claimed(ref runs.Ref) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.claims[ref]
}

// claimedAll is how many claims there were in all.
func (r *recorder) claimedAll() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.claims {
		n += c
	}
	return n
}

// executed is how many executions of ref have ended.
func (r *recorder) executed(ref runs.Ref) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range r.runs[ref] {
		n += x.ended
	}
	return n
}

// balanced checks that every execution that was returned has run, once.
func (r *recorder) balanced() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for ref, all := range r.runs {
		for _, x := range all {
			if x.begun != 1 || x.ended != 1 {
				return fmt.Errorf("an execution of %s was called %d times and ended %d times, want once", ref.ID, x.begun, x.ended)
			}
		}
	}
	return nil
}

// ref returns the nth reference of a test.
func ref(n int) runs.Ref { return runs.Ref{Tenant: acme, ID: id(n), Type: testRun} }

func refs(n int) []runs.Ref {
	var all []runs.Ref
	for i := range n {
		all = append(all, ref(i))
	}
	return all
}

// dispatch calls Dispatch, which must not wait.
func (e *engine) dispatch(ctx context.Context, ref runs.Ref) error {
	done := make(chan error, 1)
	go func() { done <- e.Dispatcher.Dispatch(ctx, ref) }()
	late := time.NewTimer(e.Patience)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		return errors.New("dispatch does not return")
	}
}

// accept dispatches all of them, coming back later when there is no room.
func (e *engine) accept(ctx context.Context, all ...runs.Ref) error {
	for _, ref := range all {
		err := e.until(ctx, "dispatch "+ref.ID, func() error { return e.dispatch(ctx, ref) }, runs.ErrFull)
		if err != nil {
			return err
		}
	}
	return nil
}

// until calls f until it returns nil or an error other than retry, or until
// patience ends.
func (e *engine) until(ctx context.Context, what string, f func() error, retry error) error {
	for deadline := time.Now().Add(e.Patience); ; { //nolint:forbidigo // real time is what is tested
		err := f()
		if err == nil {
			return nil
		}
		if !errors.Is(err, retry) || time.Now().After(deadline) { //nolint:forbidigo // see above
			return fmt.Errorf("%s: %w", what, err)
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return err
		}
	}
}

var errNotYet = errors.New("does not happen")

// await waits until f holds.
func (e *engine) await(ctx context.Context, what string, f func() bool) error {
	return e.until(ctx, what, func() error {
		if f() {
			return nil
		}
		return errNotYet
	}, errNotYet)
}

// executes waits until each of them has been executed.
func (e *engine) executes(ctx context.Context, all ...runs.Ref) error {
	for _, ref := range all {
		if err := e.await(ctx, "execution of "+short(ref.ID), func() bool { return e.rec.executed(ref) > 0 }); err != nil {
			return err
		}
	}
	return nil
}

// A call is one call of Work.
type call struct {
	e      *engine
	cancel context.CancelFunc
	done   chan error
}

func (e *engine) work(ctx context.Context) *call {
	ctx, cancel := context.WithCancel(ctx)
	c := &call{e, cancel, make(chan error, 1)}
	go func() { c.done <- e.Worker.Work(ctx, e.rec.claim) }()
	return c
}

// stop ends the context of Work, and returns what it returns.
func (c *call) stop() error {
	c.cancel()
	late := time.NewTimer(c.e.Patience)
	defer late.Stop()
	select {
	case err := <-c.done:
		if err != nil {
			return fmt.Errorf("work: %w, want nil after its context has ended", err)
		}
		return nil
	case <-late.C:
		return errors.New("work does not return after its context has ended")
	}
}

// whileWorking calls f while Work is under way, ends that, and checks that
// every execution was called.
func (e *engine) whileWorking(ctx context.Context, f func() error) error {
	c := e.work(ctx)
	if err := errors.Join(f(), c.stop()); err != nil {
		return err
	}
	return e.rec.balanced()
}

// settle waits until there are no more goroutines than before.
func (e *engine) settle(ctx context.Context, before int) error {
	err := e.await(ctx, "end of goroutines", func() bool { return runtime.NumGoroutine() <= before })
	if err != nil {
		return fmt.Errorf("%w: %d, want %d", err, runtime.NumGoroutine(), before)
	}
	return nil
}
