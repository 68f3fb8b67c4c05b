package runs

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	sweepBatch = 100 // runs that one look takes care of
	sweepWidth = 16  // of them at a time, where somebody else may be slow

	// laneRing is how long the next in a lane waits at most, if the one before
	// has left it in another process.
	laneRing = 30 * time.Second
)

// sweep takes care of the runs that are due, and reports whether there are more
// and it got anywhere. Every change is a compare-and-swap, so any number of
// processes may do this at once. Runs that have lost their worker come first:
// nothing that is slow stands before them.
func (t *Tracker) sweep(ctx context.Context) (more bool) {
	for _, part := range []struct {
		status Status
		types  []Type
		attend func(ctx context.Context, due []*Run) (done int, err error)
	}{
		{StatusRunning, t.types, t.rescueAll},
		{StatusCompleted, t.types, t.announceAll},
		{StatusQueued, t.rings, t.ringAll},
	} {
		due, err := t.cfg.Store.Due(ctx, DueQuery{Types: part.types, Status: part.status, Limit: sweepBatch})
		done := 0
		if err == nil {
			done, err = part.attend(ctx, due)
		}
		if ctx.Err() != nil {
			return false
		}
		if err != nil {
			t.cfg.Logger.WarnContext(ctx, "sweep failed", "status", part.status, "due", len(due), "done", done, "error", err)
		}
		more = more || len(due) == sweepBatch && done > 0
	}
	return more
}

// rescueAll takes runs from workers that were not heard of.
func (t *Tracker) rescueAll(ctx context.Context, due []*Run) (done int, err error) {
	for _, r := range due {
		switch rerr := t.rescue(ctx, r); {
		case rerr == nil:
			done++
		case !errors.Is(rerr, ErrConflict):
			err = rerr
		}
	}
	return done, err
}

func (t *Tracker) rescue(ctx context.Context, r *Run) error {
	r.Lost++
	switch {
	case !r.Cancel.At.IsZero():
		return t.end(ctx, r, OutcomeCanceled, Because(ReasonCanceled))
	case r.Inline, r.Lost >= t.ops[r.Type].MaxLost:
		t.cfg.Logger.WarnContext(ctx, "worker was lost", "run", r.ID, "type", r.Type, "lost", r.Lost)
		return t.end(ctx, r, OutcomeFailed, Because(ReasonWorkerLost))
	}
	t.requeue(r)
	r.NotBefore = time.Time{}
	r, err := t.update(ctx, r)
	if err != nil {
		return err
	}
	t.leaveLane(r)
	return nil // it is due now, so this sweep rings for it too
}

// announceAll announces runs of which somebody has not heard. It waits for
// nobody: the observers may take long.
func (t *Tracker) announceAll(ctx context.Context, due []*Run) (done int, err error) {
	for _, r := range due {
		select {
		case t.teller <- struct{}{}:
		default:
			return done, nil // the next sweep finds the others
		}
		done++
		t.background.Go(func() {
			defer func() { <-t.teller }()
			if err := t.announceAgain(ctx, r); err != nil && !errors.Is(err, ErrConflict) && ctx.Err() == nil {
				t.cfg.Logger.WarnContext(ctx, "announcement failed", "run", r.ID, "type", r.Type, "error", err)
			}
		})
	}
	return done, nil
}

// ringAll offers queued runs that nobody has claimed. A process that has no room
// itself leaves that to others.
func (t *Tracker) ringAll(ctx context.Context, due []*Run) (done int, err error) {
	var mu sync.Mutex
	var group sync.WaitGroup
	width := make(chan struct{}, sweepWidth)
	for _, r := range due {
		if t.worker != nil && t.backlog.Load() || ctx.Err() != nil {
			break
		}
		width <- struct{}{}
		group.Go(func() {
			defer func() { <-width }()
			moved, rerr := t.ringAgain(ctx, r)
			mu.Lock()
			defer mu.Unlock()
			if moved {
				done++
			}
			if rerr != nil && !errors.Is(rerr, ErrConflict) {
				err = rerr
			}
		})
	}
	group.Wait()
	return done, err
}

// ringAgain offers a run, and moves the next time to do so away, so that one
// which nobody can take costs little. It reports whether it has done that.
func (t *Tracker) ringAgain(ctx context.Context, r *Run) (moved bool, err error) {
	next := r.Clone()
	next.NotBefore = time.Time{} // the store says that it has come
	next.Timing = Timing{Ring: t.backOff(r.CreatedAt)}
	if r.Lane != "" {
		// It may have been refused for its lane only, which can become free
		// where nobody tells this process.
		next.Timing.Ring = min(next.Timing.Ring, max(t.cfg.Ring, laneRing))
	}
	next, err = t.update(ctx, next)
	if err != nil {
		return false, err
	}
	full, err := t.offer(ctx, next)
	if full {
		// Others may have room: they need not wait until it is time again.
		next.NextRing = time.Time{}
		_, err = t.update(ctx, next)
	}
	return !full, err
}
