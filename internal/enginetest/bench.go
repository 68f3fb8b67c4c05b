package enginetest

import (
	"context"
	"sync"
	"testing"

	"github.com/tenantatlas/tenantatlas/runs"
)

// Idle measures the time from a Dispatch to an idle process until the claim.
func Idle(b *testing.B, e Engine) {
	b.Helper()
	claimed := make(chan struct{})
	stop := Work(b, e, func(context.Context, runs.Ref) (func(context.Context), error) {
		claimed <- struct{}{}
		return nil, nil
	})
	defer stop()
	for i := 0; b.Loop(); i++ {
		Dispatch(b, e, Ref(i))
		<-claimed
	}
}

// Busy measures the time that one reference takes when 32 callers dispatch as
// fast as they can, until all are claimed.
func Busy(b *testing.B, e Engine) {
	b.Helper()
	var left sync.WaitGroup
	stop := Work(b, e, func(context.Context, runs.Ref) (func(context.Context), error) {
		left.Done()
		return nil, nil
	})
	defer stop()
	next := make(chan int)
	var callers sync.WaitGroup
	for range 32 {
		callers.Go(func() {
			for i := range next {
				if err := e.Dispatch(b.Context(), Ref(i)); err != nil {
					b.Error(err)
					left.Done()
				}
			}
		})
	}
	for i := 0; b.Loop(); i++ {
		left.Add(1)
		next <- i
	}
	close(next)
	callers.Wait()
	left.Wait()
}
