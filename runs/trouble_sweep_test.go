package runs_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

// inLane is an operation whose runs share one lane.
func inLane(handle func(ctx context.Context, x *runs.Exec, in selection) error) runs.Operation {
	return runs.Spec[selection]{Type: sync1, Lane: func(selection) string { return "set-1" }, Handle: handle}.Operation()
}

// takes is a handler that needs d.
func takes(d time.Duration) func(context.Context, *runs.Exec, selection) error {
	return func(context.Context, *runs.Exec, selection) error { time.Sleep(d); return nil }
}

// busyIfFull needs an hour for a full selection, and no time for another one.
func busyIfFull(_ context.Context, _ *runs.Exec, in selection) error {
	if in.Full {
		time.Sleep(time.Hour)
	}
	return nil
}

// Runs that have lost their worker are taken care of in time, however many
// observers, or a broker, do not answer for others.
func TestRescueWaitsForNobody(t *testing.T) {
	t.Run("observers", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			store := memruns.New()
			for i := range 40 {
				put(t, store, fmt.Sprintf("a%02d", i), func(r *runs.Run) { r.Status, r.Outcome = runs.StatusCompleted, runs.OutcomeFailed })
			}
			rescued(t, store, runs.Config{Store: store, Observers: []runs.Observer{observeFunc(func(ctx context.Context, r *runs.Run) error {
				if r.Ended() {
					<-ctx.Done() // the mail server does not answer
				}
				return ctx.Err()
			})}})
		})
	})
	t.Run("broker", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			store := memruns.New()
			for i := range 90 {
				put(t, store, fmt.Sprintf("a%02d", i), func(r *runs.Run) { r.CreatedAt = r.CreatedAt.Add(-time.Minute) })
			}
			rescued(t, store, runs.Config{Store: store, Dispatcher: dispatchFunc(func(ctx context.Context, _ runs.Ref) error {
				<-ctx.Done()
				return ctx.Err()
			})})
		})
	})
}

// rescued wants a run that was lost for the last time to be found within 45 s
// of its last heartbeat.
func rescued(t *testing.T, store runs.Store, cfg runs.Config) {
	t.Helper()
	lost := put(t, store, "z", func(r *runs.Run) {
		r.Status, r.Attempt, r.Lost, r.Timing.Lease = runs.StatusRunning, 1, 2, 30*time.Second
	})
	tracker := newTracker(t, cfg)
	stop := begin(t, tracker)
	began := time.Now()
	wantEnd(t, wait(t, tracker, lost), runs.OutcomeFailed, runs.ReasonWorkerLost)
	if took := time.Since(began); took > 45*time.Second {
		t.Errorf("the lost worker was noticed after %v, want at most 45s", took)
	}
	stop()
}

// The end of a run is not told again while it is being told, neither by the
// sweeps of this process nor by those of another one.
func TestAnnouncementIsNotDoubled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most, calls atomic.Int32
		cfg := runs.Config{Store: memruns.New(), Observers: []runs.Observer{observeFunc(func(_ context.Context, r *runs.Run) error {
			if r.Ended() {
				calls.Add(1)
				most.Store(max(most.Load(), now.Add(1)))
				time.Sleep(20 * time.Second)
				now.Add(-1)
			}
			return nil
		})}}
		first, second := newTracker(t, cfg), newTracker(t, cfg)
		stopFirst, stopSecond := begin(t, first), begin(t, second)
		start(t, first, request(nil))
		time.Sleep(5 * time.Minute)
		stopFirst()
		stopSecond()
		if most.Load() != 1 || calls.Load() != 1 {
			t.Errorf("told %d times, %d at a time; want once", calls.Load(), most.Load())
		}
	})
}

// An observer that ends its goroutine ends nothing else.
func TestObserverEndsItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hooked{Store: memruns.New()}
		put(t, store, "a", func(r *runs.Run) { r.Status, r.Outcome = runs.StatusCompleted, runs.OutcomeFailed })
		tracker := newTracker(t, runs.Config{Store: store, Observers: []runs.Observer{observeFunc(func(context.Context, *runs.Run) error {
			runtime.Goexit()
			return nil
		})}})
		stop := begin(t, tracker)
		time.Sleep(time.Minute)
		before := store.dues.Load()
		time.Sleep(time.Minute)
		if n := store.dues.Load() - before; n < 5 {
			t.Errorf("%d looks for due runs in a minute, want some for every sweep", n)
		}
		wantEnd(t, wait(t, tracker, start(t, tracker, request(nil)).Run), runs.OutcomeSucceeded, "")
		stop()
	})
}

