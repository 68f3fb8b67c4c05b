package runs_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

func TestCancel(t *testing.T) {
	t.Run("queued", func(t *testing.T) {
		tracker := newTracker(t, runs.Config{Dispatcher: dispatchFunc(accept)})
		s := start(t, tracker, request(nil))
		got, err := tracker.RequestCancel(t.Context(), s.Run.Ref(), eli, "not needed")
		if err != nil {
			t.Fatalf("RequestCancel: %v", err)
		}
		wantEnd(t, got, runs.OutcomeCanceled, runs.ReasonCanceled)
		if got.Cancel.By != eli || got.Cancel.Why != "not needed" || got.Cancel.At.IsZero() {
			t.Errorf("cancel request = %+v", got.Cancel)
		}
		again, err := tracker.RequestCancel(t.Context(), s.Run.Ref(), dana, "me too")
		if err != nil || again.Cancel.By != eli {
			t.Errorf("a second request = %+v, %v; want the first one to count", again.Cancel, err)
		}
	})
	for _, tt := range []struct {
		name    string
		handle  func(ctx context.Context) error
		outcome runs.Outcome
		reason  runs.Reason
	}{
		{"running", func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }, runs.OutcomeCanceled, runs.ReasonCanceled},
		{"running, other error", func(ctx context.Context) error { <-ctx.Done(); return errors.New("connection is closed") }, runs.OutcomeCanceled, runs.ReasonCanceled},
		{"running, finishes its work", func(ctx context.Context) error { <-ctx.Done(); return nil }, runs.OutcomeSucceeded, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memruns.New()
				worker := newTracker(t, runs.Config{
					Store:      store,
					Operations: []runs.Operation{op(func(ctx context.Context, _ *runs.Exec, _ selection) error { return tt.handle(ctx) })},
				})
				stop := begin(t, worker)
				s := start(t, worker, request(nil))
				synctest.Wait()
				elsewhere := newTracker(t, runs.Config{Store: store, Dispatcher: dispatchFunc(accept)})
				if _, err := elsewhere.RequestCancel(t.Context(), s.Run.Ref(), dana, ""); err != nil {
					t.Fatalf("RequestCancel: %v", err)
				}
				asked := time.Now()
				wantEnd(t, wait(t, elsewhere, s.Run), tt.outcome, tt.reason)
				if took := time.Since(asked); took > 8*time.Second {
					t.Errorf("it took %v, want about a heartbeat", took)
				}
				stop()
			})
		})
	}
}

func TestCancelNeedsTheRight(t *testing.T) {
	roles := map[string]runs.Role{"dana": runs.RoleOperator, "eli": runs.RoleOperator, "mia": runs.RoleManager}
	tracker := newTracker(t, runs.Config{
		Dispatcher: dispatchFunc(accept),
		Authorizer: runs.Roles(func(_ context.Context, a runs.Actor, _ string) (runs.Role, error) { return roles[a.ID], nil }),
	})
	s := start(t, tracker, request(nil))
	_, err := tracker.RequestCancel(t.Context(), s.Run.Ref(), eli, "")
	wantErr(t, "cancel by another operator", err, runs.ErrForbidden)
	_, err = tracker.RequestCancel(t.Context(), s.Run.Ref(), runs.User("nobody", ""), "")
	wantErr(t, "cancel by an outsider", err, runs.ErrNotFound)
	if _, err := tracker.RequestCancel(t.Context(), s.Run.Ref(), runs.User("mia", ""), ""); err != nil {
		t.Errorf("cancel by a manager: %v", err)
	}
}

func TestRetry(t *testing.T) {
	fail := true
	tracker := newTracker(t, runs.Config{Operations: []runs.Operation{op(func(context.Context, *runs.Exec, selection) error {
		if fail {
			return errors.New("x")
		}
		return nil
	})}})
	first := start(t, tracker, request(selection{Full: true}))
	_, err := tracker.Retry(t.Context(), first.Run.Ref(), eli, "")
	wantErr(t, "retry of a queued run", err, runs.ErrActive)

	begin(t, tracker)
	failed := wait(t, tracker, first.Run)
	fail = false
	s, err := tracker.Retry(t.Context(), failed.Ref(), eli, "")
	if err != nil {
		t.Fatalf("Retry: %v", err)
	}
	got := wait(t, tracker, s.Run)
	wantEnd(t, got, runs.OutcomeSucceeded, "")
	if got.ID == failed.ID || got.RetryOf != failed.ID || got.Initiator != eli || string(got.Params) != `{"full":true}` {
		t.Errorf("retry = %+v", got)
	}
	kept, err := tracker.Get(t.Context(), failed.Ref())
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	if diff := cmp.Diff(failed, kept); diff != "" {
		t.Errorf("the old run has changed (-before +after):\n%s", diff)
	}
}

