package runs

import (
	"context"
	"errors"
	"time"
)

// finish records how the attempt ended, unless it is no longer this worker's.
// It tries until the lease does not allow it any more.
func (x *Exec) finish(ctx context.Context, err, cause error) {
	x.mu.Lock()
	x.closed = true
	until := x.until
	x.mu.Unlock()
	if errors.Is(cause, ErrLeaseLost) {
		x.t.cfg.Logger.WarnContext(ctx, "lease was lost", "run", x.ref.ID, "type", x.ref.Type, "attempt", x.attempt)
		return
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	x.storeAllItems(ctx)

	conclude := x.conclusion(ctx, err, cause)
	werr := x.t.persist(ctx, 1<<30, func(ctx context.Context, _ bool) error {
		return x.update(ctx, func(r *Run) {
			x.fill(r)
			conclude(r)
		})
	})
	if werr != nil {
		x.t.cfg.Logger.ErrorContext(ctx, "end of the run was not recorded", "run", x.ref.ID, "type", x.ref.Type, "error", werr)
		return
	}
	x.mu.Lock()
	r := x.run
	x.mu.Unlock()
	if r.Ended() {
		x.t.announce(ctx, r)
		return
	}
	x.t.observeStage(ctx, r)
}

// storeAllItems writes the buffered items, however often it takes.
func (x *Exec) storeAllItems(ctx context.Context) {
	pause := 50 * time.Millisecond
	for {
		x.storeItems(ctx)
		x.mu.Lock()
		left := len(x.buffer)
		x.mu.Unlock()
		if left == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
			pause = min(2*pause, time.Second)
		}
	}
}

// conclusion says what becomes of the run when its handler returned err and
// cause had ended its context, if anything had.
func (x *Exec) conclusion(ctx context.Context, err, cause error) func(r *Run) {
	ended := func(o Outcome, f Failure) func(r *Run) {
		return func(r *Run) { x.t.complete(r, o, f) }
	}
	if err == nil {
		return func(r *Run) { x.t.complete(r, OutcomeOf(r.Counts), Failure{}) }
	}
	switch {
	case errors.Is(cause, ErrCanceled):
		return ended(OutcomeCanceled, Because(ReasonCanceled))
	case errors.Is(cause, ErrStopping):
		return x.t.requeue
	}
	if p, ok := errors.AsType[*parked](err); ok && cause == nil {
		return func(r *Run) {
			x.t.requeue(r)
			r.Waiting, r.Timing = p.waiting, Timing{Delay: p.delay}
		}
	}
	f, id := FailureOf(err)
	if errors.Is(cause, context.DeadlineExceeded) && errors.Is(err, context.DeadlineExceeded) {
		f = Because(ReasonTimeout)
	}
	x.t.cfg.Logger.WarnContext(ctx, "run failed", "run", x.ref.ID, "type", x.ref.Type, "reason", f.Reason, "id", id, "error", err)
	v, ok := errors.AsType[*verdict](err)
	switch {
	case !ok:
		return ended(OutcomeFailed, f)
	case v.outcome == OutcomePartiallySucceeded:
		return func(r *Run) {
			o := OutcomeFailed
			if r.Counts.Succeeded > 0 {
				o = OutcomePartiallySucceeded
			}
			x.t.complete(r, o, f)
		}
	default:
		return ended(v.outcome, f)
	}
}

// requeue gives r back, so that another worker can claim it.
func (t *Tracker) requeue(r *Run) {
	r.Status = StatusQueued
	r.LeaseUntil, r.NextRing = time.Time{}, time.Time{}
	r.UpdatedAt = t.now()
	r.Timing = Timing{}
}