// Due runs that cannot be written are looked for no more often than others.
func TestSweepDoesNotSpin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hooked{Store: memruns.New()}
		store.update = func(context.Context, *runs.Run) (*runs.Run, error) {
			time.Sleep(time.Millisecond) // lest a fake clock stands still
			return nil, errors.New("disk is full")
		}
		for i := range 100 {
			put(t, store, fmt.Sprintf("a%02d", i), func(r *runs.Run) { r.CreatedAt = r.CreatedAt.Add(-time.Hour) })
		}
		stop := begin(t, newTracker(t, runs.Config{Store: store}))
		time.Sleep(time.Minute)
		stop()
		if n := store.dues.Load(); n > 3*60/1.5 {
			t.Errorf("%d looks for due runs in a minute, want three for each sweep, of which there is one every 1.5 to 2.5s", n)
		}
	})
}

// Processes that cannot execute a type leave its rings to those who can.
func TestDeclaredOnlyDoesNotRing(t *testing.T) {
	for range 10 { // sweeps are uneven
		synctest.Test(t, func(t *testing.T) {
			store := memruns.New()
			declared := []runs.Operation{runs.Spec[selection]{Type: sync1}.Operation()}
			var web *runs.Tracker
			var stops []func()
			for range 5 {
				web = newTracker(t, runs.Config{Store: store, Operations: declared})
				stops = append(stops, begin(t, web))
			}
			stops = append(stops, begin(t, newTracker(t, runs.Config{Store: store})))
			time.Sleep(10 * time.Second)
			r := wait(t, web, start(t, web, request(nil)).Run)
			if took := r.StartedAt.Sub(r.CreatedAt); took > 10*time.Second {
				t.Errorf("an idle worker began %v after the start, want at most 10s", took)
			}
			for _, stop := range stops {
				stop()
			}
		})
	}
}

// What waits for a process that is full is taken by another one with room,
// whether that was there before or joins later.
func TestIdleProcessTakesTheBacklog(t *testing.T) {
	for _, later := range []time.Duration{0, 30 * time.Minute} {
		t.Run(later.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memruns.New()
				o := []runs.Operation{op(busyIfFull)}
				full := newTracker(t, runs.Config{Store: store, Dispatcher: newPool(1, 1), Operations: o})
				stopFull := begin(t, full)
				start(t, full, request(selection{Full: true}))
				synctest.Wait()
				var all []*runs.Run
				for i := range 50 {
					all = append(all, start(t, full, request(other(i))).Run)
				}
				time.Sleep(later)
				idle := newTracker(t, runs.Config{Store: store, Operations: o})
				joined := time.Now()
				stopIdle := begin(t, idle)
				for _, r := range all {
					wait(t, idle, r)
				}
				if took := time.Since(joined); took > 20*time.Second {
					t.Errorf("an idle process began the last one after %v, want at most 20s", took)
				}
				stopIdle()
				stopFull()
				time.Sleep(2 * time.Hour)
			})
		})
	}
}

// A claim that leads to nothing frees a place in the queue like any other.
func TestBacklogAfterClaimsOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(3, 1)
		gate := make(chan struct{})
		tracker := newTracker(t, runs.Config{Sweep: time.Hour, Ring: time.Hour, Dispatcher: engine{p, workFunc(func(ctx context.Context, claim runs.Claim) error {
			<-gate
			return p.Work(ctx, claim)
		})}})
		stop := begin(t, tracker)
		synctest.Wait()
		for i := range 3 {
			r := start(t, tracker, request(other(i))).Run
			if _, err := tracker.RequestCancel(t.Context(), r.Ref(), dana, ""); err != nil {
				t.Fatalf("RequestCancel: %v", err)
			}
		}
		last := start(t, tracker, request(selection{Full: true})).Run // finds no room
		close(gate)
		r := wait(t, tracker, last)
		stop()
		if took := r.StartedAt.Sub(r.CreatedAt); took > time.Minute {
			t.Errorf("beside a free slot the run waited %v", took)
		}
	})
}

