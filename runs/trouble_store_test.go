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

// What is known of the run does not depend on what is known of its items: the
// run ends, once, with its counts, although no item can be stored.
func TestItemStoreDownDoesNotCostTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hooked{Store: memruns.New()}
		store.put = func(context.Context, runs.Ref, int, []runs.Item) error { return errors.New("disk is full") }
		calls := 0
		tracker := newTracker(t, runs.Config{Store: store, Items: store, Operations: []runs.Operation{op(func(_ context.Context, x *runs.Exec, _ selection) error {
			calls++
			x.Succeed("a")
			return nil
		})}})
		stop := begin(t, tracker)
		began := time.Now()
		r := wait(t, tracker, start(t, tracker, request(nil)).Run)
		stop()
		wantEnd(t, r, runs.OutcomeSucceeded, "")
		if calls != 1 || r.Counts.Succeeded != 1 {
			t.Errorf("executed %d times with %d items, want once with 1", calls, r.Counts.Succeeded)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("took %v, want less than the lease", took)
		}
	})
}

// An item store that is slow, or that answers nobody, slows its reporter down
// and does not keep the heartbeat from being written.
func TestSlowItemsDoNotCostTheLease(t *testing.T) {
	for _, tt := range []struct {
		name  string
		items int // a second
		put   func(ctx context.Context) error
	}{
		{"slow", 2000, func(ctx context.Context) error {
			select {
			case <-time.After(2 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}},
		{"hanging", 2, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &hooked{Store: memruns.New()}
				store.put = func(ctx context.Context, ref runs.Ref, attempt int, items []runs.Item) error {
					if err := tt.put(ctx); err != nil {
						return err
					}
					return store.Store.PutItems(ctx, ref, attempt, items)
				}
				tracker := newTracker(t, runs.Config{Store: store, Items: store, MaxLost: 1, Operations: []runs.Operation{op(func(ctx context.Context, x *runs.Exec, _ selection) error {
					for second := range 60 {
						for i := range tt.items {
							x.Succeed(fmt.Sprint(second, "/", i))
						}
						select {
						case <-ctx.Done():
							return context.Cause(ctx)
						case <-time.After(time.Second):
						}
					}
					return nil
				})}})
				stop := begin(t, tracker)
				r := wait(t, tracker, start(t, tracker, request(nil)).Run)
				stop()
				wantEnd(t, r, runs.OutcomeSucceeded, "")
				if want := int64(60 * tt.items); r.Counts.Succeeded != want {
					t.Errorf("succeeded = %d, want %d", r.Counts.Succeeded, want)
				}
			})
		})
	}
}

// Many reporters, and a driver that does not look at its context while it
// writes: the worker stops while the lease is its own. This happens in real
// time, because whoever waits for a mutex keeps a fake clock from going on.
func TestManyReportersDoNotCostTheLease(t *testing.T) {
	store := &hooked{Store: memruns.New()}
	var slow atomic.Bool
	slow.Store(true)
	store.put = func(ctx context.Context, ref runs.Ref, attempt int, items []runs.Item) error {
		if slow.Load() {
			time.Sleep(350 * time.Millisecond)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return store.Store.PutItems(ctx, ref, attempt, items)
	}
	stopped := make(chan time.Time, 1)
	tracker := newTracker(t, runs.Config{
		Store: store, Items: store,
		Lease: 1200 * time.Millisecond, Margin: 600 * time.Millisecond, Heartbeat: 100 * time.Millisecond, Progress: 100 * time.Millisecond,
		Sweep: time.Hour,
		Operations: []runs.Operation{op(func(ctx context.Context, x *runs.Exec, _ selection) error {
			full, cancel := context.WithTimeout(ctx, 1500*time.Millisecond)
			defer cancel()
			var group sync.WaitGroup
			for w := range 16 {
				group.Go(func() {
					for i := 0; full.Err() == nil; i++ {
						x.Succeed(fmt.Sprint(w, "/", i))
					}
				})
			}
			<-full.Done()
			stopped <- time.Now()
			slow.Store(false)
			group.Wait()
			return nil
		})},
	})
	begin(t, tracker)
	s := start(t, tracker, request(nil))
	at := <-stopped
	if end := stored(t, store, s.Run).LeaseUntil; at.After(end) {
		t.Errorf("the handler went on for %v after the end of its lease", at.Sub(end))
	}
}

// However the first write of the end goes wrong, the next one is in time, and
// the observers hear of it.
func TestEndIsRecorded(t *testing.T) {
	for _, tt := range []struct {
		name   string
		write  func(ctx context.Context, write func() (*runs.Run, error)) (*runs.Run, error)
		within time.Duration
	}{
		{"hangs", func(ctx context.Context, _ func() (*runs.Run, error)) (*runs.Run, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, 6 * time.Second},
		{"fails", func(context.Context, func() (*runs.Run, error)) (*runs.Run, error) {
			return nil, errors.New("SQLSTATE 40001")
		}, time.Second},
		{"answer is lost", func(_ context.Context, write func() (*runs.Run, error)) (*runs.Run, error) {
			if _, err := write(); err != nil {
				return nil, err
			}
			return nil, runs.ErrStoreUnavailable
		}, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &hooked{Store: memruns.New()}
				wrong := false
				store.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
					if r.Ended() && !wrong {
						wrong = true
						return tt.write(ctx, func() (*runs.Run, error) { return store.Store.Update(ctx, r) })
					}
					return store.Store.Update(ctx, r)
				}
				calls := 0
				var told []time.Time
				tracker := newTracker(t, runs.Config{
					Store:      store,
					Operations: []runs.Operation{op(func(context.Context, *runs.Exec, selection) error { calls++; return nil })},
					Observers: []runs.Observer{observeFunc(func(_ context.Context, r *runs.Run) error {
						if r.Ended() {
							told = append(told, time.Now())
						}
						return nil
					})},
				})
				stop := begin(t, tracker)
				r := wait(t, tracker, start(t, tracker, request(nil)).Run)
				time.Sleep(5 * time.Minute)
				stop()
				wantEnd(t, r, runs.OutcomeSucceeded, "")
				if !wrong || calls != 1 || r.Attempt != 1 {
					t.Errorf("wrong %v, executed %d times, attempt %d; want true, once, 1", wrong, calls, r.Attempt)
				}
				if len(told) != 1 || told[0].Sub(r.CompletedAt) > tt.within {
					t.Errorf("told at %v of the end at %v, want once within %v", told, r.CompletedAt, tt.within)
				}
			})
		})
	}
}

