package runs

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// What ends a handler's context, as context.Cause reports it, apart from
// context.DeadlineExceeded after the operation's Timeout.
var (
	// ErrCanceled means that somebody asked for the run to be canceled.
	ErrCanceled = errors.New("run was canceled")

	// ErrLeaseLost means that this attempt is over: the run was taken from this
	// worker, or would be before it could report again. Nothing that the
	// handler does from now on is recorded.
	ErrLeaseLost = errors.New("lease was lost")

	// ErrStopping means that the process stops. The run is queued again.
	ErrStopping = errors.New("process is stopping")
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
// item has succeeded. err must not be nil.
func Partial(err error) error { return &verdict{OutcomePartiallySucceeded, err} }

// Blocked says that something has to be there before a run of this type can do
// its work. An empty message stands for the reason's own sentence.
func Blocked(reason Reason, message string) error {
	return &verdict{OutcomeBlocked, Public(nil, reason, message)}
}

// errPanicked is the error of a handler, or an observer, that panicked.
var errPanicked = Public(nil, ReasonPanic, "")

// execute runs the handler and records how the run ends. It survives whatever
// the handler does, and returns before the handler only if that ignores its
// context beyond the last deadline of a stopping process.
func (x *Exec) execute(engine context.Context) {
	defer x.t.freed()
	base, cancel := context.WithCancelCause(context.WithoutCancel(engine))
	defer cancel(nil)
	x.cancel = cancel
	x.t.live.add(x)
	defer x.t.live.remove(x)

	if x.caller != nil {
		defer context.AfterFunc(x.caller, func() { cancel(ErrCanceled) })()
	}
	ctx := base
	if x.op.Timeout > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(base, x.op.Timeout)
		defer stop()
	}
	kept := make(chan struct{})
	keepCtx, stopKeeping := context.WithCancel(context.WithoutCancel(base))
	go func() {
		defer close(kept)
		x.keep(keepCtx)
	}()
	err, returned := x.call(ctx)
	stopKeeping()
	<-kept
	if !returned {
		x.t.cfg.Logger.ErrorContext(ctx, "handler ignored its context", "run", x.ref.ID, "type", x.ref.Type)
		err = ErrStopping
	}
	x.finish(context.WithoutCancel(engine), err, context.Cause(ctx))
}

// call runs the handler on its own goroutine, because it may end that. It
// reports false when the process stops waiting for it.
func (x *Exec) call(ctx context.Context) (err error, returned bool) {
	done := make(chan error, 1)
	go func() {
		err := errPanicked // stays if the handler ends its goroutine
		defer func() {
			if v := recover(); v != nil {
				err = errPanicked
				x.t.cfg.Logger.ErrorContext(ctx, "handler panicked", "run", x.ref.ID, "type", x.ref.Type,
					"panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			}
			done <- err
		}()
		err = x.resumeAndWork(ctx)
	}()
	select {
	case err := <-done:
		return err, true
	case <-x.t.abandon:
		return nil, false
	}
}

func (x *Exec) resumeAndWork(ctx context.Context) error {
	if err := x.resume(ctx); err != nil {
		return err
	}
	return x.work(ctx)
}

// keep writes progress and heartbeats until ctx ends, and ends the handler's
// context when the attempt is over.
func (x *Exec) keep(ctx context.Context) {
	tick := min(x.t.cfg.Progress, x.t.cfg.Heartbeat)
	timer := time.NewTicker(tick)
	defer timer.Stop()
	last := time.Now() //nolint:forbidigo // monotonic, for this process only
	for {
		left, _ := x.pending()
		if left <= 0 {
			x.cancel(ErrLeaseLost)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(left):
			continue
		case now := <-timer.C:
			left, dirty := x.pending()
			if !dirty && now.Sub(last) < x.t.cfg.Heartbeat {
				continue
			}
			last = now
			wctx, cancel := context.WithTimeout(ctx, min(left, x.t.cfg.Heartbeat))
			x.report(wctx)
			cancel()
		}
	}
}

// pending says how long the attempt may still go on without a report, and
// whether there is something to report.
func (x *Exec) pending() (left time.Duration, dirty bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return time.Until(x.until), x.dirty
}

// report stores items and progress and extends the lease.
func (x *Exec) report(ctx context.Context) {
	x.storeItems(ctx)
	until := x.t.until()
	err := x.update(ctx, func(r *Run) {
		x.fill(r)
		x.dirty = false
		r.UpdatedAt = x.t.now()
		r.Timing = Timing{Lease: x.t.cfg.Lease}
	})
	x.mu.Lock()
	defer x.mu.Unlock()
	if err == nil {
		x.until = until
		return
	}
	x.dirty = true
	if ctx.Err() == nil {
		x.t.cfg.Logger.WarnContext(ctx, "progress was not stored", "run", x.ref.ID, "error", err)
	}
}

// update changes the stored run, if this attempt still is the running one, and
// merges with what others have changed in it meanwhile, which can only be a
// request to cancel. Otherwise it ends the handler's context and reports
// ErrLeaseLost.
func (x *Exec) update(ctx context.Context, change func(r *Run)) error {
	x.writes.Lock()
	defer x.writes.Unlock()
	for {
		x.mu.Lock()
		next := x.run.Clone()
		change(next)
		x.mu.Unlock()
		stored, err := x.t.update(ctx, next)
		if err == nil {
			x.adopt(stored)
			x.t.watch.wake(x.ref.ID)
			return nil
		}
		if errors.Is(err, ErrConflict) {
			stored, err = x.t.cfg.Store.Get(ctx, x.ref)
		}
		switch {
		case errors.Is(err, ErrNotFound):
			x.cancel(ErrLeaseLost)
			return ErrLeaseLost
		case err != nil:
			return err
		case x.owns(stored):
			x.adopt(stored)
		case next.Ended() && stored.Ended() && stored.CompletedAt.Equal(next.CompletedAt):
			x.adopt(stored) // an earlier try has succeeded without our knowing
			return nil
		default:
			x.cancel(ErrLeaseLost)
			return ErrLeaseLost
		}
	}
}

// owns reports whether r still is the attempt that x executes.
func (x *Exec) owns(r *Run) bool { return r.Status == StatusRunning && r.Attempt == x.attempt }

func (x *Exec) adopt(stored *Run) {
	x.mu.Lock()
	x.run = stored
	x.mu.Unlock()
	if !stored.Cancel.At.IsZero() {
		x.cancel(ErrCanceled)
	}
}

// storeItems writes the items that are buffered. Those that could not be
// written stay there.
func (x *Exec) storeItems(ctx context.Context) {
	x.writes.Lock()
	defer x.writes.Unlock()
	for {
		x.mu.Lock()
		n := min(len(x.buffer), 500)
		batch := x.buffer[:n:n]
		x.mu.Unlock()
		if n == 0 {
			return
		}
		err := x.t.cfg.Items.PutItems(ctx, x.ref, x.attempt, batch)
		switch {
		case err == nil:
		case errors.Is(err, ErrConflict), errors.Is(err, ErrNotFound):
			x.cancel(ErrLeaseLost)
			return
		default:
			x.t.cfg.Logger.WarnContext(ctx, "items were not stored", "run", x.ref.ID, "error", err)
			return
		}
		x.mu.Lock()
		x.buffer = x.buffer[n:]
		x.mu.Unlock()
	}
}
