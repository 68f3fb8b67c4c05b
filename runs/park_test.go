package runs_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

// A parked run gives its slot back, stays active, and goes on when it is time.
func TestPark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memruns.New()
		var attempts []time.Time
		tracker := newTracker(t, runs.Config{
			Store:      store,
			Items:      store,
			Dispatcher: newPool(10, 1),
			Operations: []runs.Operation{op(func(_ context.Context, x *runs.Exec, in selection) error {
				if in.Full {
					return nil
				}
				attempts = append(attempts, time.Now())
				if !x.Done("a") {
					x.Succeed("a")
				}
				if len(attempts) < 5 {
					return x.Park(time.Hour, runs.ReasonApproval)
				}
				x.Succeed("b")
				return nil
			})},
		})
		stop := begin(t, tracker)
		s := start(t, tracker, request(nil))
		time.Sleep(time.Minute)
		r, err := tracker.Get(t.Context(), s.Run.Ref())
		if err != nil {
			t.Fatalf("Get: %v", err)
		}
		if r.Status != runs.StatusQueued || r.Waiting.Reason != runs.ReasonApproval || r.Lost != 0 {
			t.Errorf("a parked run is %s because of %q, lost %d times; want queued, approval_required, never", r.Status, r.Waiting.Reason, r.Lost)
		}
		if joined := start(t, tracker, request(nil)); joined.Created {
			t.Error("a parked run was not joined")
		}
		wantEnd(t, wait(t, tracker, start(t, tracker, request(selection{Full: true})).Run), runs.OutcomeSucceeded, "")
		got := wait(t, tracker, s.Run)
		stop()
		wantEnd(t, got, runs.OutcomeSucceeded, "")
		if got.Waiting.Reason != "" || got.Lost != 0 || got.Attempt != 5 || got.Counts.Succeeded != 2 {
			t.Errorf("at its end the run is %+v", got)
		}
		for i := 1; i < len(attempts); i++ {
			if d := attempts[i].Sub(attempts[i-1]); d < time.Hour || d > time.Hour+30*time.Second {
				t.Errorf("attempt %d came after %v, want an hour", i+1, d)
			}
		}
	})
}

// Somebody cancels a run that waits.
func TestParkAndCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker := newTracker(t, runs.Config{Operations: []runs.Operation{op(func(_ context.Context, x *runs.Exec, _ selection) error {
			return x.Park(time.Hour, "no such reason")
		})}})
		stop := begin(t, tracker)
		s := start(t, tracker, request(nil))
		time.Sleep(time.Minute)
		got, err := tracker.RequestCancel(t.Context(), s.Run.Ref(), dana, "")
		if err != nil {
			t.Fatalf("RequestCancel: %v", err)
		}
		wantEnd(t, got, runs.OutcomeCanceled, runs.ReasonCanceled)
		if got.Waiting.Reason != "" || !got.NotBefore.IsZero() {
			t.Errorf("a canceled run still waits: %+v", got)
		}
		stop()
	})
}

// Do cannot wait for what may be later: parking ends its run.
func TestDoCannotPark(t *testing.T) {
	tracker := newTracker(t, runs.Config{})
	s, err := tracker.Do(t.Context(), request(nil), func(_ context.Context, x *runs.Exec) error { return x.Park(time.Hour, runs.ReasonApproval) })
	if err != nil {
		t.Fatalf("Do: %v", err)
	}
	wantEnd(t, s.Run, runs.OutcomeBlocked, runs.ReasonApproval)
}

// A request to cancel that comes in the moment in which a run parks is heard:
// the run does not wait on, to be executed later.
func TestCancelWhileParking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hooked{Store: memruns.New()}
		var tracker *runs.Tracker
		asked := false
		store.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
			if r.Status == runs.StatusQueued && r.Attempt == 1 && !asked {
				asked = true
				if _, err := tracker.RequestCancel(ctx, r.Ref(), dana, "not needed"); err != nil {
					t.Errorf("RequestCancel: %v", err)
				}
			}
			return store.Store.Update(ctx, r)
		}
		calls := 0
		tracker = newTracker(t, runs.Config{Store: store, Operations: []runs.Operation{op(func(_ context.Context, x *runs.Exec, _ selection) error {
			calls++
			return x.Park(10*time.Minute, runs.ReasonApproval)
		})}})
		stop := begin(t, tracker)
		s := start(t, tracker, request(nil))
		time.Sleep(time.Minute)
		r := stored(t, store, s.Run)
		wantEnd(t, r, runs.OutcomeCanceled, runs.ReasonCanceled)
		if r.Cancel.Why != "not needed" || r.Waiting.Reason != "" {
			t.Errorf("canceled because of %q, waiting for %q; want what was given, nothing", r.Cancel.Why, r.Waiting.Reason)
		}
		time.Sleep(15 * time.Minute)
		stop()
		if calls != 1 {
			t.Errorf("executed %d times, want once", calls)
		}
	})
}

// A run that parks leaves its lane to the next one.
func TestParkLeavesTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var parked time.Time
		tracker := newTracker(t, runs.Config{Operations: []runs.Operation{inLane(func(_ context.Context, x *runs.Exec, in selection) error {
			if !in.Full {
				return nil
			}
			time.Sleep(10 * time.Minute)
			parked = time.Now()
			return x.Park(24*time.Hour, runs.ReasonApproval)
		})}})
		stop := begin(t, tracker)
		start(t, tracker, request(selection{Full: true}))
		synctest.Wait()
		r := wait(t, tracker, start(t, tracker, request(nil)).Run)
		stop()
		if took := r.StartedAt.Sub(parked); took < 0 || took > time.Second {
			t.Errorf("the next run began %v after the lane was free, want at once", took)
		}
	})
}
