package runs

import (
	"context"
	"errors"
	"fmt"
)

// A Starter starts runs in a transaction of the caller; see [Tracker.In].
type Starter struct {
	t    *Tracker
	into Inserter
}

// In returns what starts runs in a transaction of the caller, so that they
// exist if, and only if, it is committed, together with what else is written
// there. The store says how to get at an [Inserter]; see bunruns.Store.In.
// After the commit, call [Tracker.Ring].
func (t *Tracker) In(into Inserter) Starter { return Starter{t, into} }

// Start is [Tracker.Start] up to the point at which the run is stored: it
// authorizes, validates and inserts, or joins a run, also one that was started
// in the same transaction. Nobody is told of the run, and nobody executes it,
// before the transaction is committed and [Tracker.Ring] is called. If that is
// left out, because the process died in between or it was forgotten, a sweep
// finds the run after Config.Ring.
//
// Every error means that the transaction is to be rolled back. Start tries
// nothing twice and answers within 5 s, the [Authorizer] and Prepare included:
// an Authorizer that writes to the same SQLite file would wait for the
// transaction that waits for it.
func (s Starter) Start(ctx context.Context, req Request) (Started, error) {
	started, err := s.start(ctx, req)
	if err != nil {
		return Started{}, fmt.Errorf("start %s in a transaction: %w", req.Type, err)
	}
	return started, nil
}

func (s Starter) start(ctx context.Context, req Request) (Started, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, insertTimeout, ErrStoreUnavailable)
	defer cancel()
	if s.t == nil || s.into == nil {
		return Started{}, invalid("the Starter has no Inserter; Tracker.In needs one, such as bunruns.Store.In")
	}
	r, err := s.t.plan(ctx, req)
	if err != nil {
		return Started{}, err
	}
	started, err := s.t.insert(ctx, s.into, 1, r)
	if err != nil || started.Created {
		return started, err
	}
	return s.t.join(ctx, r, started)
}

// Ring does for runs that a [Starter] has created, after their transaction was
// committed, what [Tracker.Start] does next: it tells the observers that they
// are queued and offers them to the dispatcher. It passes over those that are
// not there or not waiting for their first worker, so it does no harm after a
// rollback. It reports [ErrDispatchFailed] for a run that the dispatcher has
// refused, which has failed then, and what the store reports; such a run is left
// to the sweep. What it reports of one run does not keep it from the others.
func (t *Tracker) Ring(ctx context.Context, refs ...Ref) error {
	var errs []error
	for _, ref := range refs {
		if err := t.ring(ctx, ref); err != nil {
			errs = append(errs, fmt.Errorf("ring %s: %w", ref.ID, err))
		}
	}
	return errors.Join(errs...)
}

func (t *Tracker) ring(ctx context.Context, ref Ref) error {
	r, err := t.cfg.Store.Get(ctx, ref)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	case r.Status != StatusQueued || r.Attempt > 0:
		return nil
	}
	t.observeStage(ctx, r)
	_, err = t.offerNew(ctx, Started{Run: r, Created: true})
	return err
}
