package runs_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

// claimed makes r one that an instance has claimed, with a lease of an hour.
func claimed(instance string) func(r *runs.Run) {
	return func(r *runs.Run) {
		r.Status, r.Attempt, r.Timing.Lease = runs.StatusRunning, 1, time.Hour
		r.Instance, r.Incarnation = instance, "the one before"
	}
}

// A process that is started again under its name goes on at once with what it
// has left behind, however much that is, and leaves alone what others have.
func TestInstanceTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memruns.New()
		var own []*runs.Run
		for i := range 250 {
			own = append(own, put(t, store, fmt.Sprint("own ", i), claimed("a")))
		}
		often := put(t, store, "often", func(r *runs.Run) { claimed("a")(r); r.Lost = 2 })
		inline := put(t, store, "inline", func(r *runs.Run) { claimed("a")(r); r.Inline = true })
		canceled := put(t, store, "canceled", func(r *runs.Run) { claimed("a")(r); r.Cancel = runs.CancelRequest{At: time.Now(), By: dana} })
		others := []*runs.Run{put(t, store, "other", claimed("b")), put(t, store, "nameless", claimed(""))}
		tracker := newTracker(t, runs.Config{Store: store, Instance: "a", Dispatcher: newPool(1000, 4)})
		stop := begin(t, tracker)
		for _, r := range own {
			wantWithin(t, tracker, r, 0, time.Second)
			if got := stored(t, store, r); got.Attempt != 2 || got.Lost != 1 {
				t.Errorf("%s: attempt %d, lost %d times; want 2, once", r.ID, got.Attempt, got.Lost)
			}
		}
		wantEnd(t, wait(t, tracker, often), runs.OutcomeFailed, runs.ReasonWorkerLost)
		wantEnd(t, wait(t, tracker, inline), runs.OutcomeFailed, runs.ReasonWorkerLost)
		wantEnd(t, wait(t, tracker, canceled), runs.OutcomeCanceled, runs.ReasonCanceled)
		time.Sleep(50 * time.Minute)
		for _, r := range others {
			if got := stored(t, store, r); got.Revision != 1 {
				t.Errorf("a run of %q was changed to %+v", r.Instance, got)
			}
		}
		stop()
	})
}

// Its own runs are not what it has left behind, also those that are older than
// Run, and whoever stops leaves nothing.
func TestInstanceKeepsItsRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memruns.New()
		release := make(chan struct{})
		tracker := newTracker(t, runs.Config{Store: store, Instance: "a", Grace: time.Second, Operations: []runs.Operation{op(untilTold)}})
		var inline runs.Started
		done := make(chan error, 1)
		go func() {
			var err error
			inline, err = tracker.Do(t.Context(), request(other(1)), func(context.Context, *runs.Exec) error { <-release; return nil })
			done <- err
		}()
		synctest.Wait()
		stop := begin(t, tracker)
		r := start(t, tracker, request(nil)).Run
		time.Sleep(time.Minute)
		running := stored(t, store, r)
		if running.Instance != "a" || running.Incarnation == "" || running.Lost != 0 {
			t.Errorf("the run is held by %q, %q, lost %d times; want a, some incarnation, never", running.Instance, running.Incarnation, running.Lost)
		}
		close(release)
		if err := <-done; err != nil {
			t.Error(err)
		}
		wantEnd(t, inline.Run, runs.OutcomeSucceeded, "")
		stop()
		if got := stored(t, store, r); got.Status != runs.StatusQueued || got.Instance != "" || got.Incarnation != "" {
			t.Errorf("after the stop the run is %s and of %q, %q; want queued, nobody's", got.Status, got.Instance, got.Incarnation)
		}
		again := newTracker(t, runs.Config{Store: store, Instance: "a"})
		stop = begin(t, again)
		wantEnd(t, wait(t, again, r), runs.OutcomeSucceeded, "")
		stop()
		if got := stored(t, store, r); got.Lost != 0 || got.Incarnation == running.Incarnation {
			t.Errorf("lost %d times, by incarnation %q after %q; want never, by another one", got.Lost, got.Incarnation, running.Incarnation)
		}
	})
}

// A store that is down when the process starts is asked again.
func TestInstanceAsksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hooked{Store: memruns.New()}
		r := put(t, store, "r1", claimed("a"))
		var down atomic.Bool
		down.Store(true)
		store.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
			if down.Load() {
				return nil, runs.ErrStoreUnavailable
			}
			return store.Store.Update(ctx, r)
		}
		var log journal
		tracker := newTracker(t, runs.Config{Store: store, Instance: "a", Logger: log.logger()})
		stop := begin(t, tracker)
		time.Sleep(time.Minute)
		down.Store(false)
		wantWithin(t, tracker, r, 0, 5*time.Second)
		stop()
		if !strings.Contains(log.String(), "taking over failed") {
			t.Errorf("the log does not tell:\n%s", &log)
		}
	})
}

// Runs that somebody holds on to are left to the end of their leases.
func TestInstanceInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hooked{Store: memruns.New()}
		r := put(t, store, "r1", claimed("a"))
		store.update = func(_ context.Context, r *runs.Run) (*runs.Run, error) {
			if r.ID == "r1" {
				return nil, runs.ErrConflict
			}
			return store.Store.Update(t.Context(), r)
		}
		tracker := newTracker(t, runs.Config{Store: store, Instance: "a"})
		stop := begin(t, tracker)
		wantEnd(t, wait(t, tracker, start(t, tracker, request(nil)).Run), runs.OutcomeSucceeded, "")
		stop()
		if got := stored(t, store, r); got.Revision != 1 || store.updates.Load() > 10 {
			t.Errorf("revision %d after %d updates, want 1 after a few", got.Revision, store.updates.Load())
		}
	})
}
