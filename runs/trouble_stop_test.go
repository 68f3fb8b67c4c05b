package runs_test

import (
	"context"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

// hanging is an operation of another type, which keeps a process from stopping
// until it is told to.
const hanging = runs.Type("other.thing")

func startHanging(t *testing.T, tracker *runs.Tracker) {
	t.Helper()
	req := request(nil)
	req.Type = hanging
	start(t, tracker, req)
	synctest.Wait()
}

// Do returns the record of a run that has ended, also while its process stops.
func TestDoWhileStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker := newTracker(t, runs.Config{Operations: []runs.Operation{op(nothing), runs.Define(hanging, untilTold)}})
		stop := begin(t, tracker)
		startHanging(t, tracker)
		done := make(chan runs.Started, 1)
		go func() {
			s, err := tracker.Do(t.Context(), request(nil), func(ctx context.Context, x *runs.Exec) error { return untilTold(ctx, x, selection{}) })
			if err != nil {
				t.Errorf("Do: %v", err)
			}
			done <- s
		}()
		synctest.Wait()
		stop()
		if s := <-done; s.Run != nil {
			wantEnd(t, s.Run, runs.OutcomeCanceled, runs.ReasonCanceled)
		}
	})
}

// What its caller executes nobody else does: neither this process's worker nor
// another one, also if it began when the process had been told to stop.
func TestDoIsNobodyElses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memruns.New()
		executed := 0
		o := op(func(context.Context, *runs.Exec, selection) error { executed++; return nil })
		first := newTracker(t, runs.Config{Store: store, Operations: []runs.Operation{o, runs.Define(hanging, untilTold)}})
		stop := begin(t, first)
		startHanging(t, first)
		stop()
		s, err := first.Do(t.Context(), request(nil), func(ctx context.Context, x *runs.Exec) error { return untilTold(ctx, x, selection{}) })
		if err != nil {
			t.Fatalf("Do: %v", err)
		}
		wantEnd(t, s.Run, runs.OutcomeCanceled, runs.ReasonCanceled)
		second := newTracker(t, runs.Config{Store: store, Operations: []runs.Operation{o}})
		stop = begin(t, second)
		time.Sleep(time.Minute)
		stop()
		if executed != 0 {
			t.Errorf("the operation's handler was called %d times, want never", executed)
		}
	})
}

// Do waits for its own work, also when the process waits for nothing any more.
func TestDoWaitsForItsWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := runs.Define(hanging, func(context.Context, *runs.Exec, selection) error { time.Sleep(time.Hour); return nil })
		tracker := newTracker(t, runs.Config{Operations: []runs.Operation{op(nothing), stuck}})
		stop := begin(t, tracker)
		startHanging(t, tracker)
		stop()
		for i := range 20 { // two things that are ready are taken in any order
			working := false
			s, err := tracker.Do(t.Context(), request(other(i)), func(context.Context, *runs.Exec) error {
				working = true
				time.Sleep(time.Minute)
				working = false
				return nil
			})
			if err != nil {
				t.Fatalf("Do: %v", err)
			}
			if working {
				t.Fatal("Do returned while its function was at work")
			}
			wantEnd(t, s.Run, runs.OutcomeSucceeded, "")
		}
		time.Sleep(time.Hour)
	})
}

// A request to cancel that comes while a handler is being stopped is heard.
func TestCancelWhileStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker := newTracker(t, runs.Config{Operations: []runs.Operation{op(func(ctx context.Context, _ *runs.Exec, _ selection) error {
			<-ctx.Done()
			time.Sleep(2 * time.Second) // cleans up
			return ctx.Err()
		})}})
		stop := begin(t, tracker)
		s := start(t, tracker, request(nil))
		synctest.Wait()
		stopped := make(chan struct{})
		go func() { stop(); close(stopped) }()
		time.Sleep(11 * time.Second) // the grace is over
		if _, err := tracker.RequestCancel(t.Context(), s.Run.Ref(), dana, "wrong tenant"); err != nil {
			t.Fatalf("RequestCancel: %v", err)
		}
		<-stopped
		r, err := tracker.Get(t.Context(), s.Run.Ref())
		if err != nil {
			t.Fatalf("Get: %v", err)
		}
		wantEnd(t, r, runs.OutcomeCanceled, runs.ReasonCanceled)
		if r.Cancel.Why != "wrong tenant" {
			t.Errorf("reason = %q, want the one that was given", r.Cancel.Why)
		}
	})
}

