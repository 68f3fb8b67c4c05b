package runs_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

// A reference that got lost costs time and nothing else.
func TestSweepRingsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(10, 1)
		lost := 0
		tracker := newTracker(t, runs.Config{
			Dispatcher: struct {
				runs.Dispatcher
				runs.Worker
			}{dispatchFunc(func(ctx context.Context, ref runs.Ref) error {
				if lost < 2 {
					lost++
					return nil
				}
				return p.Dispatch(ctx, ref)
			}), p},
		})
		stop := begin(t, tracker)
		s := start(t, tracker, request(nil))
		got := wait(t, tracker, s.Run)
		wantEnd(t, got, runs.OutcomeSucceeded, "")
		if lost != 2 {
			t.Errorf("%d references were lost, want 2", lost)
		}
		if took := got.CompletedAt.Sub(got.CreatedAt); took > 30*time.Second {
			t.Errorf("took %v", took)
		}
		stop()
	})
}

// A run whose worker vanishes is tried again, and fails when it has happened
// three times. Its items are done once.
func TestWorkerLost(t *testing.T) {
	tests := []struct {
		name    string
		crashes int
		outcome runs.Outcome
		reason  runs.Reason
		attempt int
	}{
		{"once", 1, runs.OutcomeSucceeded, "", 2},
		{"twice", 2, runs.OutcomeSucceeded, "", 3},
		{"always", 100, runs.OutcomeFailed, runs.ReasonWorkerLost, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memruns.New()
				var effects []string
				tracker := newTracker(t, runs.Config{
					Store:      store,
					Items:      store,
					Dispatcher: &crashing{pool: newPool(10, 1), crashes: tt.crashes, store: store},
					Operations: []runs.Operation{op(func(_ context.Context, x *runs.Exec, _ selection) error {
						x.Total(2)
						for _, key := range []string{"a", "b"} {
							if !x.Done(key) {
								effects = append(effects, key)
								x.Succeed(key)
							}
						}
						return nil
					})},
				})
				stop := begin(t, tracker)
				began := time.Now()
				got := wait(t, tracker, start(t, tracker, request(nil)).Run)
				wantEnd(t, got, tt.outcome, tt.reason)
				if got.Attempt != tt.attempt || got.Lost != min(tt.crashes, 3) {
					t.Errorf("attempt %d, lost %d; want %d, %d", got.Attempt, got.Lost, tt.attempt, min(tt.crashes, 3))
				}
				if took := time.Since(began); took > time.Duration(got.Lost)*45*time.Second {
					t.Errorf("took %v for %d crashes, want at most 45s each", took, got.Lost)
				}
				if tt.outcome == runs.OutcomeSucceeded {
					if diff := cmp.Diff(runs.Counts{Total: 2, Succeeded: 2}, got.Counts); diff != "" {
						t.Errorf("counts (-want +got):\n%s", diff)
					}
					if diff := cmp.Diff([]string{"b"}, effects); diff != "" {
						t.Errorf("done by the last attempt (-want +got):\n%s", diff)
					}
				}
				stop()
			})
		})
	}
}

// crashing claims runs and forgets them, after one item, as a process does that
// is killed.
type crashing struct {
	*pool
	crashes int
	store   *memruns.Store
}

func (c *crashing) Work(ctx context.Context, claim runs.Claim) error {
	return c.pool.Work(ctx, func(cctx context.Context, ref runs.Ref) (func(context.Context), error) {
		execute, err := claim(cctx, ref)
		if execute == nil || c.crashes == 0 {
			return execute, err
		}
		c.crashes--
		return func(ctx context.Context) {
			r, err := c.store.Get(ctx, ref)
			if err != nil {
				return
			}
			item := runs.Item{Key: "a", Outcome: runs.ItemSucceeded}
			_ = c.store.PutItems(ctx, ref, r.Attempt, []runs.Item{item})
		}, nil
	})
}

