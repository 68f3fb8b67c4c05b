package runstest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// ringPromises are those of Due without Claimable.
var ringPromises = []promise[runs.Store]{
	{
		name: "ring-status",
		text: "with Status set Due selects only runs with this status",
		check: func(ctx context.Context, s runs.Store) error {
			rung, young := queued(acme, "r1", ""), queued(acme, "r2", "")
			rung.NextRing = past
			lost, other, unannounced := begin(queued(acme, "r3", "")), begin(queued(acme, "r4", "")), ended(acme, "r5")
			lost.Timing.Lease, other.Timing.Lease, unannounced.Announced = 1, 1, false
			other.Type = otherRun
			if err := insertAll(ctx, s, rung, young, lost, other, unannounced); err != nil {
				return err
			}
			for status, want := range map[runs.Status][]string{
				"":                   {"r1", "r2", "r3", "r4", "r5"},
				runs.StatusQueued:    {"r1", "r2"},
				runs.StatusRunning:   {"r3", "r4"},
				runs.StatusCompleted: {"r5"},
			} {
				q := runs.DueQuery{Types: []runs.Type{testRun, otherRun}, Status: status}
				if err := isDue(ctx, s, q, want...); err != nil {
					return fmt.Errorf("status %q: %w", status, err)
				}
				q.Limit = 1
				if got, err := s.Due(ctx, q); err != nil || len(got) != 1 || !slices.Contains(want, got[0].ID) {
					return fmt.Errorf("status %q, limit 1: %d runs, %w; want one of %v", status, len(got), err, want)
				}
			}
			return nil
		},
	},
	{
		name: "ring-next",
		text: "a queued run is due when both its NotBefore and its NextRing have come, as a zero one has, whenever it was created",
		check: func(ctx context.Context, s runs.Store) error {
			n := 0
			var want []string
			for _, notBefore := range []time.Time{{}, past, future} {
				for _, nextRing := range []time.Time{{}, past, future} {
					for _, createdAt := range []time.Time{past, future} {
						r := queued(acme, id(n), "")
						n++
						r.NotBefore, r.NextRing, r.CreatedAt = notBefore, nextRing, createdAt
						if err := insertAll(ctx, s, r); err != nil {
							return err
						}
						if notBefore != future && nextRing != future {
							want = append(want, r.ID)
						}
					}
				}
			}
			r := queued(acme, id(n), "")
			r.Timing.Ring = 1
			if err := insertAll(ctx, s, r); err != nil {
				return err
			}
			return isDue(ctx, s, waiting(), append(want, r.ID)...)
		},
	},
	{
		name: "ring-lease",
		text: "a running run is due when its lease is over, by the store's clock",
		check: func(ctx context.Context, s runs.Store) error {
			over, alive, none, stamped := begin(queued(acme, "r1", "")), begin(queued(acme, "r2", "")), begin(queued(acme, "r3", "")), begin(queued(acme, "r4", ""))
			over.Timing, over.LeaseUntil = runs.Timing{}, past
			none.Timing = runs.Timing{}
			stamped.Timing.Lease = 1
			// Neither of these matters to a running run.
			alive.NextRing, over.NotBefore, over.NextRing = past, future, future
			if err := insertAll(ctx, s, over, alive, none, stamped); err != nil {
				return err
			}
			return isDue(ctx, s, waiting(), "r1", "r3", "r4")
		},
	},
	{
		name: "ring-unannounced",
		text: "a completed run is due when it is not announced and its NextRing has come",
		check: func(ctx context.Context, s runs.Store) error {
			all := []*runs.Run{ended(acme, "r1"), ended(acme, "r2"), ended(acme, "r3"), ended(acme, "r4"), ended(acme, "r5"), ended(acme, "r6")}
			for _, r := range all[:4] {
				r.Announced = false
			}
			all[0].NotBefore = future // does not matter to a completed run
			all[1].NextRing, all[2].NextRing, all[3].Timing.Ring = past, future, hour
			all[4].NextRing, all[5].LeaseUntil = past, past
			if err := insertAll(ctx, s, all...); err != nil {
				return err
			}
			if err := isDue(ctx, s, waiting(), "r1", "r2"); err != nil {
				return err
			}
			r, err := get(ctx, s, acme, "r1")
			if err != nil {
				return err
			}
			r.Announced = true
			if _, err := update(ctx, s, r); err != nil {
				return err
			}
			return isDue(ctx, s, waiting(), "r2")
		},
	},
	{
		name: "ring-moves",
		text: "a ring, a claim and a heartbeat move the instant at which a run is due",
		check: func(ctx context.Context, s runs.Store) error {
			r, err := insert(ctx, s, queued(acme, "r1", ""))
			if err != nil {
				return err
			}
			for _, step := range []struct {
				name   string
				change func()
				due    bool
			}{
				{"inserted", func() {}, true},
				{"rung", func() { r.Timing.Ring = hour }, false},
				{"rung again", func() { r.NextRing = past }, true},
				{"claimed", func() { begin(r) }, false},
				{"lost", func() { r.Timing.Lease = 1 }, true},
				{"found again", func() { r.Timing.Lease = hour }, false},
				{"queued again", func() { r.Status = runs.StatusQueued }, true},
				{"ended", func() { end(r).Announced = false }, true},
				{"announced in vain", func() { r.Timing.Ring = hour }, false},
				{"to be announced again", func() { r.NextRing = time.Time{} }, true},
				{"announced", func() { r.Announced = true }, false},
			} {
				step.change()
				if r, err = update(ctx, s, r); err != nil {
					return err
				}
				var want []string
				if step.due {
					want = append(want, "r1")
				}
				if err := isDue(ctx, s, waiting(), want...); err != nil {
					return fmt.Errorf("%s: %w", step.name, err)
				}
			}
			return nil
		},
	},
	{
		name: "ring-comes",
		text: "a run becomes due when the store's clock has got there, and not before",
		check: func(ctx context.Context, s runs.Store) error {
			const wait = 30 * time.Millisecond
			delayed, rung, leased, unannounced := queued(acme, "r1", ""), queued(acme, "r2", ""), begin(queued(acme, "r3", "")), ended(acme, "r4")
			delayed.Timing.Delay, rung.Timing.Ring, leased.Timing.Lease = wait, wait, wait
			unannounced.Announced, unannounced.Timing.Ring = false, wait
			if err := insertAll(ctx, s, delayed, rung, leased, unannounced); err != nil {
				return err
			}
			for i := 0; ; i++ {
				due, err := s.Due(ctx, waiting())
				if err != nil {
					return fmt.Errorf("due: %w", err)
				}
				now, err := clockOf(ctx, s, id(i))
				if err != nil {
					return err
				}
				for _, r := range due {
					for _, at := range []time.Time{r.NotBefore, r.NextRing, r.LeaseUntil} {
						if at.After(now) {
							return fmt.Errorf("%s is due before %v, which is in %v", r.ID, at, at.Sub(now))
						}
					}
				}
				if len(due) == 4 {
					return isDue(ctx, s, claimable(), "r1", "r2")
				}
				if i == 1000 {
					return fmt.Errorf("due = %v after %d looks, want all 4", ids(due), i)
				}
				if err := pause(ctx, wait/3); err != nil {
					return err
				}
			}
		},
	},
}

// pause waits for d, or for the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
