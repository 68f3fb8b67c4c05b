package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/pondruns"
	"github.com/tenantatlas/tenantatlas/runs/prune"
)

// prunedRuns is how many old runs are deleted while others are started.
const prunedRuns = 200_000

// prunes measures how long single starts take before and while most of a table
// is deleted.
func (b *bench) prunes(ctx context.Context) error {
	fmt.Fprintln(b.out, "| | starts alone, p50 / p99 ms | while runs are deleted | deleted | runs/s |\n|---|---|---|---|---|")
	return b.filled(ctx, prunedRuns, prunedRuns, 10, func(ctx context.Context, s *subject) error {
		op, err := prune.Operation(prune.Config{Store: s.store, Retention: prune.Retention{Keep: time.Hour, Once: time.Hour}})
		if err != nil {
			return err
		}
		tracker, err := runs.New(runs.Config{
			Store: s.store, Dispatcher: pondruns.New(pondruns.Config{}),
			Operations: []runs.Operation{op, runs.Spec[input]{Type: noop}.Operation()},
		})
		if err != nil {
			return err
		}
		working, stop := context.WithCancel(ctx)
		var work sync.WaitGroup
		work.Go(func() { _ = tracker.Run(working) }) // says that its context has ended
		defer work.Wait()
		defer stop()

		n := int64(0)
		start := func() (time.Duration, error) {
			n++
			begun := time.Now()
			_, err := tracker.Start(ctx, runs.Request{Tenant: "bench", Type: noop, Initiator: runs.User("dana", "Dana"), Params: input{N: n}})
			took := time.Since(begun)
			time.Sleep(2 * time.Millisecond) // a caller now and then, not a flood
			return took, err
		}
		var alone, beside []time.Duration
		for range b.calls {
			took, err := start()
			if err != nil {
				return err
			}
			alone = append(alone, took)
		}
		pruning, err := tracker.Start(ctx, prune.Daily(time.Now()))
		if err != nil {
			return err
		}
		begun := time.Now()
		ended := make(chan *runs.Run, 1)
		go func() {
			r, _ := tracker.Wait(ctx, pruning.Run.Ref())
			ended <- r
		}()
		for {
			select {
			case r := <-ended:
				if r == nil || r.Outcome != runs.OutcomeSucceeded {
					return fmt.Errorf("pruning ended as %+v", r)
				}
				fmt.Fprintf(b.out, "| %s | %s | %s of %d | %d | %.0f |\n", s.name, percentiles(alone, 99, 0), percentiles(beside, 99, 0), len(beside),
					r.Counts.Succeeded, float64(r.Counts.Succeeded)/time.Since(begun).Seconds())
				return nil
			default:
			}
			took, err := start()
			if err != nil {
				return err
			}
			beside = append(beside, took)
		}
	})
}

// percentiles returns the median and the nth percentile in milliseconds, and
// whether that missed its target, if there is one.
func percentiles(took []time.Duration, n int, target time.Duration) string {
	took = slices.Sorted(slices.Values(took))
	high := took[len(took)*n/100]
	cell := fmt.Sprintf("%.2f / %.2f", took[len(took)/2].Seconds()*1000, high.Seconds()*1000)
	if target > 0 && high > target {
		cell += ", missed"
	}
	return cell
}
