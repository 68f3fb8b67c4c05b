package runs

import (
	"context"
	"errors"
	"time"
)

// sweepBatch is how many runs one look takes care of.
const sweepBatch = 100

// sweep takes care of the runs that are due, and reports whether there may be
// more. Every change is a compare-and-swap, so any number of processes may do
// this at once.
func (t *Tracker) sweep(ctx context.Context) (more bool) {
	due, err := t.cfg.Store.Due(ctx, DueQuery{Types: t.types, Grace: t.cfg.Ring, Limit: sweepBatch})
	if err != nil {
		if ctx.Err() == nil {
			t.cfg.Logger.WarnContext(ctx, "sweep failed", "error", err)
		}
		return false
	}
	for _, r := range due {
		if ctx.Err() != nil {
			return false
		}
		var err error
		switch r.Status {
		case StatusQueued:
			err = t.ringAgain(ctx, r)
		case StatusRunning:
			err = t.rescue(ctx, r)
		case StatusCompleted:
			t.announce(ctx, r)
		}
		if err != nil && !errors.Is(err, ErrConflict) && ctx.Err() == nil {
			t.cfg.Logger.WarnContext(ctx, "sweep failed", "run", r.ID, "type", r.Type, "error", err)
		}
	}
	return len(due) == sweepBatch
}

// ringAgain offers a queued run that nobody has claimed, after it has moved the
// next time to do so away, so that a run nobody can take costs little.
func (t *Tracker) ringAgain(ctx context.Context, r *Run) error {
	r.Timing = Timing{Ring: t.backOff(r.CreatedAt)}
	r, err := t.update(ctx, r)
	if err != nil {
		return err
	}
	_, err = t.offer(ctx, r)
	return err
}

// rescue takes a run from a worker that was not heard of.
func (t *Tracker) rescue(ctx context.Context, r *Run) error {
	r.Lost++
	switch {
	case !r.Cancel.At.IsZero():
		return t.end(ctx, r, OutcomeCanceled, Because(ReasonCanceled))
	case r.Inline, r.Lost >= t.cfg.MaxLost:
		t.cfg.Logger.WarnContext(ctx, "worker was lost", "run", r.ID, "type", r.Type, "lost", r.Lost)
		return t.end(ctx, r, OutcomeFailed, Because(ReasonWorkerLost))
	}
	t.requeue(r)
	r.NotBefore = time.Time{}
	r.Timing = Timing{Ring: t.cfg.Ring}
	r, err := t.update(ctx, r)
	if err != nil {
		return err
	}
	t.observeStage(ctx, r)
	_, err = t.offer(ctx, r)
	return err
}