// A store that takes seconds to record that an end was told is waited for: it is not
// told again.
func TestSlowRecordOfAnAnnouncement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hooked{Store: memruns.New()}
		store.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
			if r.Announced {
				select {
				case <-time.After(10 * time.Second):
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
			return store.Store.Update(ctx, r)
		}
		told := 0
		tracker := newTracker(t, runs.Config{
			Store:      store,
			Operations: []runs.Operation{op(func(context.Context, *runs.Exec, selection) error { return nil })},
			Observers: []runs.Observer{observeFunc(func(_ context.Context, r *runs.Run) error {
				if r.Ended() {
					told++
				}
				return nil
			})},
		})
		stop := begin(t, tracker)
		r := wait(t, tracker, start(t, tracker, request(nil)).Run)
		time.Sleep(5 * time.Minute)
		stop()
		if got, err := store.Get(t.Context(), r.Ref()); err != nil || !got.Announced || told != 1 {
			t.Errorf("told %d times, %+v, %v; want once, and that to be known", told, got, err)
		}
	})
}

// A claim of which the answer is lost is recognized: no worker has vanished.
func TestClaimOutcomeUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hooked{Store: memruns.New()}
		lost := false
		store.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
			got, err := store.Store.Update(ctx, r)
			if r.Status == runs.StatusRunning && err == nil && !lost {
				lost = true
				return nil, runs.ErrStoreUnavailable
			}
			return got, err
		}
		tracker := newTracker(t, runs.Config{Store: store})
		stop := begin(t, tracker)
		began := time.Now()
		r := wait(t, tracker, start(t, tracker, request(nil)).Run)
		stop()
		wantEnd(t, r, runs.OutcomeSucceeded, "")
		if took := time.Since(began); !lost || r.Lost != 0 || r.Attempt != 1 || took > time.Second {
			t.Errorf("answer lost %v; attempt %d, lost %d, after %v; want attempt 1, never, at once", lost, r.Attempt, r.Lost, took)
		}
	})
}

// A run that could not be written as claimed is not executed.
func TestClaimIsWrittenBeforeTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hooked{Store: memruns.New()}
		var down atomic.Bool
		store.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
			if r.Status == runs.StatusRunning && down.Load() {
				return nil, runs.ErrStoreUnavailable
			}
			return store.Store.Update(ctx, r)
		}
		var calls atomic.Int32
		tracker := newTracker(t, runs.Config{Store: store, Operations: []runs.Operation{op(func(_ context.Context, x *runs.Exec, _ selection) error {
			calls.Add(1)
			if r := stored(t, store, x.Run()); r.Status != runs.StatusRunning || r.Attempt != 1 {
				t.Errorf("inside its handler the stored run is %s, attempt %d; want running, 1", r.Status, r.Attempt)
			}
			return nil
		})}})
		down.Store(true)
		stop := begin(t, tracker)
		s := start(t, tracker, request(nil))
		time.Sleep(time.Minute)
		if r := stored(t, store, s.Run); calls.Load() != 0 || r.Status != runs.StatusQueued {
			t.Errorf("executed %d times while no claim was stored, and the run is %s; want never, queued", calls.Load(), r.Status)
		}
		down.Store(false)
		wantEnd(t, wait(t, tracker, s.Run), runs.OutcomeSucceeded, "")
		stop()
		if calls.Load() != 1 {
			t.Errorf("executed %d times, want once", calls.Load())
		}
	})
}

