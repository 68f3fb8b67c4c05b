//go:build unix

package crashtest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/internal/crashtest"
	"github.com/tenantatlas/tenantatlas/internal/crashtest/model"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

// TestLateProgress writes what a worker has written of its progress again, in
// any order, while it goes on and after it has ended: nothing of it counts.
func TestLateProgress(t *testing.T) {
	eachStore(t, func(t *testing.T, s model.Store) {
		var mu sync.Mutex
		var written []*runs.Run
		tee := broken(s, func(method string, r *runs.Run) runstest.Fault {
			if method == "Update" && r.Status == runs.StatusRunning {
				mu.Lock()
				defer mu.Unlock()
				written = append(written, r.Clone())
			}
			return runstest.Fault{}
		})
		replay := func() {
			mu.Lock()
			late := slices.Clone(written[:max(0, len(written)-1)]) // the last one may be under way
			mu.Unlock()
			rand.Shuffle(len(late), func(i, k int) { late[i], late[k] = late[k], late[i] })
			for _, r := range late {
				if _, err := s.Update(t.Context(), r); !errors.Is(err, runs.ErrConflict) {
					t.Errorf("progress of revision %d: %v, want %v", r.Revision, err, runs.ErrConflict)
				}
			}
		}
		const items = 60
		tracker, _ := track(t, tee, func(cfg *runs.Config) { cfg.Progress = time.Millisecond }, func(_ context.Context, x *runs.Exec, _ input) error {
			for i := range items {
				x.Total(int64(items + i)) // a total may grow
				x.Succeed(fmt.Sprint("item ", i))
				if i%10 == 9 {
					replay()
				}
			}
			return nil
		})
		ref := begin(t, tracker, 1)
		var last int64
		eventually(t, "end", func() bool {
			r := get(t, s, ref)
			if r.Counts.Succeeded < last {
				t.Errorf("counts went back from %d to %d", last, r.Counts.Succeeded)
			}
			last = r.Counts.Succeeded
			return r.Ended() && r.Announced
		})
		before := get(t, s, ref)
		written = append(written, before) // so that all of them are late
		replay()
		if diff := cmp.Diff(before, get(t, s, ref)); diff != "" {
			t.Errorf("progress after the end (-before +after):\n%s", diff)
		}
		if before.Counts.Succeeded != items {
			t.Errorf("%d items succeeded, want %d", before.Counts.Succeeded, items)
		}
	})
}

// TestLostProgress loses every other write of progress, or its answer: the
// counts at the end are those of the items.
func TestLostProgress(t *testing.T) {
	eachStore(t, func(t *testing.T, s model.Store) {
		var lost atomic.Int64
		lossy := broken(s, func(method string, r *runs.Run) runstest.Fault {
			if method != "Update" || r.Status != runs.StatusRunning || r.Timing.Lease == 0 || r.Counts.Succeeded == 0 {
				return runstest.Fault{}
			}
			switch lost.Add(1) % 4 {
			case 0:
				return runstest.Fault{Before: errDown}
			case 2:
				return runstest.Fault{After: errDown}
			default:
				return runstest.Fault{}
			}
		})
		const items = 90
		tracker, _ := track(t, lossy, func(cfg *runs.Config) { cfg.Progress = time.Millisecond }, func(_ context.Context, x *runs.Exec, _ input) error {
			for i := range items {
				key := fmt.Sprint("item ", i)
				switch i % 3 {
				case 0:
					x.Succeed(key)
				case 1:
					x.Fail(key, errors.New("boom"))
				default:
					x.Skip(key, runs.ReasonUnsupported)
				}
				if i%10 == 9 {
					before := lost.Load()
					eventually(t, "write of progress", func() bool { return lost.Load() > before })
				}
			}
			return nil
		})
		r := ended(t, s, begin(t, tracker, 1))
		want := runs.Counts{Succeeded: items / 3, Failed: items / 3, Skipped: items / 3}
		if diff := cmp.Diff(want, r.Counts); diff != "" || r.Outcome != runs.OutcomePartiallySucceeded {
			t.Errorf("%s with counts (-want +got):\n%s", r.Outcome, diff)
		}
		page, err := s.Items(t.Context(), runs.ItemQuery{Run: r.Ref(), Limit: runs.MaxLimit})
		if err != nil || len(page.Items) != items {
			t.Errorf("%d items, %v; want %d", len(page.Items), err, items)
		}
	})
}

// TestRefusedButDelivered has a dispatcher deliver a reference and then report
// an error, while a worker claims the run: either the run has failed and was
// never executed, or it is executed and Start has returned it as started.
func TestRefusedButDelivered(t *testing.T) {
	n := crashtest.Kills(250) // 10,000 in the long version
	eachStore(t, func(t *testing.T, s model.Store) {
		d := &hasty{claims: make(chan runs.Claim, 1)}
		var executed sync.Map
		tracker, _ := track(t, s, func(cfg *runs.Config) { cfg.Dispatcher = d }, func(_ context.Context, x *runs.Exec, _ input) error {
			executed.Store(x.Run().ID, true)
			return nil
		})
		d.claim = <-d.claims
		type answer struct {
			ref runs.Ref
			err error
		}
		answers := make(chan answer, n)
		var callers sync.WaitGroup
		for c := range 8 {
			callers.Go(func() {
				for i := c; i < n; i += 8 {
					started, err := tracker.Start(t.Context(), runs.Request{Tenant: "acme", Type: trouble, Params: input{i}, Initiator: runs.User("dana", "")})
					if started.Run == nil {
						t.Errorf("start: %v", err)
						return
					}
					answers <- answer{started.Run.Ref(), err}
				}
			})
		}
		callers.Wait()
		d.deliveries.Wait()
		close(answers)
		refused, won := 0, 0
		for a := range answers {
			r := get(t, s, a.ref)
			_, ran := executed.Load(r.ID)
			switch {
			case errors.Is(a.err, runs.ErrDispatchFailed) && r.Failure.Reason == runs.ReasonDispatchFailed && r.Attempt == 0 && !ran:
				refused++
			case a.err == nil && r.Attempt == 1 && r.Outcome == runs.OutcomeSucceeded && ran:
				won++
			default:
				t.Errorf("start: %v; the run is %s, %s because of %q, attempt %d; executed: %t", a.err, r.Status, r.Outcome, r.Failure.Reason, r.Attempt, ran)
			}
		}
		t.Logf("%d runs were refused, %d executed", refused, won)
	})
}

// A hasty dispatcher delivers at once and says that it has not.
type hasty struct {
	claims     chan runs.Claim
	claim      runs.Claim
	deliveries sync.WaitGroup
}

func (d *hasty) Dispatch(ctx context.Context, ref runs.Ref) error {
	d.deliveries.Go(func() {
		if rand.N(2) == 0 {
			time.Sleep(rand.N(200 * time.Microsecond))
		}
		if execute, err := d.claim(context.WithoutCancel(ctx), ref); err == nil && execute != nil {
			execute(context.WithoutCancel(ctx))
		}
	})
	if rand.N(2) == 0 {
		time.Sleep(rand.N(200 * time.Microsecond))
	}
	return errors.New("answer was lost")
}

func (d *hasty) Work(ctx context.Context, claim runs.Claim) error {
	d.claims <- claim
	<-ctx.Done()
	return nil
}
