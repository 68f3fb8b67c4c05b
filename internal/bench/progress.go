package main

import (
	"context"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// reports has a run report progress as fast as it can, for as long as it is
// told, and keeps how often it did.
type reports struct {
	d     chan time.Duration
	calls chan float64
}

func newReports() *reports {
	return &reports{d: make(chan time.Duration, 1), calls: make(chan float64, 1)}
}

func (r *reports) handle(_ context.Context, x *runs.Exec, _ input) error {
	d, n := <-r.d, 0
	for begun := time.Now(); time.Since(begun) < d; {
		for range 100 {
			x.Count(1, 0, 0)
			n++
		}
	}
	r.calls <- float64(n) / d.Seconds()
	return nil
}

func (r *reports) contests(b *bench, works *ours) []contest {
	var writes float64
	return []contest{
		{name: "progress of one run", unit: "calls/s", ours: func(ctx context.Context) (float64, error) {
			r.d <- b.each
			before := works.store.updates.Load()
			err := works.live(ctx, 0)
			writes = float64(works.store.updates.Load()-before) / b.each.Seconds()
			return <-r.calls, err
		}},
		{name: "its writes, the claim and the end included", unit: "/s", ours: func(context.Context) (float64, error) { return writes, nil }},
	}
}
