package runs

import (
	"context"
	"errors"
	"time"
)

// What observers may take: over a stage, which holds up a start or a claim, and
// over the end of a run, which holds up nobody.
const (
	stageTimeout    = 200 * time.Millisecond
	announceTimeout = 30 * time.Second
)

// observeStage tells the observers of a run that has not ended, at best effort.
func (t *Tracker) observeStage(ctx context.Context, r *Run) {
	t.watch.tell(r) // a new run not before it is committed
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
	t.leaveLane(r)
	if r.Announced || !t.telling.enter(r.ID) {
		return
	}
	defer t.telling.leave(r.ID)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), announceTimeout)
	defer cancel()
	defer t.lastly(cancel)()
	next := r.Clone()
	next.Announced, next.NextRing = true, time.Time{}
	for _, o := range t.cfg.Observers {
		if err := t.observe(ctx, o, r); err != nil {
			t.cfg.Logger.WarnContext(ctx, "observer failed", "run", r.ID, "status", r.Status, "error", err)
			next.Announced, next.Timing = false, Timing{Ring: t.backOff(r)}
			next.Rings++
			break
		}
	}
	if ctx.Err() != nil { // they took too long, or the process ends
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
	}
	if _, err := t.update(ctx, next); err != nil && !errors.Is(err, ErrConflict) {
		t.cfg.Logger.WarnContext(ctx, "announcement was not recorded", "run", r.ID, "error", err)
	}
}

// announceAgain announces a run that was found unannounced, after it has moved
// the next time to do so away: nobody else begins meanwhile.
func (t *Tracker) announceAgain(ctx context.Context, r *Run) error {
	r.Timing = Timing{Ring: announceTimeout + t.cfg.Ring}
	r, err := t.update(ctx, r)
	if err == nil {
		t.announce(ctx, r)
	}
	return err
}

// observe calls one observer, on a goroutine of its own, because it may end
// that, and not for longer than ctx.
func (t *Tracker) observe(ctx context.Context, o Observer, r *Run) error {
	told := make(chan error, 1)
	go func() {
		err := errPanicked // stays if the observer ends its goroutine
		defer func() {
			if v := recover(); v != nil {
				t.cfg.Logger.ErrorContext(ctx, "observer panicked", "run", r.ID, "panic", v)
			}
			told <- err
		}()
		err = o.Observe(ctx, r.Clone())
	}()
	select {
	case err := <-told:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// backOff is how long to wait with the next try of something that was tried in
// vain as often as r says: half as long again each time. It asks no clock.
func (t *Tracker) backOff(r *Run) time.Duration {
	const most = 5 * time.Minute
	wait := t.cfg.Ring
	for i := 0; i < r.Rings && wait < most; i++ {
		wait += wait / 2
	}
	return min(wait, most)
}
