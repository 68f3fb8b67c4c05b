package riverruns_test

import (
	"context"
	"sync"
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
)

// BenchmarkIdle is the time from a Dispatch to an idle process until the claim.
func BenchmarkIdle(b *testing.B) {
	d := open(b, configOf(b, sqltest.Postgres(b)))
	claimed := make(chan struct{})
	stop := work(b, d, func(context.Context, runs.Ref) (func(context.Context), error) {
		claimed <- struct{}{}
		return nil, nil
	})
	defer stop()
	for i := 0; b.Loop(); i++ {
		if err := d.Dispatch(b.Context(), ref(i)); err != nil {
			b.Fatal(err)
		}
		<-claimed
	}
}

// BenchmarkBusy is the time that one reference takes when 32 callers dispatch
// as fast as they can, until all are claimed.
func BenchmarkBusy(b *testing.B) {
	d := open(b, configOf(b, sqltest.Postgres(b)))
	var left sync.WaitGroup
	stop := work(b, d, func(context.Context, runs.Ref) (func(context.Context), error) {
		left.Done()
		return nil, nil
	})
	defer stop()
	next := make(chan int)
	var callers sync.WaitGroup
	for range 32 {
		callers.Go(func() {
			for i := range next {
				if err := d.Dispatch(b.Context(), ref(i)); err != nil {
					b.Error(err)
					left.Done()
				}
			}
		})
	}
	i := 0
	for b.Loop() {
		left.Add(1)
		next <- i
		i++
	}
	close(next)
	callers.Wait()
	left.Wait()
}