// A worker that cannot report stops before its lease is over, and what it still
// does changes nothing.
func TestZombie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &counting{Store: memruns.New()}
		var cut atomic.Bool
		store.fail = func(string, *runs.Run) (before, after error) {
			if cut.Load() {
				return runs.ErrStoreUnavailable, nil
			}
			return nil, nil
		}
		var notified []runs.Outcome
		var stopped time.Duration
		var cause error
		zombie := newTracker(t, runs.Config{
			Store: store,
			Items: store,
			Observers: []runs.Observer{observeFunc(func(_ context.Context, r *runs.Run) error {
				if r.Ended() {
					notified = append(notified, r.Outcome)
				}
				return nil
			})},
			Operations: []runs.Operation{op(func(ctx context.Context, x *runs.Exec, _ selection) error {
				cut.Store(true)
				began := time.Now()
				<-ctx.Done()
				stopped, cause = time.Since(began), context.Cause(ctx)
				time.Sleep(5 * time.Minute) // it does not care
				cut.Store(false)
				x.Succeed("zombie")
				return nil
			})},
		})
		s := start(t, zombie, request(nil))
		stopZombie := begin(t, zombie)
		synctest.Wait()

		rescuer := newTracker(t, runs.Config{
			Store: store.Store,
			Items: store.Store,
			Operations: []runs.Operation{op(func(_ context.Context, x *runs.Exec, _ selection) error {
				x.Succeed("rescuer")
				time.Sleep(10 * time.Minute) // still running when the zombie returns
				return nil
			})},
		})
		stopRescuer := begin(t, rescuer)
		got := wait(t, rescuer, s.Run)
		stopZombie()
		stopRescuer()
		wantEnd(t, got, runs.OutcomeSucceeded, "")
		if got.Attempt != 2 || got.Counts.Succeeded != 1 {
			t.Errorf("attempt %d with %d items, want attempt 2 with 1", got.Attempt, got.Counts.Succeeded)
		}
		page, err := rescuer.Items(t.Context(), runs.ItemQuery{Run: got.Ref()})
		if err != nil || len(page.Items) != 1 || page.Items[0].Key != "rescuer" {
			t.Errorf("items = %v, %v; want the rescuer's", page.Items, err)
		}
		wantErr(t, "cause", cause, runs.ErrLeaseLost)
		if stopped > 27*time.Second+time.Millisecond {
			t.Errorf("the worker stopped after %v, want 3s before its lease of 30s", stopped)
		}
		if len(notified) != 0 {
			t.Errorf("the zombie announced %v", notified)
		}
	})
}

// The end of a run is told until every observer has taken it, and then no more.
func TestAnnouncement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first, second int
		stages := map[runs.Status]int{}
		tracker := newTracker(t, runs.Config{
			Observers: []runs.Observer{
				observeFunc(func(_ context.Context, r *runs.Run) error {
					stages[r.Status]++
					if r.Ended() {
						first++
					}
					return nil
				}),
				observeFunc(func(_ context.Context, r *runs.Run) error {
					if !r.Ended() {
						return errors.New("only logged")
					}
					if second++; second == 1 {
						panic("mail server is down")
					} else if second < 4 {
						return errors.New("mail server is down")
					}
					return nil
				}),
			},
		})
		stop := begin(t, tracker)
		s := start(t, tracker, request(nil))
		wantEnd(t, wait(t, tracker, s.Run), runs.OutcomeSucceeded, "")
		time.Sleep(time.Hour)
		stop()
		if second != 4 || first != 4 {
			t.Errorf("the observers were told %d and %d times, want 4 and 4", first, second)
		}
		r, err := tracker.Get(t.Context(), s.Run.Ref())
		if err != nil || !r.Announced {
			t.Errorf("run = %+v, %v; want it announced", r, err)
		}
		if diff := cmp.Diff(map[runs.Status]int{runs.StatusQueued: 1, runs.StatusRunning: 1, runs.StatusCompleted: 4}, stages); diff != "" {
			t.Errorf("stages (-want +got):\n%s", diff)
		}
	})
}

// Observers hear of a stage each time a run gets there: once for every attempt.
func TestStagesOfEveryAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memruns.New()
		stages := map[runs.Status]int{}
		tracker := newTracker(t, runs.Config{
			Store:      store,
			Dispatcher: &crashing{pool: newPool(10, 1), crashes: 2, store: store},
			Observers:  []runs.Observer{observeFunc(func(_ context.Context, r *runs.Run) error { stages[r.Status]++; return nil })},
		})
		stop := begin(t, tracker)
		wantEnd(t, wait(t, tracker, start(t, tracker, request(nil)).Run), runs.OutcomeSucceeded, "")
		stop()
		if diff := cmp.Diff(map[runs.Status]int{runs.StatusQueued: 1, runs.StatusRunning: 3, runs.StatusCompleted: 1}, stages); diff != "" {
			t.Errorf("stages (-want +got):\n%s", diff)
		}
	})
}

// A reference to a run that is not there is dropped, and the log says so. The
// slot is free for others.
func TestOrphanReference(t *testing.T) {
	log := new(journal)
	p := newPool(10, 1)
	claims := make(chan error, 1)
	orphan := runs.Ref{Tenant: tenant, ID: "no-such-run", Type: sync1}
	tracker := newTracker(t, runs.Config{Logger: log.logger(), Dispatcher: engine{p, workFunc(func(ctx context.Context, claim runs.Claim) error {
		return p.Work(ctx, func(ctx context.Context, ref runs.Ref) (func(context.Context), error) {
			execute, err := claim(ctx, ref)
			if ref == orphan {
				if execute != nil {
					err = errors.Join(err, errors.New("there is something to execute"))
				}
				claims <- err
			}
			return execute, err
		})
	})}})
	if err := p.Dispatch(t.Context(), orphan); err != nil {
		t.Fatalf("Dispatch: %v", err)
	}
	begin(t, tracker)
	if err := <-claims; err != nil {
		t.Errorf("claim of an orphan: %v; want nothing to do, and no error, which would bring it again", err)
	}
	wantEnd(t, wait(t, tracker, start(t, tracker, request(nil)).Run), runs.OutcomeSucceeded, "")
	if !strings.Contains(log.String(), "no-such-run") {
		t.Errorf("the log does not name the run:\n%s", log)
	}
}