// An attempt that cannot read at once what earlier ones have done asks again.
func TestResumeSurvivesAHiccup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hooked{Store: memruns.New()}
		asked := 0
		store.items = func(ctx context.Context, q runs.ItemQuery) (runs.ItemPage, error) {
			if asked++; asked == 1 {
				return runs.ItemPage{}, runs.ErrStoreUnavailable
			}
			return store.Store.Items(ctx, q)
		}
		r := put(t, store, "r1", func(r *runs.Run) {
			r.Status, r.Attempt, r.Timing.Lease = runs.StatusRunning, 1, time.Second
		})
		if err := store.PutItems(t.Context(), r.Ref(), 1, []runs.Item{{Key: "a", Outcome: runs.ItemSucceeded}}); err != nil {
			t.Fatalf("PutItems: %v", err)
		}
		done := false
		tracker := newTracker(t, runs.Config{Store: store, Items: store, Operations: []runs.Operation{op(func(_ context.Context, x *runs.Exec, _ selection) error {
			done = x.Done("a")
			return nil
		})}})
		stop := begin(t, tracker)
		wantEnd(t, wait(t, tracker, r), runs.OutcomeSucceeded, "")
		stop()
		if !done {
			t.Error("the handler does not know of the item that an earlier attempt has settled")
		}
	})
}

// A start answers in time although the store answers nobody.
func TestStartStoreHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hooked{Store: memruns.New()}
		store.insert = func(ctx context.Context, _ *runs.Run) (*runs.Run, bool, error) {
			<-ctx.Done()
			return nil, false, ctx.Err()
		}
		tracker := newTracker(t, runs.Config{Store: store, Dispatcher: dispatchFunc(accept)})
		began := time.Now()
		_, err := tracker.Start(t.Context(), request(nil))
		wantErr(t, "Start", err, runs.ErrStoreUnavailable)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("Start took %v, want at most 5s", took)
		}
	})
}

// Until the answer to an insert is there, somebody may have executed the run: a
// dispatch that fails then does not undo that.
func TestFailedDispatchDoesNotUndoAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hooked{Store: memruns.New()}
		worker := newTracker(t, runs.Config{Store: store.Store, Sweep: time.Millisecond})
		stop := begin(t, worker)
		lost := false
		store.insert = func(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
			got, created, err := store.Store.Insert(ctx, r)
			if !lost {
				lost = true
				return nil, false, runs.ErrStoreUnavailable
			}
			return got, created, err
		}
		web := newTracker(t, runs.Config{
			Store:      store,
			Ring:       time.Millisecond,
			Dispatcher: dispatchFunc(func(context.Context, runs.Ref) error { return errors.New("broker is down") }),
		})
		s, err := web.Start(t.Context(), request(nil))
		if err != nil || !s.Created {
			t.Fatalf("Start = created %v, %v; want true", s.Created, err)
		}
		time.Sleep(time.Second)
		stop()
		r := stored(t, store, s.Run)
		wantEnd(t, r, runs.OutcomeSucceeded, "")
		if r.Attempt != 1 {
			t.Errorf("attempt = %d, want 1", r.Attempt)
		}
	})
}

// A dispatch that failed, and that cannot be recorded as failed either, leaves a
// run that is queued: Start says so, and a sweep offers it again.
func TestFailedDispatchThatCannotBeRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &hooked{Store: memruns.New()}
		store.update = func(ctx context.Context, r *runs.Run) (*runs.Run, error) {
			if r.Failure.Reason == runs.ReasonDispatchFailed {
				return nil, runs.ErrStoreUnavailable
			}
			return store.Store.Update(ctx, r)
		}
		p := newPool(10, 1)
		rung := 0
		tracker := newTracker(t, runs.Config{Store: store, Dispatcher: engine{dispatchFunc(func(ctx context.Context, ref runs.Ref) error {
			if rung++; rung == 1 {
				return errors.New("broker is down")
			}
			return p.Dispatch(ctx, ref)
		}), p}})
		s, err := tracker.Start(t.Context(), request(nil))
		if err != nil || s.Run.Status != runs.StatusQueued || stored(t, store, s.Run).Status != runs.StatusQueued {
			t.Fatalf("Start = %+v, %v; want a queued run", s.Run, err)
		}
		stop := begin(t, tracker)
		wantEnd(t, wait(t, tracker, s.Run), runs.OutcomeSucceeded, "")
		stop()
	})
}
