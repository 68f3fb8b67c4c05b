package runstest

import (
	"context"
	"fmt"

	"github.com/tenantatlas/tenantatlas/runs"
)

// left asks for what other incarnations than the second of an instance have
// left behind.
func left(instance string) runs.DueQuery {
	return runs.DueQuery{Types: []runs.Type{testRun}, Instance: instance, Incarnation: "second"}
}

// held returns a running run, whose lease is not over.
func held(id, instance, incarnation string) *runs.Run {
	r := begin(queued(acme, id, ""))
	r.Instance, r.Incarnation = instance, incarnation
	return r
}

var leftPromises = []promise[runs.Store]{
	{
		name: "left-instance",
		text: "with Instance set Due selects running runs of that instance, whole and whatever their leases say, in all tenants",
		check: func(ctx context.Context, s runs.Store) error {
			whole := filled(held("r1", "a", "first"))
			over, globally := held("r2", "a", "third"), held("r3", "a", "")
			over.Timing.Lease, globally.Tenant = 1, globex
			stored, err := insert(ctx, s, whole)
			if err != nil {
				return err
			}
			if err := insertAll(ctx, s, over, globally, held("r4", "b", "first"), held("r5", "", ""), held("r6", "A", "first")); err != nil {
				return err
			}
			if err := isDue(ctx, s, left("a"), "r1", "r2", "r3"); err != nil {
				return err
			}
			q := left("a")
			q.Types = []runs.Type{testOther}
			if err := isDue(ctx, s, q); err != nil {
				return err
			}
			if err := isDue(ctx, s, left("b"), "r4"); err != nil {
				return err
			}
			if err := isDue(ctx, s, left("nobody\x00")); err != nil {
				return err
			}
			all, err := s.Due(ctx, left("a"))
			if err != nil {
				return fmt.Errorf("due: %w", err)
			}
			for _, r := range all {
				if r.ID == "r1" {
					return diff(stored, r)
				}
			}
			return nil
		},
	},
	{
		name: "left-incarnation",
		text: "with Instance set Due leaves out the runs of the given incarnation",
		check: func(ctx context.Context, s runs.Store) error {
			if err := insertAll(ctx, s, held("r1", "a", "first"), held("r2", "a", "second"), held("r3", "a", "")); err != nil {
				return err
			}
			if err := isDue(ctx, s, left("a"), "r1", "r3"); err != nil {
				return err
			}
			q := left("a")
			q.Incarnation = ""
			return isDue(ctx, s, q, "r1", "r2")
		},
	},
	{
		name: "left-running",
		text: "with Instance set Due selects running runs only, by who has claimed them last, up to Limit",
		check: func(ctx context.Context, s runs.Store) error {
			waits, silent := queued(acme, "r1", ""), ended(acme, "r2")
			waits.Instance, waits.Incarnation, silent.Instance, silent.Announced = "a", "first", "a", false
			r, err := insert(ctx, s, held("r3", "a", "first"))
			if err != nil {
				return err
			}
			if err := insertAll(ctx, s, waits, silent, held("r4", "a", "first"), held("r5", "a", "first")); err != nil {
				return err
			}
			r.Instance = "b"
			if r, err = update(ctx, s, r); err != nil {
				return err
			}
			if err := isDue(ctx, s, left("a"), "r4", "r5"); err != nil {
				return err
			}
			q := left("a")
			q.Limit = 1
			if some, err := s.Due(ctx, q); err != nil || len(some) != 1 {
				return fmt.Errorf("due, limit 1: %d runs, error is %v", len(some), err)
			}
			if err := isDue(ctx, s, left("b"), "r3"); err != nil {
				return err
			}
			r.Status = runs.StatusQueued
			if r, err = update(ctx, s, r); err != nil {
				return err
			}
			if err := isDue(ctx, s, left("b")); err != nil {
				return err
			}
			if _, err = update(ctx, s, begin(r)); err != nil {
				return err
			}
			return isDue(ctx, s, left("b"), "r3")
		},
	},
}
