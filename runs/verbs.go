package runs

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Do records work that the caller executes itself: it calls work on a goroutine
// and returns when the run has ended, with the record as it is then. Everything
// else is as in [Tracker.Start]: if the run is there already, work is not called
// and Created is false. When ctx ends, the run is canceled. The error is about
// the record; how the work ended is in it.
func (t *Tracker) Do(ctx context.Context, req Request, work func(ctx context.Context, x *Exec) error) (Started, error) {
	s, err := t.do(ctx, req, work)
	if err != nil {
		return Started{}, fmt.Errorf("do %s: %w", req.Type, err)
	}
	return s, nil
}

func (t *Tracker) do(ctx context.Context, req Request, work func(ctx context.Context, x *Exec) error) (Started, error) {
	if work == nil {
		return Started{}, invalid("there is no work")
	}
	r, err := t.plan(ctx, req)
	if err != nil {
		return Started{}, err
	}
	r.Inline, r.Status, r.Attempt, r.StartedAt = true, StatusRunning, 1, r.CreatedAt
	r.Instance, r.Incarnation = t.cfg.Instance, t.incarnation
	op := t.ops[r.Type]
	r.Timing = Timing{Lease: op.Lease}
	until := op.until()
	s, err := t.insert(ctx, t.cfg.Store, startTries, r)
	if err != nil {
		return s, err
	}
	if !s.Created {
		return t.join(ctx, r, s)
	}
	x := newExec(t, op, s.Run.Clone(), until)
	x.work = func(ctx context.Context) error { return work(ctx, x) }
	x.caller = ctx
	t.observeStage(ctx, s.Run)
	x.execute(ctx)
	s.Run, err = t.cfg.Store.Get(context.WithoutCancel(ctx), r.Ref())
	return s, err
}

// Wait returns the run that ref names once it has ended. If ctx ends before, it
// returns the run as it is then, if it could be read, with the context's error.
// It looks again at once when the run changes in this process, and every two
// seconds for changes in others.
func (t *Tracker) Wait(ctx context.Context, ref Ref) (*Run, error) {
	pause := 10 * time.Millisecond
	for {
		changed, done := t.watch.on(ref.ID)
		r, err := t.cfg.Store.Get(ctx, ref)
		if err == nil && r.Ended() || err != nil && !errors.Is(err, ErrStoreUnavailable) {
			done()
			if err != nil {
				return nil, fmt.Errorf("wait for %s: %w", ref.ID, err)
			}
			return r, nil
		}
		select {
		case <-ctx.Done():
			done()
			return r, fmt.Errorf("wait for %s: %w", ref.ID, ctx.Err())
		case <-changed:
		case <-time.After(pause):
			pause = min(2*pause, 2*time.Second)
		}
		done()
	}
}

// RequestCancel asks that a run ends, in the name of actor and with a reason in
// its words. A queued run is canceled at once; a running one is asked to, which
// it learns within a heartbeat. A run that has ended stays as it is. The first
// request counts. It reports [ErrForbidden] or [ErrNotFound].
func (t *Tracker) RequestCancel(ctx context.Context, ref Ref, actor Actor, why string) (*Run, error) {
	for {
		r, err := t.cfg.Store.Get(ctx, ref)
		if err == nil {
			q := Question{Actor: actor, Tenant: r.Tenant, Action: ActionCancelOther, Step: StepCancel, Run: r.Ref()}
			if r.Initiator.Is(actor) {
				q.Action = ActionCancelOwn
			}
			err = t.ask(ctx, q)
		}
		if err == nil {
			asked := !r.Cancel.At.IsZero()
			if r.Ended() || asked && r.Status == StatusRunning {
				return r, nil
			}
			if !asked {
				r.Cancel = CancelRequest{At: t.now(), By: actor, Why: Sanitize(why)}
				r.Cancel.By.Name = displayName(actor.Name)
			}
			r, err = t.cancel(ctx, r)
		}
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cancel %s: %w", ref.ID, err)
		}
		return r, nil
	}
}

// cancel stores the request that r carries.
func (t *Tracker) cancel(ctx context.Context, r *Run) (*Run, error) {
	now := t.now()
	r.UpdatedAt = now
	if r.Status == StatusQueued {
		t.complete(r, OutcomeCanceled, Because(ReasonCanceled), now)
	}
	r, err := t.update(ctx, r)
	if err != nil {
		return nil, err
	}
	if r.Ended() {
		t.announce(ctx, r)
	} else {
		t.live.cancel(r)
	}
	return r, nil
}

// ErrActive is reported by [Tracker.Retry] for a run that has not ended.
var ErrActive = errors.New("run has not ended")

// Retry starts a new run that does the same as the one that ref names, which
// has ended and stays as it was; the new one's RetryOf names it. The actor
// needs the right to retry it and the right to start it. Retries deduplicate
// while one is active, like all runs; once may be empty, see [Request].
func (t *Tracker) Retry(ctx context.Context, ref Ref, actor Actor, once string) (Started, error) {
	r, err := t.cfg.Store.Get(ctx, ref)
	if err != nil {
		return Started{}, fmt.Errorf("retry %s: %w", ref.ID, err)
	}
	need := ActionRetryOther
	if r.Initiator.Is(actor) {
		need = ActionRetryOwn
	}
	if op := t.ops[r.Type]; r.Inline && (op == nil || !op.Executes()) {
		return Started{}, fmt.Errorf("retry %s: %w", ref.ID, Public(ErrInvalid, ReasonUnsupported, "Only its starter can do this again."))
	}
	if !r.Ended() {
		err := t.ask(ctx, Question{Actor: actor, Tenant: r.Tenant, Action: need, Step: StepRetry, Run: r.Ref()})
		if err == nil {
			err = ErrActive
		}
		return Started{}, fmt.Errorf("retry %s: %w", ref.ID, err)
	}
	return t.Start(ctx, Request{
		Tenant:    r.Tenant,
		Type:      r.Type,
		Params:    r.Params,
		Initiator: actor,
		Once:      once,
		retryOf:   r.ID,
		action:    need,
	})
}

// Import stores a run that has ended elsewhere or long ago: a migration, or
// something to show. It is not announced. An empty ID is filled in from
// CreatedAt. It reports [ErrInvalid] for a run that has not ended and
// [ErrExists] if the ID is taken.
func (t *Tracker) Import(ctx context.Context, r *Run) (*Run, error) {
	if r == nil {
		return nil, fmt.Errorf("import: %w", invalid("there is no run"))
	}
	r = r.Clone()
	if r.ID == "" {
		r.ID = new(ids).next(r.CreatedAt)
	}
	r.Announced, r.Timing = true, Timing{}
	err := r.Validate()
	if err == nil && !r.Ended() {
		err = invalid("only runs that have ended are imported")
	}
	if err == nil && r.CompletedAt.IsZero() {
		err = invalid("the run does not say when it ended")
	}
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	stored, created, err := t.cfg.Store.Insert(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	if !created {
		return nil, fmt.Errorf("import: %w", ErrExists)
	}
	return stored, nil
}
