package runs

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
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

// errPanicked is the error of a handler, or an observer, that panicked.
var errPanicked = Public(nil, ReasonPanic, "")

// execute performs the attempt, and whatever Config.Around does, once.
func (x *Exec) execute(engine context.Context) {
	defer x.t.freed()
	if x.t.cfg.Around == nil {
		x.perform(engine)
		return
	}
	var once sync.Once
	perform := func(ctx context.Context) { once.Do(func() { x.perform(ctx) }) }
	defer perform(engine)
	defer func() {
		if v := recover(); v != nil {
			x.t.cfg.Logger.ErrorContext(engine, "Around panicked", "run", x.ref.ID, "type", x.ref.Type,
				"panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	x.t.cfg.Around(engine, x, perform)
}

// perform runs the handler and records how the run ends. It survives whatever
// the handler does, and returns before the handler only if that ignores its
// context beyond the last deadline of a stopping process.
func (x *Exec) perform(engine context.Context) {
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

	keeping, stopKeeping := context.WithCancel(context.WithoutCancel(base))
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		x.keep(keeping)
	}()
	guarded := make(chan struct{})
	go func() {
		defer close(guarded)
		x.guard(keeping, ctx)
	}()
	err, returned := x.call(ctx)
	stopKeeping()
	<-kept
	<-guarded
	cause := context.Cause(ctx)
	if !returned {
		x.t.cfg.Logger.ErrorContext(ctx, "handler was abandoned", "run", x.ref.ID, "type", x.ref.Type)
		err, cause = errAbandoned, ErrStopping
	}
	x.finish(context.WithoutCancel(engine), err, cause)
}

// errAbandoned is the error of a handler that ignores its context for longer
// than a stopping process can wait.
var errAbandoned = errors.New("handler was abandoned")

// call runs the handler on its own goroutine, because it may end that. It
// reports false when the process stops waiting for it; the caller of Do waits
// for its own work in any case.
func (x *Exec) call(ctx context.Context) (err error, returned bool) {
	abandon := x.t.abandon
	if x.caller != nil {
		abandon = nil
	}
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
	case <-abandon:
		return nil, false
	}
}

func (x *Exec) resumeAndWork(ctx context.Context) error {
	// Between the claim and here the process may have been suspended.
	if time.Until(x.deadline()) <= 0 {
		x.cancel(ErrLeaseLost)
		return ErrLeaseLost
	}
	if err := x.resume(ctx); err != nil {
		return err
	}
	return x.work(ctx)
}

// deadline is when this attempt is over unless it reports again.
func (x *Exec) deadline() time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.until
}

// guard ends the handler's context when the attempt is over. It writes nothing,
// so that nothing can hold it up. Of a handler that ignores its context it says
// so once a minute.
func (x *Exec) guard(ctx, handler context.Context) {
	ended := handler.Done()
	var stuck <-chan time.Time
	for {
		until := x.deadline()
		left := time.NewTimer(time.Until(until))
		select {
		case <-ctx.Done():
			left.Stop()
			return
		case <-left.C:
			if until.Equal(x.deadline()) {
				x.cancel(ErrLeaseLost)
				<-ctx.Done()
				return
			}
		case <-ended:
			ended, stuck = nil, time.After(time.Minute)
		case <-stuck:
			x.t.cfg.Logger.ErrorContext(ctx, "handler ignores its context", "run", x.ref.ID, "type", x.ref.Type, "cause", context.Cause(handler))
			stuck = time.After(time.Minute)
		}
		left.Stop()
	}
}

// keep writes progress and heartbeats until ctx ends.
func (x *Exec) keep(ctx context.Context) {
	last := time.Now() //nolint:forbidigo // monotonic, for this process only
	for {
		next := last.Add(x.op.Heartbeat)
		if x.isDirty() {
			next = last.Add(min(x.t.cfg.Progress, x.op.Heartbeat))
		}
		timer := time.NewTimer(time.Until(next))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-x.kick:
			timer.Stop()
			continue
		case last = <-timer.C:
		}
		x.report(ctx)
	}
}

func (x *Exec) isDirty() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.dirty
}

// report extends the lease and stores progress, and then the items: what the
// lease depends on does not wait for anything else.
func (x *Exec) report(ctx context.Context) {
	until := x.op.until()
	wctx, cancel := context.WithTimeout(ctx, x.op.Heartbeat)
	err := x.update(wctx, func(r *Run) {
		x.fill(r)
		x.dirty = false
		r.UpdatedAt = x.t.now()
		r.Timing = Timing{Lease: x.op.Lease}
	})
	cancel()
	x.mu.Lock()
	if err == nil {
		x.until = until
	} else {
		x.dirty = true
	}
	x.mu.Unlock()
	if err != nil && ctx.Err() == nil {
		x.t.cfg.Logger.WarnContext(ctx, "progress was not stored", "run", x.ref.ID, "error", err)
	}
	ictx, cancel := context.WithTimeout(ctx, x.op.Heartbeat/2)
	defer cancel()
	x.storeItems(ictx)
}

// update changes the stored run, if this attempt still is the running one, and
// merges with what others have changed in it meanwhile, which can only be a
// request to cancel. Otherwise it ends the handler's context and reports
// ErrLeaseLost. Only one caller at a time may be in it: keep, and then finish.
func (x *Exec) update(ctx context.Context, change func(r *Run)) error {
	for {
		x.mu.Lock()
		next := x.run.Clone()
		change(next)
		x.mu.Unlock()
		stored, err := x.t.update(ctx, next)
		if err == nil {
			x.adopt(stored)
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
			x.t.watch.tell(stored)
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
