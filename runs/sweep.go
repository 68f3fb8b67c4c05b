package runs

import (
	"context"
	"errors"
	"slices"
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
		{StatusRunning, t.types, func(ctx context.Context, due []*Run) (int, error) {
			_, done, err := t.rescueAll(ctx, due, 0) // due now, so this sweep rings for them, too
			return done, err
		}},
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

// takeOver takes the runs from those who had this process's name before it,
// whatever their leases say, and offers them here first: others may have no
// room. It reports false if it has to be called again.
func (t *Tracker) takeOver(ctx context.Context) (done bool) {
	q := DueQuery{Types: t.types, Instance: t.cfg.Instance, Incarnation: t.incarnation, Limit: sweepBatch}
	for vain := 0; vain < takeOverTries; {
		left, err := t.cfg.Store.Due(ctx, q)
		if err == nil && len(left) == 0 {
			return true
		}
		rescued := 0
		if err == nil {
			var queued []*Run
			queued, rescued, err = t.rescueAll(ctx, left, t.cfg.Ring)
			_, rerr := t.ringAll(ctx, queued)
			err = errors.Join(err, rerr)
		}
		if err != nil {
			t.cfg.Logger.WarnContext(ctx, "taking over failed", "instance", t.cfg.Instance, "error", err)
			return false
		}
		t.cfg.Logger.InfoContext(ctx, "runs taken over", "instance", t.cfg.Instance, "runs", rescued)
		if rescued == 0 {
			vain++
		}
	}
	return true // somebody holds on to them: then they are not lost
}

// takeOverTries is how often what is left behind may change under the hands of
// the one who takes it over.
const takeOverTries = 3

// rescueAll takes runs from workers that were not heard of, and returns those
// that this process has to ring for after ring; 0 is at once.
func (t *Tracker) rescueAll(ctx context.Context, due []*Run, ring time.Duration) (queued []*Run, done int, err error) {
	for _, r := range due {
		switch next, rerr := t.rescue(ctx, r, ring); {
		case rerr == nil:
			if done++; next.Status == StatusQueued && slices.Contains(t.rings, next.Type) {
				queued = append(queued, next)
			}
		case !errors.Is(rerr, ErrConflict):
			err = rerr
		}
	}
	return queued, done, err
}

// rescue returns r as it is then.
func (t *Tracker) rescue(ctx context.Context, r *Run, ring time.Duration) (*Run, error) {
	r.Lost++
	switch {
	case !r.Cancel.At.IsZero():
		return r, t.end(ctx, r, OutcomeCanceled, Because(ReasonCanceled))
	case r.Inline, r.Lost >= t.ops[r.Type].MaxLost:
		t.cfg.Logger.WarnContext(ctx, "worker was lost", "run", r.ID, "type", r.Type, "lost", r.Lost)
		return r, t.end(ctx, r, OutcomeFailed, Because(ReasonWorkerLost))
	}
	t.requeue(r)
	r.NotBefore, r.Timing.Ring = time.Time{}, ring
	r, err := t.update(ctx, r)
	if err != nil {
		return nil, err
	}
	t.leaveLane(r)
	return r, nil
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
	next.Timing = Timing{Ring: t.backOff(r)}
	next.Rings++
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
