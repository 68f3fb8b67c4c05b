package runstest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// claimable and waiting select test runs.
func claimable(types ...runs.Type) runs.DueQuery {
	return runs.DueQuery{Types: append(types, testRun), Claimable: true}
}

func waiting() runs.DueQuery { return runs.DueQuery{Types: []runs.Type{testRun}} }

// Instants that have come, and that have not, by any store's clock.
var (
	past   = created.AddDate(-10, 0, 0)
	future = created.AddDate(500, 0, 0)
)

var duePromises = []promise[runs.Store]{
	{
		name: "due-claimable",
		text: "with Claimable set Due selects queued runs whose NotBefore has come, and returns them whole",
		check: func(ctx context.Context, s runs.Store) error {
			now, err := insert(ctx, s, filled(queued(acme, "r1", "k1")))
			if err != nil {
				return err
			}
			then, later, stamped, soon := queued(acme, "r2", ""), queued(acme, "r3", ""), queued(acme, "r4", ""), queued(acme, "r5", "")
			then.NotBefore, later.NotBefore, stamped.Timing.Delay, soon.Timing.Delay = past, future, hour, 1
			if err := insertAll(ctx, s, then, later, stamped, soon); err != nil {
				return err
			}
			if err := isDue(ctx, s, claimable(), "r1", "r2", "r5"); err != nil {
				return err
			}
			q := claimable()
			q.Limit = 1
			got, err := only(s.Due(ctx, q))
			if err != nil {
				return err
			}
			if got.ID == now.ID { // which it is, unless the driver knows a better order
				return diff(now, got)
			}
			return isStored(ctx, s, got)
		},
	},
	{
		name: "due-claimable-rings",
		text: "with Claimable set Due looks neither at NextRing nor at CreatedAt",
		check: func(ctx context.Context, s runs.Store) error {
			rung := queued(acme, "r1", "")
			rung.NextRing = future
			stamped := queued(acme, "r2", "")
			stamped.Timing.Ring = hour
			young := queued(acme, "r3", "")
			young.CreatedAt = future
			if err := insertAll(ctx, s, rung, stamped, young); err != nil {
				return err
			}
			return isDue(ctx, s, claimable(), "r1", "r2", "r3")
		},
	},
	{
		name: "due-claimable-queued",
		text: "with Claimable set Due selects queued runs only",
		check: func(ctx context.Context, s runs.Store) error {
			lost, unannounced := begin(queued(acme, "r1", "")), ended(acme, "r2")
			lost.Timing.Lease, unannounced.Announced = 1, false
			if err := insertAll(ctx, s, lost, unannounced); err != nil {
				return err
			}
			return isDue(ctx, s, claimable())
		},
	},
	{
		name: "due-claimable-moves",
		text: "a claimed run is not claimable, one that is queued again is, in its time",
		check: func(ctx context.Context, s runs.Store) error {
			r, err := insert(ctx, s, queued(acme, "r1", ""))
			if err != nil {
				return err
			}
			if r, err = update(ctx, s, begin(r)); err != nil {
				return err
			}
			if err := isDue(ctx, s, claimable()); err != nil {
				return fmt.Errorf("claimed: %w", err)
			}
			r.Status, r.Timing.Delay = runs.StatusQueued, hour
			if r, err = update(ctx, s, r); err != nil {
				return err
			}
			if err := isDue(ctx, s, claimable()); err != nil {
				return fmt.Errorf("parked: %w", err)
			}
			r.NotBefore = time.Time{}
			if r, err = update(ctx, s, r); err != nil {
				return err
			}
			if err := isDue(ctx, s, claimable(), "r1"); err != nil {
				return fmt.Errorf("queued again: %w", err)
			}
			if _, err = update(ctx, s, end(r)); err != nil {
				return err
			}
			return isDue(ctx, s, claimable())
		},
	},
	{
		name: "due-types",
		text: "Due selects runs of the given types only; no types select nothing",
		check: func(ctx context.Context, s runs.Store) error {
			for i, typ := range []runs.Type{testRun, testOther, "test.third"} {
				lost, unannounced, waits := begin(queued(acme, id(3*i), "")), ended(acme, id(3*i+1)), queued(acme, id(3*i+2), "")
				lost.Timing.Lease, unannounced.Announced = 1, false
				for _, r := range []*runs.Run{lost, unannounced, waits} {
					r.Type = typ
					if err := insertAll(ctx, s, r); err != nil {
						return err
					}
				}
			}
			if err := isDue(ctx, s, runs.DueQuery{}); err != nil {
				return err
			}
			if err := isDue(ctx, s, runs.DueQuery{Claimable: true}); err != nil {
				return err
			}
			if err := isDue(ctx, s, runs.DueQuery{Types: []runs.Type{"test.none", "\x00"}}); err != nil {
				return err
			}
			if err := isDue(ctx, s, claimable("test.third", "test.third"), id(2), id(8)); err != nil {
				return err
			}
			return isDue(ctx, s, runs.DueQuery{Types: []runs.Type{"test.third", testRun}}, id(0), id(1), id(2), id(6), id(7), id(8))
		},
	},
	{
		name: "due-tenants",
		text: "Due selects runs of all tenants",
		check: func(ctx context.Context, s runs.Store) error {
			if err := insertAll(ctx, s, queued(acme, "r1", ""), queued(globex, "r2", ""), queued(runs.SystemTenant, "r3", "")); err != nil {
				return err
			}
			if err := isDue(ctx, s, claimable(), "r1", "r2", "r3"); err != nil {
				return err
			}
			return isDue(ctx, s, waiting(), "r1", "r2", "r3")
		},
	},
	{
		name: "due-limit",
		text: "Due returns at most Limit runs; 0 means 50",
		check: func(ctx context.Context, s runs.Store) error {
			if err := insertMany(ctx, s, manyQueued(60)); err != nil {
				return err
			}
			for _, q := range []runs.DueQuery{claimable(), waiting()} {
				for limit, want := range map[int]int{0: 50, 1: 1, 7: 7, 59: 59, 60: 60, 500: 60} {
					q.Limit = limit
					got, err := s.Due(ctx, q)
					if err != nil {
						return fmt.Errorf("due: %w", err)
					}
					if len(got) != want {
						return fmt.Errorf("limit %d: %d runs, want %d", limit, len(got), want)
					}
				}
			}
			return nil
		},
	},
	{
		name: "due-order",
		text: "Due returns the longest waiting first",
		check: func(ctx context.Context, s runs.Store) error {
			// Whichever instant a store goes by, the order is the same.
			var want []string
			for i := range 9 {
				want = append(want, id(i))
			}
			for _, i := range []int{4, 0, 8, 2, 6, 1, 7, 3, 5} {
				r := queued(acme, id(i), "")
				at := past.Add(time.Duration(i) * time.Minute)
				r.CreatedAt, r.UpdatedAt, r.NotBefore, r.NextRing = at, at, at, at
				if err := insertAll(ctx, s, r); err != nil {
					return err
				}
			}
			for _, q := range []runs.DueQuery{claimable(), waiting()} {
				for _, limit := range []int{3, 9} {
					q.Limit = limit
					got, err := s.Due(ctx, q)
					if err != nil {
						return fmt.Errorf("due: %w", err)
					}
					if err := same(fmt.Sprintf("due, claimable = %v, limit %d", q.Claimable, limit), want[:limit], ids(got)); err != nil {
						return err
					}
				}
			}
			return nil
		},
	},
}

// isDue checks that q selects the runs want, in whichever order.
func isDue(ctx context.Context, s runs.Store, q runs.DueQuery, want ...string) error {
	got, err := s.Due(ctx, q)
	if err != nil {
		return fmt.Errorf("due: %w", err)
	}
	names := ids(got)
	slices.Sort(names)
	return same(fmt.Sprintf("due, claimable = %v", q.Claimable), want, names)
}