// Waiting runs of types that are not executed here do not hide the others.
func TestRefillLooksAtOwnTypes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memruns.New()
		foreign := runs.Spec[selection]{Type: "foreign.thing"}.Operation()
		tracker := newTracker(t, runs.Config{
			Store: store, Sweep: time.Hour, Ring: time.Hour, Dispatcher: newPool(1, 1),
			Operations: []runs.Operation{op(takes(time.Second)), foreign},
		})
		stop := begin(t, tracker)
		synctest.Wait()
		for i := range 200 {
			put(t, store, fmt.Sprintf("0%03d", i), func(r *runs.Run) { r.Type = foreign.Type })
		}
		var all []*runs.Run
		for i := range 10 {
			all = append(all, start(t, tracker, request(other(i))).Run)
		}
		began := time.Now()
		for _, r := range all {
			wait(t, tracker, r)
		}
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("10 runs of 1s took %v in one slot", took)
		}
		stop()
	})
}

// While no slot is free nobody asks for waiting runs again and again.
func TestFullDispatcherIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hooked{Store: memruns.New()}
		tracker := newTracker(t, runs.Config{
			Store: store, Dispatcher: newPool(128, 1), Sweep: time.Hour, Ring: time.Hour,
			Operations: []runs.Operation{op(takes(20 * time.Minute))},
		})
		stop := begin(t, tracker)
		for i := range 400 {
			start(t, tracker, request(other(i)))
		}
		time.Sleep(21 * time.Minute)
		before := store.dues.Load()
		time.Sleep(10 * time.Minute)
		if n := store.dues.Load() - before; n != 0 {
			t.Errorf("%d looks for waiting runs in 10 minutes in which no slot was free, want none", n)
		}
		stop()
		time.Sleep(time.Hour)
	})
}

// Whoever waits for a lane costs a ring every 30 s and no claim.
func TestWaitingForALaneIsCheap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hooked{Store: memruns.New()}
		tracker := newTracker(t, runs.Config{Store: store, Operations: []runs.Operation{inLane(takes(30 * time.Minute))}})
		stop := begin(t, tracker)
		const waiting = 200
		for i := range waiting + 2 {
			start(t, tracker, request(other(i)))
		}
		time.Sleep(31 * time.Minute) // the second one runs
		before := store.updates.Load()
		time.Sleep(10 * time.Minute)
		// Besides, one heartbeat every 5 s.
		if n := store.updates.Load() - before; n > waiting*21+121 {
			t.Errorf("%d writes in 10 minutes for %d runs that wait for a lane, want at most one each in 30s", n, waiting)
		}
		stop()
		time.Sleep(time.Hour)
	})
}

// A lane that was left in a process that stops is entered in another one soon.
func TestLaneFreedElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memruns.New()
		first := newTracker(t, runs.Config{Store: store, Dispatcher: newPool(1, 1), Operations: []runs.Operation{inLane(takes(30 * time.Minute))}})
		stopFirst := begin(t, first)
		done := start(t, first, request(other(1))).Run
		synctest.Wait()
		second := newTracker(t, runs.Config{Store: store, Operations: []runs.Operation{inLane(takes(time.Second))}})
		stopSecond := begin(t, second)
		next := start(t, second, request(other(2))).Run
		time.Sleep(29*time.Minute + 55*time.Second)
		stopFirst() // the first one ends within its grace
		free := stored(t, store, done).CompletedAt
		if took := wait(t, second, next).StartedAt.Sub(free); took < 0 || took > 35*time.Second {
			t.Errorf("the next run began %v after the lane was free, want at most 35s", took)
		}
		stopSecond()
	})
}

// A ring of the sweep that fails never fails a run, and neither ends a process:
// what could not be offered is offered again.
func TestFailedRingFailsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(10, 1)
		rung := 0
		tracker := newTracker(t, runs.Config{Dispatcher: engine{dispatchFunc(func(ctx context.Context, ref runs.Ref) error {
			switch rung++; rung {
			case 1:
				return nil // gets lost
			case 2:
				return errors.New("broker is down")
			case 3:
				panic("broker is down")
			}
			return p.Dispatch(ctx, ref)
		}), p}})
		stop := begin(t, tracker)
		wantEnd(t, wait(t, tracker, start(t, tracker, request(nil)).Run), runs.OutcomeSucceeded, "")
		stop()
		if rung != 4 {
			t.Errorf("rung %d times, want 4", rung)
		}
	})
}
