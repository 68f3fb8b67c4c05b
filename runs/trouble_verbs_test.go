package runs_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// TestRunAndStopInAnyOrder calls Run and Stop in orders that make no sense, some
// at once: every Run but the first says that it came too late, and all return.
func TestRunAndStopInAnyOrder(t *testing.T) {
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 0))
			tracker := newTracker(t, runs.Config{})
			s := start(t, tracker, request(nil))
			ctx, cancel := context.WithCancel(t.Context())
			ran := make(chan error, 20)
			calls := 0
			for range 1 + rng.IntN(8) {
				switch rng.IntN(4) {
				case 0, 1:
					calls++
					go func() { ran <- tracker.Run(ctx) }()
				case 2:
					go tracker.Stop(ctx)
				default:
					synctest.Wait()
				}
				if rng.IntN(2) == 0 {
					synctest.Wait()
				}
			}
			synctest.Wait()
			tracker.Stop(ctx)
			cancel()
			tracker.Stop(ctx)
			refused := 0
			for range calls {
				if err := <-ran; err != nil {
					refused++
				}
			}
			if refused != max(0, calls-1) {
				t.Errorf("seed %d: of %d calls of Run %d were refused, want all but the first", seed, calls, refused)
			}
			r, err := tracker.Get(t.Context(), s.Run.Ref())
			if err != nil || r.Lost != 0 || r.Status == runs.StatusRunning {
				t.Errorf("seed %d: the run is %+v, %v; want it ended or queued", seed, r, err)
			}
			time.Sleep(time.Hour) // whatever was left behind would be found
		})
	}
}
