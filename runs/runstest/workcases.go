package runstest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

var workPromises = []promise[*engine]{
	{
		name: "claim-nothing",
		text: "a nil execute means that there is nothing to do",
		check: func(ctx context.Context, e *engine) error {
			e.rec.onClaim = func(r runs.Ref, _ int) (bool, error) { return r == ref(0) || r == ref(2), nil }
			return e.whileWorking(ctx, func() error {
				if err := e.accept(ctx, refs(4)...); err != nil {
					return err
				}
				if err := e.executes(ctx, ref(1), ref(3)); err != nil {
					return err
				}
				return e.await(ctx, "claims of all", func() bool { return e.rec.claimed(ref(0)) > 0 && e.rec.claimed(ref(2)) > 0 })
			})
		},
	},
	{
		name: "claim-error",
		text: "a claim that reports an error is tried again later, and does not keep others from being claimed",
		check: func(ctx context.Context, e *engine) error {
			var healed atomic.Bool
			e.rec.onClaim = func(r runs.Ref, nth int) (bool, error) {
				if r == ref(0) && !healed.Load() || nth == 1 {
					return false, runs.ErrStoreUnavailable
				}
				return false, nil
			}
			return e.whileWorking(ctx, func() error {
				if err := e.accept(ctx, refs(4)...); err != nil {
					return err
				}
				if err := e.executes(ctx, refs(4)[1:]...); err != nil {
					return err
				}
				healed.Store(true)
				return e.executes(ctx, ref(0))
			})
		},
	},
	{
		name: "claim-panic",
		text: "a panic of claim is the Worker's to survive",
		check: func(ctx context.Context, e *engine) error {
			e.rec.onClaim = func(r runs.Ref, nth int) (bool, error) {
				if r == ref(0) && nth == 1 {
					panic("claim")
				}
				return false, nil
			}
			return e.whileWorking(ctx, func() error {
				if err := e.accept(ctx, ref(0)); err != nil {
					return err
				}
				if err := e.await(ctx, "claim", func() bool { return e.rec.claimed(ref(0)) > 0 }); err != nil {
					return err
				}
				if err := e.accept(ctx, refs(20)[1:]...); err != nil {
					return err
				}
				return e.executes(ctx, refs(20)[1:]...)
			})
		},
	},
	{
		name: "execute-panic",
		text: "a panic of execute is the Worker's to survive",
		check: func(ctx context.Context, e *engine) error {
			e.rec.onExecute = func(_ context.Context, r runs.Ref) {
				switch r {
				case ref(0):
					panic("execute")
				case ref(1):
					panic(errors.New("execute"))
				case ref(2):
					var none []int
					_ = none[len(r.ID)]
				}
			}
			return e.whileWorking(ctx, func() error {
				for _, ref := range refs(20) {
					if err := e.accept(ctx, ref); err != nil {
						return err
					}
					if err := e.executes(ctx, ref); err != nil {
						return err
					}
				}
				return nil
			})
		},
	},
	{
		name: "execute-once",
		text: "every execute that was returned is called, once, also when Work is to end",
		check: func(ctx context.Context, e *engine) error {
			// The context ends just when some have been claimed.
			for range 5 {
				c, before := e.work(ctx), e.rec.claimedAll()
				var err error
				for _, ref := range refs(20) {
					if derr := e.dispatch(ctx, ref); !errors.Is(derr, runs.ErrFull) {
						err = errors.Join(err, derr)
					}
				}
				err = errors.Join(err, e.await(ctx, "claim", func() bool { return e.rec.claimedAll() > before }))
				if err := errors.Join(err, c.stop()); err != nil {
					return err
				}
				if err := e.rec.balanced(); err != nil {
					return err
				}
			}
			return nil
		},
	},
	{
		name:  "work-waits",
		text:  "when ctx ends Work claims no more, and waits for the executions that have begun; these get a context that outlives ctx",
		check: checkEnd,
	},
	{
		name: "work-keeps",
		text: "what was accepted and not claimed when Work ended is carried to a claim later",
		check: func(ctx context.Context, e *engine) error {
			blocked := make(chan struct{})
			e.rec.onExecute = func(context.Context, runs.Ref) { <-blocked }
			c := e.work(ctx)
			err := e.accept(ctx, refs(e.fit(20))...)
			c.cancel()
			close(blocked)
			if err := errors.Join(err, c.stop()); err != nil {
				return err
			}
			e.rec.onExecute = nil
			return e.whileWorking(ctx, func() error { return e.executes(ctx, refs(e.fit(20))...) })
		},
	},
	{
		name: "work-ended",
		text: "Work returns nil when ctx has ended before, and claims nothing",
		check: func(ctx context.Context, e *engine) error {
			if err := e.accept(ctx, ref(0)); err != nil {
				return err
			}
			gone, cancel := context.WithCancel(ctx)
			cancel()
			c := e.work(gone)
			if err := c.stop(); err != nil {
				return err
			}
			if e.rec.claimed(ref(0)) > 0 {
				return errors.New("claimed after the end of the context")
			}
			return e.whileWorking(ctx, func() error { return e.executes(ctx, ref(0)) })
		},
	},
	{
		name: "work-leaves-nothing",
		text: "no goroutine is left when Work has returned",
		check: func(ctx context.Context, e *engine) error {
			var before int
			for i := range 4 {
				if i == 1 { // connections that are opened at the first use may stay
					before = runtime.NumGoroutine()
				}
				if err := e.whileWorking(ctx, func() error {
					if err := e.accept(ctx, refs(4*i + 4)[4*i:]...); err != nil {
						return err
					}
					return e.executes(ctx, refs(4*i + 4)[4*i:]...)
				}); err != nil {
					return err
				}
			}
			return e.settle(ctx, before)
		},
	},
}

// checkEnd ends the context of Work while something is executed.
func checkEnd(ctx context.Context, e *engine) error {
	begun, blocked := make(chan context.Context, 1), make(chan struct{})
	e.rec.onExecute = func(ctx context.Context, _ runs.Ref) {
		select {
		case begun <- ctx:
		default: // delivered twice
		}
		<-blocked
	}
	c := e.work(ctx)
	err := e.accept(ctx, ref(0))
	if err == nil {
		err = e.checkEnding(ctx, c, begun)
	}
	c.cancel()
	close(blocked)
	if err := errors.Join(err, c.stop()); err != nil {
		return err
	}
	if n := e.rec.claimed(ref(1)); n > 0 {
		return fmt.Errorf("claimed %d times after the end of the context", n)
	}
	return e.rec.balanced()
}

func (e *engine) checkEnding(ctx context.Context, c *call, begun <-chan context.Context) error {
	var execCtx context.Context
	late := time.NewTimer(e.Patience)
	defer late.Stop()
	select {
	case execCtx = <-begun:
	case <-late.C:
		return errors.New("execution does not begin")
	}
	c.cancel()
	if err := e.dispatch(ctx, ref(1)); err != nil && !errors.Is(err, runs.ErrFull) {
		return fmt.Errorf("dispatch: %w", err)
	}
	// Long enough for a Worker that does not wait to be gone.
	select {
	case err := <-c.done:
		c.done <- err
		return errors.New("work returned before an execution that has begun")
	case <-time.After(e.Patience / 10):
	}
	if err := execCtx.Err(); err != nil {
		return fmt.Errorf("the execution's context ended with that of Work: %w", err)
	}
	return nil
}
