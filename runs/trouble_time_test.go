package runs_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

// A worker that cannot report stops its margin before the end of its lease, also
// while many report and every store hangs.
func TestSelfStopIsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hang atomic.Bool
		store := &hooked{Store: memruns.New()}
		store.put = func(ctx context.Context, ref runs.Ref, attempt int, items []runs.Item) error {
			if hang.Load() {
				<-ctx.Done()
				return ctx.Err()
			}
			return store.Store.PutItems(ctx, ref, attempt, items)
		}
		store.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
			if hang.Load() && r.Lost == 0 { // those of a rescue go through
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return store.Store.Update(ctx, r)
		}
		var end, stopped time.Time
		var cause error
		tracker := newTracker(t, runs.Config{
			Store: store, Items: store, MaxLost: 1,
			Operations: []runs.Operation{op(func(ctx context.Context, x *runs.Exec, _ selection) error {
				end = x.Run().LeaseUntil
				hang.Store(true)
				ctx, cancel := context.WithTimeout(ctx, time.Minute)
				defer cancel()
				var group sync.WaitGroup
				for w := range 16 {
					group.Go(func() {
						for i := 0; ctx.Err() == nil; i++ {
							x.Succeed(fmt.Sprint(w, "/", i))
						}
					})
				}
				<-ctx.Done()
				stopped, cause = time.Now(), context.Cause(ctx)
				group.Wait()
				hang.Store(false)
				return ctx.Err()
			})},
		})
		stop := begin(t, tracker)
		r := wait(t, tracker, start(t, tracker, request(nil)).Run)
		stop()
		wantErr(t, "cause", cause, runs.ErrLeaseLost)
		if before := end.Sub(stopped); before < 2900*time.Millisecond {
			t.Errorf("the worker stopped %v before the end of its lease, want 3s", before)
		}
		wantEnd(t, r, runs.OutcomeFailed, runs.ReasonWorkerLost)
	})
}

// Between a claim and its execution the process may have been suspended: when
// the lease is over the handler does not begin.
func TestLateExecutionDoesNotBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(10, 1)
		began := 0
		tracker := newTracker(t, runs.Config{
			MaxLost: 1,
			Dispatcher: engine{p, workFunc(func(ctx context.Context, claim runs.Claim) error {
				return p.Work(ctx, func(ctx context.Context, ref runs.Ref) (func(context.Context), error) {
					execute, err := claim(ctx, ref)
					if execute == nil {
						return nil, err
					}
					return func(ctx context.Context) { time.Sleep(time.Minute); execute(ctx) }, nil
				})
			})},
			Operations: []runs.Operation{op(func(context.Context, *runs.Exec, selection) error { began++; return nil })},
		})
		stop := begin(t, tracker)
		wantEnd(t, wait(t, tracker, start(t, tracker, request(nil)).Run), runs.OutcomeFailed, runs.ReasonWorkerLost)
		time.Sleep(2 * time.Minute)
		stop()
		if began != 0 {
			t.Errorf("the handler was called %d times a minute after the claim, want never", began)
		}
	})
}

// The heartbeat is written when it is time, also if that is no multiple of the
// time between two writes of progress.
func TestHeartbeatIsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		tracker := newTracker(t, runs.Config{
			Lease: 3500 * time.Millisecond, Heartbeat: 2 * time.Second, Margin: time.Second, Progress: 1500 * time.Millisecond,
			Operations: []runs.Operation{op(func(ctx context.Context, _ *runs.Exec, _ selection) error {
				calls++
				select {
				case <-ctx.Done():
					return context.Cause(ctx)
				case <-time.After(10 * time.Second):
					return nil
				}
			})},
		})
		stop := begin(t, tracker)
		r := wait(t, tracker, start(t, tracker, request(nil)).Run)
		stop()
		wantEnd(t, r, runs.OutcomeSucceeded, "")
		if calls != 1 {
			t.Errorf("executed %d times, want once", calls)
		}
	})
}