// A run that was imported need not have params: to do it again is to do it with
// none.
func TestRetryOfImport(t *testing.T) {
	tracker := newTracker(t, runs.Config{Operations: []runs.Operation{op(func(context.Context, *runs.Exec, selection) error { return nil })}})
	old := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r, err := tracker.Import(t.Context(), &runs.Run{
		Tenant: tenant, Type: sync1, Status: runs.StatusCompleted, Outcome: runs.OutcomeFailed,
		Failure: runs.Because(runs.ReasonThrottled), Initiator: dana, CreatedAt: old, CompletedAt: old.Add(time.Minute),
	})
	if err != nil {
		t.Fatalf("Import: %v", err)
	}
	s, err := tracker.Retry(t.Context(), r.Ref(), dana, "")
	if err != nil || string(s.Run.Params) != "{}" || s.Run.RetryOf != r.ID {
		t.Errorf("Retry = %+v, %v, want a run without params", s.Run, err)
	}
}

func TestDo(t *testing.T) {
	tracker := newTracker(t, runs.Config{
		Dispatcher: dispatchFunc(func(context.Context, runs.Ref) error { t.Error("dispatched"); return nil }),
		Operations: []runs.Operation{runs.Spec[selection]{Type: sync1}.Operation()},
	})
	s, err := tracker.Do(t.Context(), request(nil), func(ctx context.Context, x *runs.Exec) error {
		if r := x.Run(); r.Status != runs.StatusRunning || r.Attempt != 1 {
			t.Errorf("inside, the run is %s, attempt %d; want running, 1", r.Status, r.Attempt)
		}
		joined, err := tracker.Do(ctx, request(nil), func(context.Context, *runs.Exec) error { t.Error("executed twice"); return nil })
		if err != nil || joined.Created {
			t.Errorf("the same again = %v, created %v; want to join", err, joined.Created)
		}
		x.Succeed("a")
		return nil
	})
	if err != nil {
		t.Fatalf("Do: %v", err)
	}
	wantEnd(t, s.Run, runs.OutcomeSucceeded, "")
	if s.Run.Counts.Succeeded != 1 || !s.Created || !s.Run.Inline {
		t.Errorf("Do = %+v", s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s, err = tracker.Do(ctx, request(nil), func(ctx context.Context, _ *runs.Exec) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	})
	if err != nil {
		t.Fatalf("Do: %v", err)
	}
	wantEnd(t, s.Run, runs.OutcomeCanceled, runs.ReasonCanceled)
}

// What only its starter can execute is not started again by somebody else, to be
// queued for ever.
func TestRetryOfDo(t *testing.T) {
	tracker := newTracker(t, runs.Config{Operations: []runs.Operation{runs.Spec[selection]{Type: sync1}.Operation()}})
	fail := func(context.Context, *runs.Exec) error { return errors.New("x") }
	s, err := tracker.Do(t.Context(), request(nil), fail)
	if err != nil {
		t.Fatalf("Do: %v", err)
	}
	_, err = tracker.Retry(t.Context(), s.Run.Ref(), dana, "")
	wantErr(t, "Retry", err, runs.ErrInvalid)
	if f, _ := runs.FailureOf(err); f.Reason != runs.ReasonUnsupported {
		t.Errorf("reason = %q, want %q", f.Reason, runs.ReasonUnsupported)
	}
	if s, err := tracker.Do(t.Context(), request(nil), fail); err != nil || !s.Created {
		t.Errorf("the same again = created %v, %v; want true", s.Created, err)
	}
}

// Nobody else can execute what its starter did, so it fails with him.
func TestDoIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memruns.New()
		r := &runs.Run{
			Tenant: tenant, ID: "r1", Type: sync1, Status: runs.StatusRunning, Attempt: 1, Inline: true,
			Initiator: dana, Timing: runs.Timing{Lease: 30 * time.Second}, CreatedAt: time.Now(),
		}
		if _, _, err := store.Insert(t.Context(), r); err != nil {
			t.Fatalf("Insert: %v", err)
		}
		tracker := newTracker(t, runs.Config{Store: store})
		stop := begin(t, tracker)
		wantEnd(t, wait(t, tracker, r), runs.OutcomeFailed, runs.ReasonWorkerLost)
		stop()
	})
}

func TestImport(t *testing.T) {
	observed := 0
	tracker := newTracker(t, runs.Config{
		Observers: []runs.Observer{observeFunc(func(context.Context, *runs.Run) error { observed++; return nil })},
	})
	old := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := &runs.Run{
		Tenant: tenant, Type: "legacy.sync", Status: runs.StatusCompleted, Outcome: runs.OutcomeFailed,
		Failure: runs.Because(runs.ReasonThrottled), Initiator: dana, CreatedAt: old, CompletedAt: old.Add(time.Minute),
	}
	got, err := tracker.Import(t.Context(), r)
	if err != nil {
		t.Fatalf("Import: %v", err)
	}
	if got.ID == "" || !got.Announced || !got.CreatedAt.Equal(old) {
		t.Errorf("imported %+v", got)
	}
	r.Status, r.Outcome, r.Failure = runs.StatusQueued, "", runs.Failure{}
	_, err = tracker.Import(t.Context(), r)
	wantErr(t, "import of an active run", err, runs.ErrInvalid)
	_, err = tracker.Import(t.Context(), got)
	wantErr(t, "import of an ID that is taken", err, runs.ErrExists)
	if observed != 0 {
		t.Errorf("imports were announced %d times", observed)
	}
}
