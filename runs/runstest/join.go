package runstest

import (
	"context"
	"fmt"

	"github.com/tenantatlas/tenantatlas/runs"
)

var joinPromises = []promise[runs.Store]{
	{
		name: "join-key",
		text: "an active run of the tenant that has r.Key is returned with false, whatever its type",
		check: func(ctx context.Context, s runs.Store) error {
			waiting, err := insert(ctx, s, filled(queued(acme, "r1", "k1")))
			if err != nil {
				return err
			}
			if err := insertAll(ctx, s, begin(queued(acme, "r2", "k2"))); err != nil {
				return err
			}
			stored, inserted, err := s.Insert(ctx, queued(acme, "r3", "k1"))
			if err != nil || inserted {
				return fmt.Errorf("second insert: inserted = %v, error is %v; want it to join r1", inserted, err)
			}
			if err := diff(waiting, stored); err != nil {
				return fmt.Errorf("second insert: %w", err)
			}
			other := queued(acme, "r4", "k2")
			other.Type = testOther
			return joins(ctx, s, other, "r2")
		},
	},
	{
		name: "join-key-other-tenant",
		text: "a key is the tenant's own",
		check: func(ctx context.Context, s runs.Store) error {
			return insertAll(ctx, s, queued(acme, "r1", "k1"), queued(globex, "r2", "k1"))
		},
	},
	{
		name: "join-key-completed",
		text: "the key of a completed run is free again",
		check: func(ctx context.Context, s runs.Store) error {
			r, err := insert(ctx, s, queued(acme, "r1", "k1"))
			if err != nil {
				return err
			}
			if _, err := update(ctx, s, end(r)); err != nil {
				return err
			}
			old := ended(acme, "r0")
			old.Key = "k1"
			if err := insertAll(ctx, s, old, queued(acme, "r2", "k1")); err != nil {
				return err
			}
			return joins(ctx, s, queued(acme, "r3", "k1"), "r2")
		},
	},
	{
		name: "join-not-by-completed",
		text: "a run that is completed when it is inserted does not join an active one with its key",
		check: func(ctx context.Context, s runs.Store) error {
			old := ended(acme, "r2")
			old.Key = "k1"
			return insertAll(ctx, s, queued(acme, "r1", "k1"), old)
		},
	},
	{
		name: "join-requeued",
		text: "a run keeps its key and its Once when it is queued again, also if an update has none",
		check: func(ctx context.Context, s runs.Store) error {
			in := queued(acme, "r1", "k1")
			in.Once = "once"
			r, err := insert(ctx, s, in)
			if err != nil {
				return err
			}
			for _, status := range []runs.Status{runs.StatusRunning, runs.StatusQueued} {
				r.Status, r.Key, r.Once = status, "", ""
				if r, err = update(ctx, s, r); err != nil {
					return err
				}
				if err := joins(ctx, s, queued(acme, "r2", "k1"), "r1"); err != nil {
					return err
				}
			}
			again := queued(acme, "r2", "k2")
			again.Once = "once"
			return joins(ctx, s, again, "r1")
		},
	},
	{
		name: "join-once",
		text: "a kept run of the same tenant and type that has r.Once is returned with false, also when it is completed",
		check: func(ctx context.Context, s runs.Store) error {
			in := queued(acme, "r1", "k1")
			in.Once = "slot 1"
			r, err := insert(ctx, s, in)
			if err != nil {
				return err
			}
			again := queued(acme, "r2", "k2")
			again.Once = "slot 1"
			if err := joins(ctx, s, again, "r1"); err != nil {
				return err
			}
			if _, err := update(ctx, s, end(r)); err != nil {
				return err
			}
			if err := joins(ctx, s, again, "r1"); err != nil {
				return fmt.Errorf("when r1 is completed: %w", err)
			}
			return joins(ctx, s, end(again), "r1")
		},
	},
	{
		name: "join-once-other",
		text: "a Once is the own one of a tenant and a type",
		check: func(ctx context.Context, s runs.Store) error {
			in, type2, tenant2 := queued(acme, "r1", ""), queued(acme, "r2", ""), queued(globex, "r3", "")
			in.Once, type2.Once, tenant2.Once = "slot 1", "slot 1", "slot 1"
			type2.Type = testOther
			return insertAll(ctx, s, in, type2, tenant2)
		},
	},
	{
		name: "join-once-before-key",
		text: "Once wins over Key",
		check: func(ctx context.Context, s runs.Store) error {
			old := ended(acme, "r1")
			old.Once = "slot 1"
			if err := insertAll(ctx, s, old, queued(acme, "r2", "k2")); err != nil {
				return err
			}
			r := queued(acme, "r3", "k2")
			r.Once = "slot 1"
			return joins(ctx, s, r, "r1")
		},
	},
	{
		name: "join-writes-nothing",
		text: "an Insert that returns another run writes nothing",
		check: func(ctx context.Context, s runs.Store) error {
			in := queued(acme, "r1", "k1")
			in.Once = "slot 1"
			r, err := insert(ctx, s, in)
			if err != nil {
				return err
			}
			byKey, byOnce := queued(acme, "r2", "k1"), queued(acme, "r3", "k3")
			byOnce.Once = "slot 1"
			for _, again := range []*runs.Run{byKey, byOnce} {
				again.Timing = runs.Timing{Delay: hour, Ring: hour}
				if err := joins(ctx, s, again, "r1"); err != nil {
					return err
				}
				if err := isMissing(ctx, s, acme, again.ID); err != nil {
					return err
				}
			}
			// Neither has the key of the one that joined been taken.
			if err := insertAll(ctx, s, queued(acme, "r4", "k3")); err != nil {
				return err
			}
			return isStored(ctx, s, r)
		},
	},
	{
		name: "join-empty",
		text: "an empty key, Once or lane is shared with nobody",
		check: func(ctx context.Context, s runs.Store) error {
			return insertAll(ctx, s, begin(queued(acme, "r1", "")), begin(queued(acme, "r2", "")), queued(acme, "r3", ""))
		},
	},
}

// filled gives an active run the content of a full one.
func filled(r *runs.Run) *runs.Run {
	f := full(r.Tenant, r.ID)
	r.Target, r.Params, r.Context, r.Counts, r.Failures = f.Target, f.Params, f.Context, f.Counts, f.Failures
	r.Waiting, r.Cancel, r.RetryOf = f.Waiting, f.Cancel, f.RetryOf
	return r
}
