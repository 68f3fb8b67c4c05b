package main

import (
	"context"
	"time"
)

// latency returns the median of how long one caller waits, in milliseconds. It
// rests between calls, so that each of them finds everything idle.
func latency(ctx context.Context, n int, rest time.Duration, do func(ctx context.Context, n int64) error) (float64, error) {
	var took []float64
	for i := range n {
		begun := time.Now()
		if err := do(ctx, int64(i)); err != nil {
			return 0, err
		}
		took = append(took, float64(time.Since(begun).Microseconds())/1000)
		time.Sleep(rest)
	}
	return median(took), nil
}
