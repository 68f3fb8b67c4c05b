package runstest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/tenantatlas/tenantatlas/runs"
)

var dispatchPromises = []promise[*engine]{
	{
		name: "dispatch",
		text: "an accepted reference is carried to a claim at least once, as it was, and executed",
		check: func(ctx context.Context, e *engine) error {
			all := append(refs(40),
				runs.Ref{Tenant: "a.b/c d\\", ID: "*>%00 \"'é\n", Type: "test.odd_1"},
				runs.Ref{Tenant: "日本語", ID: "0190a6e2-7b1c-7000-8000-000000000001", Type: "a.b.c"})
			return e.whileWorking(ctx, func() error {
				if err := e.accept(ctx, all...); err != nil {
					return err
				}
				return e.executes(ctx, all...)
			})
		},
	},
	{
		name: "dispatch-before",
		text: "Dispatch may be called before Work",
		check: func(ctx context.Context, e *engine) error {
			all := refs(e.fit(10))
			if err := e.accept(ctx, all...); err != nil {
				return err
			}
			return e.whileWorking(ctx, func() error { return e.executes(ctx, all...) })
		},
	},
	{
		name: "dispatch-between",
		text: "Dispatch may be called after Work, which may be called again",
		check: func(ctx context.Context, e *engine) error {
			for i := range 3 {
				if err := e.whileWorking(ctx, func() error {
					if err := e.accept(ctx, ref(2*i)); err != nil {
						return err
					}
					return e.executes(ctx, ref(2*i))
				}); err != nil {
					return fmt.Errorf("call %d: %w", i+1, err)
				}
				if err := e.accept(ctx, ref(2*i+1)); err != nil {
					return err
				}
			}
			return e.whileWorking(ctx, func() error { return e.executes(ctx, refs(6)...) })
		},
	},
	{
		name: "dispatch-at-once",
		text: "Dispatch waits neither for the run nor for room",
		check: func(ctx context.Context, e *engine) error {
			blocked := make(chan struct{})
			e.rec.onExecute = func(context.Context, runs.Ref) { <-blocked }
			return e.whileWorking(ctx, func() error {
				defer close(blocked)
				for _, ref := range refs(max(40, 2*e.Room)) {
					if err := e.dispatch(ctx, ref); err != nil && !errors.Is(err, runs.ErrFull) {
						return fmt.Errorf("dispatch while others execute: %w", err)
					}
				}
				return nil
			})
		},
	},
	{
		name: "dispatch-full",
		text: "a Dispatcher without room reports ErrFull, loses nothing that it has accepted, and has room again later",
		check: func(ctx context.Context, e *engine) error {
			if e.Room == 0 {
				return nil
			}
			var accepted []runs.Ref
			var refused []runs.Ref
			for _, ref := range refs(e.Room + 3) {
				switch err := e.dispatch(ctx, ref); {
				case err == nil:
					accepted = append(accepted, ref)
				case errors.Is(err, runs.ErrFull):
					refused = append(refused, ref)
				default:
					return fmt.Errorf("dispatch without room: error is %w, want %v", err, runs.ErrFull)
				}
			}
			if len(accepted) > e.Room {
				return fmt.Errorf("%d references accepted, want %d at most", len(accepted), e.Room)
			}
			return e.whileWorking(ctx, func() error {
				if err := e.executes(ctx, accepted...); err != nil {
					return err
				}
				for _, ref := range refused {
					if e.rec.claimed(ref) > 0 {
						return fmt.Errorf("%s was claimed although it was refused", ref.ID)
					}
				}
				if err := e.accept(ctx, refused...); err != nil {
					return err
				}
				return e.executes(ctx, refused...)
			})
		},
	},
	{
		name: "dispatch-context",
		text: "what was accepted does not depend on the context of Dispatch any more",
		check: func(ctx context.Context, e *engine) error {
			var ended atomic.Bool
			e.rec.onExecute = func(ctx context.Context, _ runs.Ref) {
				if ctx.Err() != nil {
					ended.Store(true)
				}
			}
			short, cancel := context.WithCancel(ctx)
			defer cancel()
			if err := e.accept(short, ref(1)); err != nil {
				return err
			}
			cancel()
			if err := e.whileWorking(ctx, func() error { return e.executes(ctx, ref(1)) }); err != nil {
				return err
			}
			if ended.Load() {
				return errors.New("the execution's context ended with that of Dispatch")
			}
			return nil
		},
	},
	{
		name: "dispatch-concurrent",
		text: "Dispatch is safe for concurrent use",
		check: func(ctx context.Context, e *engine) error {
			const each = 25
			return e.whileWorking(ctx, func() error {
				errs := make([]error, atOnce)
				together(func(i int) {
					for j := range each {
						errs[i] = errors.Join(errs[i], e.accept(ctx, ref(each*i+j)))
					}
				})
				if err := errors.Join(errs...); err != nil {
					return err
				}
				return e.executes(ctx, refs(each*atOnce)...)
			})
		},
	},
}

// fit is n, or fewer if there is not so much room.
func (e *engine) fit(n int) int {
	if e.Room > 0 {
		return min(n, e.Room)
	}
	return n
}