// When the process stops, handlers may finish; those that do not are queued
// again, and that does not count as a loss.
func TestStop(t *testing.T) {
	for _, tt := range []struct {
		name   string
		handle func(ctx context.Context) error
		status runs.Status
		took   time.Duration
	}{
		{"finishes", func(context.Context) error { time.Sleep(8 * time.Second); return nil }, runs.StatusCompleted, 8 * time.Second},
		{"is canceled", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, runs.StatusQueued, 10 * time.Second},
		{"ignores it", func(context.Context) error { time.Sleep(time.Hour); return nil }, runs.StatusQueued, 15 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tracker := newTracker(t, runs.Config{
					Operations: []runs.Operation{op(func(ctx context.Context, _ *runs.Exec, _ selection) error { return tt.handle(ctx) })},
				})
				stop := begin(t, tracker)
				s := start(t, tracker, request(nil))
				synctest.Wait()
				began := time.Now()
				stop()
				if took := time.Since(began).Round(time.Second); took != tt.took {
					t.Errorf("Run returned after %v, want %v", took, tt.took)
				}
				r, err := tracker.Get(t.Context(), s.Run.Ref())
				if err != nil {
					t.Fatalf("Get: %v", err)
				}
				if r.Status != tt.status || r.Lost != 0 {
					t.Errorf("run is %s and was lost %d times, want %s and never", r.Status, r.Lost, tt.status)
				}
				time.Sleep(time.Hour) // until the handler that ignores its context is gone
			})
		})
	}
}

// Runs of one lane take turns.
func TestLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int32
		o := runs.Spec[selection]{
			Type: sync1,
			Lane: func(selection) string { return "set-1" },
			Handle: func(context.Context, *runs.Exec, selection) error {
				n := running.Add(1)
				most.Store(max(most.Load(), n))
				time.Sleep(time.Second)
				running.Add(-1)
				return nil
			},
		}.Operation()
		tracker := newTracker(t, runs.Config{Operations: []runs.Operation{o}})
		stop := begin(t, tracker)
		var all []*runs.Run
		for _, k := range []string{"a", "b", "c", "d", "e"} {
			all = append(all, start(t, tracker, request(selection{Kinds: []string{k}})).Run)
		}
		began := time.Now()
		for _, r := range all {
			wantEnd(t, wait(t, tracker, r), runs.OutcomeSucceeded, "")
		}
		if most.Load() != 1 {
			t.Errorf("%d runs at a time in one lane", most.Load())
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("5 runs of 1s took %v", took)
		}
		stop()
	})
}

// A process that only declares an operation starts its runs and leaves them to
// others.
func TestDeclaredOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memruns.New()
		web := newTracker(t, runs.Config{
			Store:      store,
			Operations: []runs.Operation{runs.Spec[selection]{Type: sync1}.Operation()},
		})
		stopWeb := begin(t, web)
		s := start(t, web, request(nil))
		time.Sleep(time.Minute)
		if r, _ := web.Get(t.Context(), s.Run.Ref()); r.Status != runs.StatusQueued {
			t.Errorf("run is %s, want queued", r.Status)
		}
		worker := newTracker(t, runs.Config{Store: store})
		stopWorker := begin(t, worker)
		wantEnd(t, wait(t, web, s.Run), runs.OutcomeSucceeded, "")
		stopWeb()
		stopWorker()
	})
}

// Stop can be called at any time and any number of times; its context says how
// long handlers may go on.
func TestStopVerb(t *testing.T) {
	for _, tt := range []struct {
		name   string
		give   time.Duration // until Stop's context ends
		status runs.Status
		took   time.Duration
	}{
		{"enough time", time.Minute, runs.StatusCompleted, 30 * time.Second},
		{"too little", time.Second, runs.StatusQueued, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tracker := newTracker(t, runs.Config{
					Operations: []runs.Operation{op(func(ctx context.Context, _ *runs.Exec, _ selection) error {
						select {
						case <-ctx.Done():
							return context.Cause(ctx)
						case <-time.After(30 * time.Second):
							return nil
						}
					})},
				})
				s := start(t, tracker, request(nil))
				ended := make(chan error, 1)
				go func() { ended <- tracker.Run(t.Context()) }()
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), tt.give)
				defer cancel()
				began := time.Now()
				go tracker.Stop(ctx)
				tracker.Stop(ctx)
				tracker.Stop(ctx)
				if took := time.Since(began); took != tt.took {
					t.Errorf("Stop returned after %v, want %v", took, tt.took)
				}
				if err := <-ended; err != nil {
					t.Errorf("Run: %v", err)
				}
				if r, err := tracker.Get(t.Context(), s.Run.Ref()); err != nil || r.Status != tt.status || r.Lost != 0 {
					t.Errorf("run is %+v, %v; want it %s and never lost", r, err, tt.status)
				}
			})
		})
	}
	tracker := newTracker(t, runs.Config{})
	tracker.Stop(t.Context())
	if err := tracker.Run(t.Context()); err != nil {
		t.Errorf("Run after Stop: %v", err)
	}
	if err := tracker.Run(t.Context()); err == nil {
		t.Error("Run twice is no error")
	}
}
