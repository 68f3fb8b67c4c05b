package riverpeer

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Rate has callers call do with 1, 2, … for a while, each again as soon as it
// has its answer, and returns the calls a second.
func Rate(ctx context.Context, callers int, d time.Duration, do func(ctx context.Context, n int64) error) (float64, error) {
	var next, done atomic.Int64
	var failed atomic.Pointer[error]
	begun := time.Now()
	end := begun.Add(d)
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for time.Now().Before(end) && failed.Load() == nil {
				if err := do(ctx, next.Add(1)); err != nil {
					failed.CompareAndSwap(nil, &err)
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return float64(done.Load()) / time.Since(begun).Seconds(), nil
}

// An Ended tells those who wait for what has ended, before or after it did.
type Ended[ID comparable] struct{ m sync.Map }

func (e *Ended[ID]) of(id ID) chan struct{} {
	c, _ := e.m.LoadOrStore(id, make(chan struct{}))
	return c.(chan struct{})
}

// Tell tells that the one with this ID has ended.
func (e *Ended[ID]) Tell(id ID) { close(e.of(id)) }

// Wait waits until the one with this ID has ended, for a minute at most.
func (e *Ended[ID]) Wait(ctx context.Context, id ID) error {
	defer e.m.Delete(id)
	select {
	case <-e.of(id):
		return nil
	case <-time.After(time.Minute):
		return fmt.Errorf("%v has not ended after a minute", id)
	case <-ctx.Done():
		return ctx.Err()
	}
}