// Clocks that are wrong cost what people see, not when things happen.
func TestWrongClock(t *testing.T) {
	for _, off := range []time.Duration{10 * time.Minute, -10 * time.Minute, -3 * time.Second} {
		clock := func() time.Time { return time.Now().Add(off) }
		t.Run("lost reference, "+off.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPool(10, 1)
				rung := 0
				tracker := newTracker(t, runs.Config{Now: clock, Dispatcher: engine{dispatchFunc(func(ctx context.Context, ref runs.Ref) error {
					if rung++; rung == 1 {
						return nil // gets lost
					}
					return p.Dispatch(ctx, ref)
				}), p}})
				stop := begin(t, tracker)
				wantWithin(t, tracker, start(t, tracker, request(nil)).Run, 0, 10*time.Second)
				stop()
			})
		})
		t.Run("delay of another process, "+off.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memruns.New()
				r := put(t, store, "r1", func(r *runs.Run) { r.Timing.Delay = time.Minute })
				tracker := newTracker(t, runs.Config{Store: store, Now: clock})
				stop := begin(t, tracker)
				wantWithin(t, tracker, r, time.Minute, 75*time.Second)
				stop()
			})
		})
		t.Run("reference that is early, then late, "+off.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memruns.New()
				r := put(t, store, "r1", func(r *runs.Run) { r.Timing.Delay = time.Hour })
				p := newPool(10, 1)
				tracker := newTracker(t, runs.Config{Store: store, Now: clock, Sweep: 100 * time.Hour, Dispatcher: p})
				stop := begin(t, tracker)
				for range 59 { // it is not due, whatever the worker's clock says
					time.Sleep(time.Minute)
					if err := p.Dispatch(t.Context(), r.Ref()); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				if got := stored(t, store, r); got.Status != runs.StatusQueued || got.Revision != 1 {
					t.Errorf("a minute before its time the run is %s, revision %d; want queued and untouched", got.Status, got.Revision)
				}
				time.Sleep(2 * time.Minute)
				if err := p.Dispatch(t.Context(), r.Ref()); err != nil {
					t.Fatal(err)
				}
				wantWithin(t, tracker, r, 0, time.Second)
				stop()
			})
		})
		t.Run("early reference to what is refused, "+off.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memruns.New()
				r := put(t, store, "r1", func(r *runs.Run) { r.Timing.Delay = time.Hour })
				p := newPool(10, 1)
				refuse := runs.Roles(func(context.Context, runs.Actor, string) (runs.Role, error) { return "", runs.ErrForbidden })
				tracker := newTracker(t, runs.Config{Store: store, Now: clock, Dispatcher: p, Authorizer: refuse})
				stop := begin(t, tracker)
				time.Sleep(55 * time.Minute)
				if err := p.Dispatch(t.Context(), r.Ref()); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if got := stored(t, store, r); got.Status != runs.StatusQueued {
					t.Errorf("before its time the run is %s %s, want queued: rights may change", got.Status, got.Outcome)
				}
				wantEnd(t, wait(t, tracker, r), runs.OutcomeBlocked, runs.ReasonPermissionDenied)
				stop()
			})
		})
		t.Run("lease, "+off.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memruns.New()
				alive := put(t, store, "alive", func(r *runs.Run) { r.Status, r.Attempt, r.Timing.Lease = runs.StatusRunning, 1, time.Minute })
				tracker := newTracker(t, runs.Config{Store: store, Now: clock})
				stop := begin(t, tracker)
				time.Sleep(59 * time.Second)
				if got := stored(t, store, alive); got.Revision != 1 {
					t.Errorf("before the end of its lease somebody changed the run to %+v", got)
				}
				wantWithin(t, tracker, alive, time.Second, 10*time.Second)
				stop()
			})
		})
		t.Run("rings, "+off.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memruns.New()
				r := put(t, store, "r1", nil) // by a process with another clock
				var rung []time.Duration
				began := time.Now()
				tracker := newTracker(t, runs.Config{Store: store, Now: clock, Dispatcher: dispatchFunc(func(context.Context, runs.Ref) error {
					rung = append(rung, time.Since(began))
					return nil
				})})
				stop := begin(t, tracker)
				time.Sleep(time.Hour)
				stop()
				// Half as long again each time, and every five minutes in the end.
				if n := len(rung); n < 15 || n > 25 {
					t.Errorf("rung %d times in an hour: %v", n, rung)
				}
				for i := 1; i < min(5, len(rung)); i++ {
					if gap := rung[i] - rung[i-1]; gap > 30*time.Second {
						t.Errorf("ring %d came %v after the one before", i+1, gap)
					}
				}
				if got := stored(t, store, r); got.Rings != len(rung) {
					t.Errorf("rings = %d, want %d", got.Rings, len(rung))
				}
			})
		})
		t.Run("parked, "+off.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tracker := newTracker(t, runs.Config{Now: clock, Operations: []runs.Operation{op(func(_ context.Context, x *runs.Exec, _ selection) error {
					if x.Run().Attempt == 1 {
						return x.Park(time.Hour, runs.ReasonApproval)
					}
					return nil
				})}})
				stop := begin(t, tracker)
				wantWithin(t, tracker, start(t, tracker, request(nil)).Run, time.Hour, time.Hour+15*time.Second)
				stop()
			})
		})
	}
}

