package runs_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

// timings are what an operation goes by.
type timings struct {
	Lease, Heartbeat, Margin time.Duration
	MaxLost                  int
}

func TestOperationsShowWhatTheyGoBy(t *testing.T) {
	own := runs.Spec[selection]{Type: "test.own", Lease: time.Minute, Heartbeat: 20 * time.Second, Margin: 10 * time.Second, MaxLost: 5}.Operation()
	some := runs.Spec[selection]{Type: "test.some", Heartbeat: time.Second}.Operation()
	tracker := newTracker(t, runs.Config{Lease: 40 * time.Second, MaxLost: 2, Operations: []runs.Operation{own, some, op(nothing)}})
	got := map[runs.Type]timings{}
	for _, o := range tracker.Operations() {
		got[o.Type] = timings{o.Lease, o.Heartbeat, o.Margin, o.MaxLost}
	}
	want := map[runs.Type]timings{
		"test.own":  {time.Minute, 20 * time.Second, 10 * time.Second, 5},
		"test.some": {40 * time.Second, time.Second, 3 * time.Second, 2},
		sync1:       {40 * time.Second, 5 * time.Second, 3 * time.Second, 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
}

// Each operation has its own lease, heartbeat, margin and number of losses,
// also when they are those of a run that somebody else has lost.
func TestOperationsOwnTimings(t *testing.T) {
	const quick, slow runs.Type = "test.quick", "test.slow"
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		store := &hooked{Store: memruns.New()}
		var mu sync.Mutex
		beats, stopped := map[runs.Type]time.Duration{}, map[runs.Type]time.Duration{}
		note := func(first map[runs.Type]time.Duration, typ runs.Type) {
			mu.Lock()
			defer mu.Unlock()
			if _, again := first[typ]; !again {
				first[typ] = time.Since(began)
			}
		}
		store.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
			if old, err := store.Get(ctx, r.Ref()); err == nil && old.Status == runs.StatusRunning && r.Status == runs.StatusRunning {
				note(beats, r.Type)
				return nil, runs.ErrStoreUnavailable
			}
			return store.Store.Update(ctx, r)
		}
		handle := func(ctx context.Context, x *runs.Exec, _ selection) error {
			typ := x.Run().Type
			<-ctx.Done()
			if errors.Is(context.Cause(ctx), runs.ErrLeaseLost) {
				note(stopped, typ)
			}
			return nil
		}
		tracker := newTracker(t, runs.Config{
			Store: store, Sweep: 100 * time.Millisecond, Lease: 20 * time.Second, Heartbeat: 8 * time.Second, Margin: 2 * time.Second,
			Operations: []runs.Operation{
				runs.Spec[selection]{Type: quick, Lease: 4 * time.Second, Heartbeat: time.Second, Margin: time.Second, MaxLost: 1, Handle: handle}.Operation(),
				runs.Spec[selection]{Type: slow, Handle: handle}.Operation(),
			},
		})
		stop := begin(t, tracker)
		synctest.Wait()
		req := request(nil)
		req.Type = slow
		waiting := start(t, tracker, req).Run
		req.Type = quick
		lost := start(t, tracker, req).Run
		wantEnd(t, wait(t, tracker, lost), runs.OutcomeFailed, runs.ReasonWorkerLost)
		if took := time.Since(began); took < 4*time.Second || took > 5*time.Second {
			t.Errorf("the quick run failed after %v, want its lease of 4s", took)
		}
		time.Sleep(21*time.Second - time.Since(began))
		if r := stored(t, store, waiting); r.Attempt != 2 || r.Lost != 1 {
			t.Errorf("the slow run is at attempt %d, lost %d times; want 2, once", r.Attempt, r.Lost)
		}
		stop()
		want := map[runs.Type]time.Duration{quick: 3 * time.Second, slow: 18 * time.Second}
		if diff := cmp.Diff(want, stopped); diff != "" {
			t.Errorf("when workers stopped themselves (-want +got):\n%s", diff)
		}
		want = map[runs.Type]time.Duration{quick: time.Second, slow: 8 * time.Second}
		if diff := cmp.Diff(want, beats); diff != "" {
			t.Errorf("when they reported first (-want +got):\n%s", diff)
		}
	})
}
