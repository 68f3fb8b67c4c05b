package runs

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// claim is the [Claim] that this tracker gives to its worker.
func (t *Tracker) claim(ctx context.Context, ref Ref) (func(context.Context), error) {
	x, err := t.take(ctx, ref)
	if x != nil {
		return x.execute, nil
	}
	t.freed()
	if err != nil {
		return nil, fmt.Errorf("claim %s: %w", ref.ID, err)
	}
	return nil, nil
}

// take makes the run that ref names a running one of this process. It returns
// nil when there is nothing to do: somebody else has it, it has ended, it is
// not due, its lane is busy, or it may not run.
func (t *Tracker) take(ctx context.Context, ref Ref) (*Exec, error) {
	r := t.handed.take(ref.ID)
	op := t.ops[ref.Type]
	if op == nil || !op.Executes() {
		return nil, nil // an older or a newer program knows it
	}
	for {
		if r == nil {
			var err error
			if r, err = t.cfg.Store.Get(ctx, ref); errors.Is(err, ErrNotFound) {
				t.cfg.Logger.WarnContext(ctx, "reference to a run that is not there", "run", ref.ID, "type", ref.Type)
				return nil, nil
			} else if err != nil {
				return nil, err
			}
		}
		if r.Status != StatusQueued || r.Inline || t.lanes.busy(r) {
			return nil, nil
		}
		if !r.Cancel.At.IsZero() {
			return nil, t.end(ctx, r, OutcomeCanceled, Because(ReasonCanceled))
		}
		x, err := t.tryClaim(ctx, op, r)
		switch {
		case errors.Is(err, ErrConflict):
			r = nil // it moved on; see where it is now
		case errors.Is(err, ErrLaneBusy):
			t.lanes.occupy(r) // whoever leaves the lane offers it again
			return nil, nil
		case errors.Is(err, ErrNotFound), errors.Is(err, ErrNotDue):
			return nil, nil // by the store's clock, whatever this process's says
		default:
			return x, err
		}
	}
}

// tryClaim authorizes the initiator once more and writes the claim. A run whose
// operation or authorizer panics fails; it would do so for ever.
func (t *Tracker) tryClaim(ctx context.Context, op *Operation, r *Run) (x *Exec, err error) {
	defer func() {
		if v := recover(); v != nil {
			t.cfg.Logger.ErrorContext(ctx, "claim panicked", "run", r.ID, "type", r.Type, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			x, err = nil, t.end(ctx, r, OutcomeFailed, Because(ReasonPanic))
		}
	}()
	in, inErr := op.spec.decode(r.Params)
	if inErr == nil {
		q := Question{Actor: r.Initiator, Tenant: r.Tenant, Action: op.spec.action(in), Step: StepClaim, Run: r.Ref()}
		err := t.ask(ctx, q)
		if errors.Is(err, ErrForbidden) || errors.Is(err, ErrNotFound) {
			return nil, t.end(ctx, r, OutcomeBlocked, Because(ReasonPermissionDenied))
		} else if err != nil {
			return nil, err
		}
	}
	err = t.begin(ctx, op, r, func(claimed *Run, until time.Time) {
		x = newExec(t, op, claimed, until)
		x.work = func(ctx context.Context) error {
			if inErr != nil {
				return inErr
			}
			return op.spec.handle(ctx, x, in)
		}
	})
	if err != nil {
		return nil, err
	}
	return x, nil
}

// begin writes the claim of r: the next attempt, with a lease. got is called
// with what was stored and with the instant, on this process's clock, at which
// the worker has to stop unless it has reported again.
func (t *Tracker) begin(ctx context.Context, op *Operation, r *Run, got func(claimed *Run, until time.Time)) error {
	now := t.now()
	next := r.Clone()
	next.Status = StatusRunning
	next.Attempt++
	next.StartedAt, next.UpdatedAt = latest(now, r.CreatedAt), now
	next.Waiting, next.NotBefore, next.NextRing = Failure{}, time.Time{}, time.Time{}
	next.Counts, next.Failures = Counts{}, nil
	next.Rings, next.Instance, next.Incarnation = 0, t.cfg.Instance, t.incarnation
	next.Timing = Timing{Lease: op.Lease}
	var claimed *Run
	var until time.Time
	err := t.persist(ctx, claimTries, func(ctx context.Context, again bool) (err error) {
		until = op.until()
		claimed, err = t.update(ctx, next)
		if again && errors.Is(err, ErrConflict) {
			// Perhaps the try before has succeeded without our knowing.
			is, gerr := t.cfg.Store.Get(ctx, next.Ref())
			if gerr == nil && is.Status == StatusRunning && is.Attempt == next.Attempt && is.StartedAt.Equal(next.StartedAt) {
				claimed, err = is, nil
				t.watch.tell(is)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	got(claimed, until)
	t.observeStage(ctx, claimed)
	return nil
}

// claimTries is how often a claim tries to reach the store before it is left to
// others.
const claimTries = 3

// until is when a worker that reports now has to stop by itself. The clock is
// read before the write, so that the store's lease ends later in any case. It
// is the process's own clock: its monotonic reading cannot be set.
func (op *Operation) until() time.Time { return time.Now().Add(op.Lease - op.Margin) } //nolint:forbidigo // see above

// end completes a run that is not this process's to execute.
func (t *Tracker) end(ctx context.Context, r *Run, o Outcome, f Failure) error {
	ended := r.Clone()
	t.complete(ended, o, f, t.now())
	ended, err := t.update(ctx, ended)
	if err != nil {
		return err
	}
	t.announce(ctx, ended)
	return nil
}
