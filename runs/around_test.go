package runs_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

type aroundKey struct{}

// Around begins before the handler, passes values to it, and ends when the end
// of the attempt is recorded: whether the run has ended, waits, or was taken
// away.
func TestAround(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memruns.New()
		said := make(chan string, 10)
		observed := make(chan any, 10)
		tracker := newTracker(t, runs.Config{
			Store: store,
			Operations: []runs.Operation{op(func(ctx context.Context, x *runs.Exec, _ selection) error {
				said <- fmt.Sprint("handler of ", ctx.Value(aroundKey{}))
				switch x.Run().Attempt {
				case 1:
					return x.Park(time.Hour, runs.ReasonApproval)
				case 2: // somebody takes the run away
					is := stored(t, store, x.Run())
					is.Attempt++
					if _, err := store.Update(ctx, is); err != nil {
						t.Error(err)
					}
					return nil
				default:
					return errors.New("boom")
				}
			})},
			Observers: []runs.Observer{observeFunc(func(ctx context.Context, r *runs.Run) error {
				if r.Ended() {
					observed <- ctx.Value(aroundKey{})
				}
				return nil
			})},
			Around: func(ctx context.Context, x *runs.Exec, execute func(context.Context)) {
				said <- fmt.Sprint("begin ", x.Run().Attempt)
				execute(context.WithValue(ctx, aroundKey{}, x.Run().Attempt))
				r := x.Run()
				said <- fmt.Sprint("end ", r.Status, r.Outcome, r.Failure.Reason, r.Waiting.Reason)
				execute(ctx) // once is enough
			},
		})
		stop := begin(t, tracker)
		wait(t, tracker, start(t, tracker, request(nil)).Run)
		stop()
		close(said)
		var got []string
		for s := range said {
			got = append(got, s)
		}
		want := []string{
			"begin 1", "handler of 1", "end queuedapproval_required",
			"begin 2", "handler of 2", "end running",
			"begin 4", "handler of 4", "end completedfailedinternal",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what Around saw (-want +got):\n%s", diff)
		}
		if v := <-observed; v != 4 {
			t.Errorf("the observers of the end have %v of the context, want 4", v)
		}
	})
}

func TestAroundDo(t *testing.T) {
	var got []string
	tracker := newTracker(t, runs.Config{
		Around: func(ctx context.Context, x *runs.Exec, execute func(context.Context)) {
			got = append(got, fmt.Sprint(ctx.Value(aroundKey{})))
			execute(ctx)
			got = append(got, string(x.Run().Outcome))
		},
	})
	ctx := context.WithValue(t.Context(), aroundKey{}, "the caller's")
	if _, err := tracker.Do(ctx, request(nil), func(context.Context, *runs.Exec) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"the caller's", "succeeded"}, got); diff != "" {
		t.Errorf("what Around saw (-want +got):\n%s", diff)
	}
}

// Whatever is wrong with Around, runs are executed.
func TestAroundFails(t *testing.T) {
	for name, around := range map[string]func(ctx context.Context, x *runs.Exec, execute func(context.Context)){
		"does nothing":  func(context.Context, *runs.Exec, func(context.Context)) {},
		"panics before": func(context.Context, *runs.Exec, func(context.Context)) { panic("s3cret") },
		"panics after": func(ctx context.Context, _ *runs.Exec, execute func(context.Context)) {
			execute(ctx)
			panic("s3cret")
		},
		"ends": func(context.Context, *runs.Exec, func(context.Context)) { runtime.Goexit() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log journal
				p := newPool(10, 1)
				worker := workFunc(func(ctx context.Context, claim runs.Claim) error {
					// A worker that survives what ends its goroutine.
					return p.Work(ctx, func(ctx context.Context, ref runs.Ref) (func(context.Context), error) {
						execute, err := claim(ctx, ref)
						if execute == nil {
							return nil, err
						}
						return func(ctx context.Context) {
							done := make(chan struct{})
							go func() {
								defer close(done)
								execute(ctx)
							}()
							<-done
						}, err
					})
				})
				tracker := newTracker(t, runs.Config{Dispatcher: engine{p, worker}, Around: around, Logger: log.logger()})
				stop := begin(t, tracker)
				r := wait(t, tracker, start(t, tracker, request(nil)).Run)
				stop()
				wantEnd(t, r, runs.OutcomeSucceeded, "")
				if r.Attempt != 1 || strings.Contains(name, "panics") != strings.Contains(log.String(), "Around panicked") {
					t.Errorf("after %d attempts the log says %s", r.Attempt, &log)
				}
			})
		})
	}
}
