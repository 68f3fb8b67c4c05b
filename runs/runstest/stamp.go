package runstest

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

var stampPromises = []promise[runs.Store]{
	{
		name: "stamp-insert",
		text: "Insert moves the instants of r as r.Timing asks, from the store's own now, and returns them",
		check: func(ctx context.Context, s runs.Store) error {
			r := begin(queued(acme, "r1", ""))
			r.LeaseUntil, r.NotBefore, r.NextRing = created, created, created
			r.Timing = runs.Timing{Lease: hour, Delay: 2 * hour, Ring: 3 * hour}
			stored, err := insert(ctx, s, r)
			if err != nil {
				return err
			}
			return isStamped(ctx, s, stored)
		},
	},
	{
		name: "stamp-update",
		text: "Update moves the instants of r as r.Timing asks, from the store's own now, and returns them",
		check: func(ctx context.Context, s runs.Store) error {
			r, err := insert(ctx, s, queued(acme, "r1", ""))
			if err != nil {
				return err
			}
			r = begin(r)
			r.Timing = runs.Timing{Lease: hour, Delay: 2 * hour, Ring: 3 * hour}
			stored, err := update(ctx, s, r)
			if err != nil {
				return err
			}
			return isStamped(ctx, s, stored)
		},
	},
	{
		name: "stamp-each",
		text: "each duration of a Timing sets its own instant",
		check: func(ctx context.Context, s runs.Store) error {
			r, err := insert(ctx, s, queued(acme, "r1", ""))
			if err != nil {
				return err
			}
			for _, timing := range []runs.Timing{{Lease: hour}, {Delay: hour}, {Ring: hour}} {
				r.LeaseUntil, r.NotBefore, r.NextRing = time.Time{}, time.Time{}, time.Time{}
				r.Timing = timing
				if r, err = update(ctx, s, r); err != nil {
					return err
				}
				got := [3]bool{!r.LeaseUntil.IsZero(), !r.NotBefore.IsZero(), !r.NextRing.IsZero()}
				want := [3]bool{timing.Lease > 0, timing.Delay > 0, timing.Ring > 0}
				if got != want {
					return fmt.Errorf("%+v set LeaseUntil, NotBefore, NextRing: %v, want %v", timing, got, want)
				}
				if err := isStored(ctx, s, r); err != nil {
					return err
				}
			}
			return nil
		},
	},
	{
		name: "stamp-nothing",
		text: "a duration that is not above zero leaves the instant as the run has it",
		check: func(ctx context.Context, s runs.Store) error {
			want := full(acme, "r1")
			want.Revision = 1
			r := want.Clone()
			r.Timing = runs.Timing{Lease: -hour, Delay: -1}
			stored, err := insert(ctx, s, r)
			if err != nil {
				return err
			}
			if err := diff(want, stored); err != nil {
				return fmt.Errorf("insert: %w", err)
			}
			r = want.Clone()
			r.Timing = runs.Timing{Delay: -hour, Ring: -1}
			if stored, err = update(ctx, s, r); err != nil {
				return err
			}
			want.Revision = 2
			if err := diff(want, stored); err != nil {
				return fmt.Errorf("update: %w", err)
			}
			return isStored(ctx, s, want)
		},
	},
	{
		name: "stamp-goes-on",
		text: "the store's clock goes on, for all runs alike",
		check: func(ctx context.Context, s runs.Store) error {
			r, err := insert(ctx, s, queued(acme, "r1", ""))
			if err != nil {
				return err
			}
			before, err := clockOf(ctx, s, "c1")
			if err != nil {
				return err
			}
			r.Timing.Lease = hour
			if r, err = update(ctx, s, r); err != nil {
				return err
			}
			after, err := clockOf(ctx, s, "c2")
			if err != nil {
				return err
			}
			if at := r.LeaseUntil.Add(-hour); at.Before(before) || at.After(after) {
				return fmt.Errorf("an update was stamped from %v, want an instant from %v to %v", at, before, after)
			}
			return nil
		},
	},
	{
		name: "stamp-not-by-people",
		text: "what people see as the time does not move the store's clock",
		check: func(ctx context.Context, s runs.Store) error {
			before, err := clockOf(ctx, s, "c1")
			if err != nil {
				return err
			}
			r := begin(queued(acme, "r1", ""))
			r.CreatedAt = created.AddDate(70, 0, 0)
			r.StartedAt, r.UpdatedAt = r.CreatedAt, r.CreatedAt
			stored, err := insert(ctx, s, r)
			if err != nil {
				return err
			}
			after, err := clockOf(ctx, s, "c2")
			if err != nil {
				return err
			}
			if at := stored.LeaseUntil.Add(-hour); at.Before(before) || at.After(after) {
				return fmt.Errorf("a run of the year 2096 was stamped from %v, want an instant from %v to %v", at, before, after)
			}
			if !stored.UpdatedAt.Equal(r.UpdatedAt) {
				return fmt.Errorf("UpdatedAt = %v, want %v", stored.UpdatedAt, r.UpdatedAt)
			}
			return nil
		},
	},
}

// isStamped checks that r was stored with 1, 2 and 3 hours from one now.
func isStamped(ctx context.Context, s runs.Store, r *runs.Run) error {
	now := r.LeaseUntil.Add(-hour)
	if now.Equal(created.Add(-hour)) || now.IsZero() {
		return fmt.Errorf("LeaseUntil = %v, which is not stamped", r.LeaseUntil)
	}
	if !r.NotBefore.Equal(now.Add(2*hour)) || !r.NextRing.Equal(now.Add(3*hour)) {
		return fmt.Errorf("LeaseUntil, NotBefore, NextRing = %v, %v, %v, want them 1, 2 and 3 hours from one instant",
			r.LeaseUntil, r.NotBefore, r.NextRing)
	}
	if r.Timing != (runs.Timing{}) {
		return fmt.Errorf("a returned run has Timing = %+v, want it zero", r.Timing)
	}
	return isStored(ctx, s, r)
}
