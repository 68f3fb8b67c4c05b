package runs

import (
	"context"
	"errors"
	"time"
)

// A verdict is an error that names the outcome of a run.
type verdict struct {
	outcome Outcome
	cause   error
}

func (v *verdict) Error() string { return string(v.outcome) + ": " + v.cause.Error() }

func (v *verdict) Unwrap() error { return v.cause }

// Partial says that the run could not go on, but that what it did until then
// counts: a handler that returns it has partially succeeded, or failed if no
// item has succeeded. A nil err is one that says nothing.
func Partial(err error) error {
	if err == nil {
		err = Public(nil, ReasonInternal, "")
	}
	return &verdict{OutcomePartiallySucceeded, err}
}

// Blocked says that something has to be there before a run of this type can do
// its work. An empty message stands for the reason's own sentence.
func Blocked(reason Reason, message string) error {
	return &verdict{OutcomeBlocked, Public(nil, reason, message)}
}

// finish records how the attempt ended, unless it is no longer this worker's.
// It tries until the lease does not allow it any more, or the process has to
// go.
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
	defer x.t.lastly(cancel)()

	// However the items fare, there is time left to record the end.
	ictx, stopItems := context.WithTimeout(ctx, time.Until(until)/2)
	x.storeAllItems(ictx)
	stopItems()

	conclude := x.conclusion(ctx, err, cause)
	werr := x.record(ctx, conclude)
	if errors.Is(werr, ErrInvalid) {
		x.t.cfg.Logger.ErrorContext(ctx, "record of the run was refused", "run", x.ref.ID, "type", x.ref.Type, "error", werr)
		werr = x.record(ctx, func(r *Run) {
			r.Counts, r.Failures, r.Context = Counts{}, nil, nil
			x.t.complete(r, OutcomeFailed, Because(ReasonInternal), x.t.now())
		})
	}
	if r := x.stored(); werr != nil {
		x.t.cfg.Logger.ErrorContext(ctx, "end of the run was not recorded", "run", x.ref.ID, "type", x.ref.Type, "error", werr)
	} else if r.Ended() {
		x.t.announce(ctx, r)
	} else {
		x.t.leaveLane(r)
	}
}

// record writes the last state of the attempt, in as many tries as ctx allows;
// none takes so long that there could not be another.
func (x *Exec) record(ctx context.Context, conclude func(r *Run)) error {
	return x.t.persist(ctx, 0, func(ctx context.Context, _ bool) error {
		ctx, cancel := context.WithTimeout(ctx, x.op.Heartbeat)
		defer cancel()
		return x.update(ctx, func(r *Run) {
			x.fill(r)
			conclude(r)
		})
	})
}

func (x *Exec) stored() *Run {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.run
}

// conclusion says what becomes of the run when its handler returned err and
// cause had ended its context, if anything had. What it returns may be applied
// several times, and makes the same record each time.
func (x *Exec) conclusion(ctx context.Context, err, cause error) func(r *Run) {
	now := x.t.now()
	ended := func(o Outcome, f Failure) func(r *Run) {
		return func(r *Run) { x.t.complete(r, o, f, now) }
	}
	canceled := ended(OutcomeCanceled, Because(ReasonCanceled))
	// Whoever asks for a run to end while it is given back is heard.
	giveBack := func(change func(r *Run)) func(r *Run) {
		return func(r *Run) {
			if !r.Cancel.At.IsZero() {
				canceled(r)
				return
			}
			x.t.requeue(r)
			change(r)
		}
	}
	p, isParked := errors.AsType[*parked](err)
	switch {
	case err == nil:
		return func(r *Run) { x.t.complete(r, OutcomeOf(r.Counts), Failure{}, now) }
	case errors.Is(cause, ErrCanceled), x.caller != nil && errors.Is(cause, ErrStopping):
		return canceled
	case errors.Is(err, errAbandoned):
		// It may still be at work, so the next attempt does not begin at once.
		return giveBack(func(r *Run) { r.Timing.Delay = x.op.Lease })
	case errors.Is(cause, ErrStopping):
		return giveBack(func(*Run) {})
	case isParked && x.caller != nil:
		return ended(OutcomeBlocked, p.waiting)
	case isParked && cause == nil:
		return giveBack(func(r *Run) { r.Waiting, r.Timing.Delay = p.waiting, p.delay })
	}
	f, id := FailureOf(err)
	v, isVerdict := errors.AsType[*verdict](err)
	_, isPublic := errors.AsType[*publicError](err)
	if errors.Is(cause, context.DeadlineExceeded) && !isVerdict && !isPublic {
		f = Because(ReasonTimeout)
	}
	x.t.cfg.Logger.WarnContext(ctx, "run failed", "run", x.ref.ID, "type", x.ref.Type, "reason", f.Reason, "id", id, "error", err)
	switch {
	case !isVerdict:
		return ended(OutcomeFailed, f)
	case v.outcome == OutcomePartiallySucceeded:
		return func(r *Run) {
			o := OutcomeFailed
			if r.Counts.Succeeded > 0 {
				o = OutcomePartiallySucceeded
			}
			x.t.complete(r, o, f, now)
		}
	default:
		return ended(v.outcome, f)
	}
}

// complete ends r in memory; the caller stores it.
func (t *Tracker) complete(r *Run, o Outcome, f Failure, now time.Time) {
	r.Status, r.Outcome, r.Failure = StatusCompleted, o, f
	r.Waiting = Failure{}
	r.CompletedAt, r.UpdatedAt = latest(now, r.CreatedAt, r.StartedAt), now
	r.LeaseUntil, r.NotBefore, r.NextRing, r.Timing = time.Time{}, time.Time{}, time.Time{}, Timing{}
	r.Rings = 0
	// Without observers there is nobody to tell, and the end is its own
	// announcement.
	r.Announced = len(t.cfg.Observers) == 0
	if !r.Announced {
		r.Timing.Ring = announceTimeout + t.cfg.Ring // somebody else tells them if this process dies
	}
}

// latest keeps durations from being negative when a clock steps back.
func latest(t time.Time, others ...time.Time) time.Time {
	for _, o := range others {
		if o.After(t) {
			t = o
		}
	}
	return t
}

// requeue gives r back, so that another worker can claim it. It may be offered
// at once, except for what the caller says in Timing.
func (t *Tracker) requeue(r *Run) {
	r.Status = StatusQueued
	r.LeaseUntil, r.NextRing = time.Time{}, time.Time{}
	r.Rings, r.Instance, r.Incarnation = 0, "", ""
	r.UpdatedAt = t.now()
	r.Timing = Timing{}
}