// wantWithin wants r to succeed between least and most from now.
func wantWithin(t *testing.T, tracker *runs.Tracker, r *runs.Run, least, most time.Duration) {
	t.Helper()
	began := time.Now()
	wantEnd(t, wait(t, tracker, r), runs.OutcomeSucceeded, "")
	if took := time.Since(began); took < least || took > most {
		t.Errorf("it took %v, want %v to %v", took, least, most)
	}
}

// A run that took too long failed because of that, whatever its handler makes of
// it.
func TestTimeoutWins(t *testing.T) {
	for _, tt := range []struct {
		name   string
		handle func(ctx context.Context, x *runs.Exec) error
	}{
		{"other error", func(ctx context.Context, _ *runs.Exec) error { <-ctx.Done(); return errors.New("connection is closed") }},
		{"parks", func(ctx context.Context, x *runs.Exec) error {
			if x.Run().Attempt > 1 {
				return nil
			}
			<-ctx.Done()
			return x.Park(time.Hour, runs.ReasonApproval)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := runs.Spec[selection]{
					Type:    sync1,
					Timeout: time.Minute,
					Handle:  func(ctx context.Context, x *runs.Exec, _ selection) error { return tt.handle(ctx, x) },
				}.Operation()
				tracker := newTracker(t, runs.Config{Operations: []runs.Operation{o}})
				stop := begin(t, tracker)
				r := wait(t, tracker, start(t, tracker, request(nil)).Run)
				stop()
				wantEnd(t, r, runs.OutcomeFailed, runs.ReasonTimeout)
			})
		})
	}
}

// A handler that ignores that it took too long, and then that its process
// stops, has not ended: its run is queued again, after a lease.
func TestTimeoutIgnoredThenStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := runs.Spec[selection]{Type: sync1, Timeout: time.Minute, Handle: takes(time.Hour)}.Operation()
		tracker := newTracker(t, runs.Config{Operations: []runs.Operation{o}})
		stop := begin(t, tracker)
		s := start(t, tracker, request(nil))
		time.Sleep(2 * time.Minute)
		stop()
		r, err := tracker.Get(t.Context(), s.Run.Ref())
		if err != nil {
			t.Fatalf("Get: %v", err)
		}
		if wait := time.Until(r.NotBefore); r.Status != runs.StatusQueued || r.Failure.Reason != "" || wait < 20*time.Second {
			t.Errorf("run is %s because of %q and waits for %v; want queued, nothing, about 30s", r.Status, r.Failure.Reason, wait)
		}
		time.Sleep(time.Hour) // until the handler is gone
	})
}
