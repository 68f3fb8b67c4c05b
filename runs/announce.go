package runs

import (
	"context"
	"errors"
	"time"
)

// announceTimeout bounds how long the observers may take over one run.
const announceTimeout = 30 * time.Second

// stageTimeout bounds how long an observer may hold up a start or a claim.
const stageTimeout = 500 * time.Millisecond

// observeStage tells the observers of a run that has not ended, at best effort.
func (t *Tracker) observeStage(ctx context.Context, r *Run) {
	t.watch.wake(r.ID)
	if len(t.cfg.Observers) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stageTimeout)
	defer cancel()
	for _, o := range t.cfg.Observers {
		if err := t.observe(ctx, o, r); err != nil {
			t.cfg.Logger.WarnContext(ctx, "observer failed", "run", r.ID, "status", r.Status, "error", err)
		}
	}
}

// announce tells the observers of a run that has ended and records that they
// know. What fails here is tried again by the sweep.
func (t *Tracker) announce(ctx context.Context, r *Run) {
	t.watch.wake(r.ID)
	if r.Lane != "" {
		t.askPull() // the lane is free
	}
	if r.Announced {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), announceTimeout)
	defer cancel()
	next := r.Clone()
	next.Announced, next.NextRing = true, time.Time{}
	for _, o := range t.cfg.Observers {
		if err := t.observe(ctx, o, r); err != nil {
			t.cfg.Logger.WarnContext(ctx, "observer failed", "run", r.ID, "status", r.Status, "error", err)
			next.Announced, next.Timing = false, Timing{Ring: t.backOff(r.CompletedAt)}
			break
		}
	}
	if _, err := t.update(ctx, next); err != nil && !errors.Is(err, ErrConflict) {
		t.cfg.Logger.WarnContext(ctx, "announcement was not recorded", "run", r.ID, "error", err)
	}
}

// observe calls one observer and survives it.
func (t *Tracker) observe(ctx context.Context, o Observer, r *Run) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = errPanicked
			t.cfg.Logger.ErrorContext(ctx, "observer panicked", "run", r.ID, "panic", v)
		}
	}()
	return o.Observe(ctx, r.Clone())
}

// backOff is how long to wait with the next try of something that has been
// waiting since then: half as long again as it has waited, within bounds.
func (t *Tracker) backOff(since time.Time) time.Duration {
	return min(max(t.now().Sub(since)/2, t.cfg.Ring), 5*time.Minute)
}