// The next attempt does not begin beside a handler that was left behind in a
// process that had to go, unless that needs longer than a lease.
func TestAbandonedHandlerIsNotDoubled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memruns.New()
		var running, most atomic.Int32
		o := op(func(context.Context, *runs.Exec, selection) error {
			n := running.Add(1)
			most.Store(max(most.Load(), n))
			time.Sleep(20 * time.Second)
			running.Add(-1)
			return nil
		})
		first := newTracker(t, runs.Config{Store: store, Operations: []runs.Operation{o}})
		stopFirst := begin(t, first)
		s := start(t, first, request(nil))
		synctest.Wait()
		second := newTracker(t, runs.Config{Store: store, Operations: []runs.Operation{o}})
		stopSecond := begin(t, second)
		stopFirst()
		r := wait(t, second, s.Run)
		stopSecond()
		wantEnd(t, r, runs.OutcomeSucceeded, "")
		if most.Load() != 1 || r.Attempt != 2 || r.Lost != 0 {
			t.Errorf("%d executions at a time, attempt %d, lost %d; want 1, 2, never", most.Load(), r.Attempt, r.Lost)
		}
	})
}

// What a handler returns because its process stops is not the run's end,
// however it is put: the next attempt decides.
func TestVerdictWhileStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker := newTracker(t, runs.Config{Operations: []runs.Operation{op(func(ctx context.Context, x *runs.Exec, _ selection) error {
			x.Succeed("a")
			<-ctx.Done()
			return runs.Partial(runs.Public(context.Cause(ctx), runs.ReasonOutcomeUnknown, ""))
		})}})
		stop := begin(t, tracker)
		s := start(t, tracker, request(nil))
		synctest.Wait()
		stop()
		r, err := tracker.Get(t.Context(), s.Run.Ref())
		if err != nil {
			t.Fatalf("Get: %v", err)
		}
		if r.Status != runs.StatusQueued || r.Lost != 0 || r.Failure.Reason != "" {
			t.Errorf("run is %s, lost %d, failed because of %q; want queued, never, nothing", r.Status, r.Lost, r.Failure.Reason)
		}
	})
}

// However bad it is, a process stops within its grace, 5 s for handlers that do
// not listen and 3 s for records and observers.
func TestStopIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hooked{Store: memruns.New()}
		var down atomic.Bool
		store.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
			if down.Load() {
				return nil, runs.ErrStoreUnavailable
			}
			return store.Store.Update(ctx, r)
		}
		tracker := newTracker(t, runs.Config{
			Store:      store,
			Operations: []runs.Operation{op(untilTold), runs.Define(hanging, nothing)},
			Observers: []runs.Observer{observeFunc(func(ctx context.Context, r *runs.Run) error {
				if r.Ended() {
					down.Store(true)
					time.Sleep(time.Hour) // does not listen
				}
				return nil
			})},
		})
		stop := begin(t, tracker)
		start(t, tracker, request(nil))
		time.Sleep(4900 * time.Millisecond) // just before a heartbeat
		startHanging(t, tracker)
		if !down.Load() {
			t.Error("the store is not down")
		}
		began := time.Now()
		stop()
		if took := time.Since(began); took > 18*time.Second {
			t.Errorf("Run returned %v after its context ended, want at most 18s", took)
		}
		time.Sleep(time.Hour) // until the observer is gone
	})
}

// Nothing of a Tracker goes on when Run has returned and the handlers have
// listened.
func TestStopLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memruns.New()
		tracker := newTracker(t, runs.Config{
			Store: store, Items: store,
			Observers: []runs.Observer{observeFunc(func(context.Context, *runs.Run) error { return nil })},
			Operations: []runs.Operation{op(func(ctx context.Context, x *runs.Exec, in selection) error {
				x.Succeed("a")
				switch {
				case in.Full:
					return x.Park(time.Minute, runs.ReasonApproval)
				case len(in.Kinds) > 0:
					return nil
				}
				return untilTold(ctx, x, in)
			})},
		})
		put(t, store, "lost", func(r *runs.Run) { r.Status, r.Attempt, r.Lost = runs.StatusRunning, 1, 2 })
		put(t, store, "unannounced", func(r *runs.Run) { r.Status, r.Outcome = runs.StatusCompleted, runs.OutcomeSucceeded })
		stop := begin(t, tracker)
		for _, in := range []selection{{}, {Full: true}, {Kinds: []string{"a"}}} {
			start(t, tracker, request(in))
		}
		time.Sleep(10 * time.Second)
		stop()
		synctest.Wait()
		if left := goroutines("tenantatlas/runs.("); len(left) != 0 {
			t.Errorf("%d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
		}
	})
}

// goroutines returns the stacks, of those in a bubble, that have part in them.
func goroutines(part string) (stacks []string) {
	text := make([]byte, 1<<20)
	text = text[:runtime.Stack(text, true)]
	for stack := range strings.SplitSeq(string(text), "\n\n") {
		head, _, _ := strings.Cut(stack, "\n")
		if strings.Contains(head, "synctest bubble") && strings.Contains(stack, part) {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}
