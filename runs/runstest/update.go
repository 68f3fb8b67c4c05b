package runstest

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

const hour = time.Hour

var updatePromises = []promise[runs.Store]{
	{
		name: "update-replaces",
		text: "Update replaces the stored run by r and returns it with the next revision, and without Params",
		check: func(ctx context.Context, s runs.Store) error {
			r, err := insert(ctx, s, queued(acme, "r1", "k1"))
			if err != nil {
				return err
			}
			next := full(acme, "r1")
			unchanged(next, r)
			next.Revision = 1
			stored, err := update(ctx, s, next)
			if err != nil {
				return err
			}
			want := next.Clone()
			want.Revision = 2
			if err := diff(want, stored); err != nil {
				return fmt.Errorf("update returned another run: %w", err)
			}
			return isStored(ctx, s, want)
		},
	},
	{
		name: "update-clears",
		text: "Update replaces also by nothing what was there",
		check: func(ctx context.Context, s runs.Store) error {
			r, err := insert(ctx, s, full(acme, "r1"))
			if err != nil {
				return err
			}
			next := &runs.Run{Status: runs.StatusCompleted, Outcome: runs.OutcomeFailed, Revision: 1}
			unchanged(next, r)
			stored, err := update(ctx, s, next)
			if err != nil {
				return err
			}
			want := next.Clone()
			want.Revision = 2
			if err := diff(want, stored); err != nil {
				return fmt.Errorf("update returned another run: %w", err)
			}
			return isStored(ctx, s, want)
		},
	},
	{
		name: "update-immutable",
		text: "Tenant, ID, Type, Key, Once, Lane, Inline, Params, Initiator, RetryOf and CreatedAt stay as they were inserted",
		check: func(ctx context.Context, s runs.Store) error {
			r, err := insert(ctx, s, full(acme, "r1"))
			if err != nil {
				return err
			}
			next := r.Clone()
			next.Type, next.Key, next.Once, next.Lane = testOther, "v1:other", "other", "other"
			next.Inline, next.Params, next.Initiator = false, []byte(`{"other":1}`), runs.User("mallory", "Mallory")
			next.RetryOf, next.CreatedAt = "other", created.Add(hour)
			stored, err := s.Update(ctx, next)
			if err != nil {
				return fmt.Errorf("update: %w", err)
			}
			want := r.Clone()
			want.Revision = 2
			stored.Params = want.Params
			if err := diff(want, stored); err != nil {
				return fmt.Errorf("update returned another run: %w", err)
			}
			return isStored(ctx, s, want)
		},
	},
	{
		name: "update-without-params",
		text: "Update keeps the Params also if r has none",
		check: func(ctx context.Context, s runs.Store) error {
			r, err := insert(ctx, s, full(acme, "r1"))
			if err != nil {
				return err
			}
			next := r.Clone()
			next.Params = nil
			if _, err := s.Update(ctx, next); err != nil {
				return fmt.Errorf("update: %w", err)
			}
			want := r.Clone()
			want.Revision = 2
			return isStored(ctx, s, want)
		},
	},
	{
		name: "update-revisions",
		text: "the revision is one more after each update",
		check: func(ctx context.Context, s runs.Store) error {
			r, err := insert(ctx, s, queued(acme, "r1", ""))
			for want := int64(1); err == nil && want <= 5; want++ {
				if r.Revision != want {
					return fmt.Errorf("revision = %d, want %d", r.Revision, want)
				}
				r, err = update(ctx, s, r)
			}
			return err
		},
	},
	{
		name: "update-stale",
		text: "Update reports ErrConflict, and changes nothing, unless the stored revision is r.Revision",
		check: func(ctx context.Context, s runs.Store) error {
			first, err := insert(ctx, s, queued(acme, "r1", "k1"))
			if err != nil {
				return err
			}
			current, err := update(ctx, s, begin(first.Clone()))
			if err != nil {
				return err
			}
			for _, revision := range []int64{0, 1, 3, -1, 1 << 40} {
				stale := full(acme, "r1")
				stale.Revision = revision
				_, err := s.Update(ctx, stale)
				if err := wantErr(fmt.Sprintf("update of revision %d", revision), err, runs.ErrConflict); err != nil {
					return err
				}
			}
			if err := isStored(ctx, s, current); err != nil {
				return err
			}
			return joins(ctx, s, queued(acme, "r2", "k1"), "r1")
		},
	},
	{
		name: "update-missing",
		text: "Update reports ErrNotFound for a run that is not there, also for another tenant's, and changes nothing",
		check: func(ctx context.Context, s runs.Store) error {
			r, err := insert(ctx, s, queued(acme, "r1", ""))
			if err != nil {
				return err
			}
			missing, foreign := queued(acme, "r2", ""), end(r.Clone())
			missing.Revision, foreign.Tenant = 1, globex
			for _, r := range []*runs.Run{missing, foreign} {
				_, err := s.Update(ctx, r)
				if err := wantErr("update of "+r.Tenant+" "+r.ID, err, runs.ErrNotFound); err != nil {
					return err
				}
				if err := isMissing(ctx, s, r.Tenant, r.ID); err != nil {
					return err
				}
			}
			return isStored(ctx, s, r)
		},
	},
	{
		name: "update-invalid",
		text: "Update reports ErrInvalid for a run that is not Validate, and changes nothing",
		check: func(ctx context.Context, s runs.Store) error {
			r, err := insert(ctx, s, queued(acme, "r1", ""))
			if err != nil {
				return err
			}
			for _, bad := range invalidRuns() {
				next := r.Clone()
				bad.spoil(next)
				_, err := s.Update(ctx, next)
				if err := wantErr("update with "+bad.name, err, runs.ErrInvalid); err != nil {
					return err
				}
			}
			return isStored(ctx, s, r)
		},
	},
}

// unchanged gives next what no update can change.
func unchanged(next, inserted *runs.Run) {
	next.Tenant, next.ID, next.Type = inserted.Tenant, inserted.ID, inserted.Type
	next.Key, next.Once, next.Lane = inserted.Key, inserted.Once, inserted.Lane
	next.Inline, next.Params, next.Initiator = inserted.Inline, inserted.Params, inserted.Initiator
	next.RetryOf, next.CreatedAt = inserted.RetryOf, inserted.CreatedAt
}

var earlyPromises = []promise[runs.Store]{
	{
		name: "early-refused",
		text: "Update reports ErrNotDue, and changes nothing, for a queued run whose NotBefore has not come by the store's clock, unless r is queued or canceled",
		check: func(ctx context.Context, s runs.Store) error {
			stamped, given := queued(acme, "r1", "k1"), queued(acme, "r2", "k2")
			stamped.Timing.Delay, given.NotBefore = hour, future
			given.Lane = "lane" // which is free
			for _, r := range []*runs.Run{stamped, given} {
				r, err := insert(ctx, s, r)
				if err != nil {
					return err
				}
				claimed, blocked, failed := begin(r.Clone()), end(r.Clone()), end(r.Clone())
				blocked.Outcome, failed.Outcome = runs.OutcomeBlocked, runs.OutcomeFailed
				for _, next := range []*runs.Run{claimed, blocked, failed} {
					next.NotBefore = time.Time{} // what is stored counts
					_, err := s.Update(ctx, next)
					if err := wantErr(fmt.Sprintf("update to %s %s", next.Status, next.Outcome), err, runs.ErrNotDue); err != nil {
						return err
					}
				}
				if err := isStored(ctx, s, r); err != nil {
					return err
				}
				r.Rings = 1
				if r, err = update(ctx, s, r); err != nil {
					return fmt.Errorf("queued as before: %w", err)
				}
				canceled := end(r)
				canceled.Outcome = runs.OutcomeCanceled
				if _, err := update(ctx, s, canceled); err != nil {
					return fmt.Errorf("canceled: %w", err)
				}
			}
			return nil
		},
	},
	{
		name: "early-no-more",
		text: "a queued run whose NotBefore has come, or was taken back, can be claimed, and one that runs is not asked for it",
		check: func(ctx context.Context, s runs.Store) error {
			come, soon, back := queued(acme, "r1", ""), queued(acme, "r2", ""), queued(acme, "r3", "")
			come.NotBefore, soon.Timing.Delay, back.NotBefore = past, 1, future
			if err := insertAll(ctx, s, come, soon, back); err != nil {
				return err
			}
			if err := isDue(ctx, s, claimable(), "r1", "r2"); err != nil {
				return err
			}
			for _, id := range []string{"r1", "r2", "r3"} {
				r, err := get(ctx, s, acme, id)
				if err != nil {
					return err
				}
				if id == "r3" {
					r.NotBefore = time.Time{}
					if r, err = update(ctx, s, r); err != nil {
						return err
					}
				}
				r = begin(r)
				r.NotBefore = future
				if r, err = update(ctx, s, r); err != nil {
					return fmt.Errorf("claim: %w", err)
				}
				if r, err = update(ctx, s, begin(r)); err != nil {
					return fmt.Errorf("heartbeat: %w", err)
				}
				if _, err = update(ctx, s, end(r)); err != nil {
					return err
				}
			}
			return nil
		},
	},
}

var lanePromises = []promise[runs.Store]{
	{
		name: "lane-update",
		text: "Update reports ErrLaneBusy, and changes nothing, if r is to run in a lane where another run does",
		check: func(ctx context.Context, s runs.Store) error {
			_, waiting, err := busyLane(ctx, s)
			if err != nil {
				return err
			}
			for _, lane := range []string{"lane", "", "other"} { // it stays as it was inserted
				next := begin(waiting.Clone())
				next.Lane = lane
				_, err := s.Update(ctx, next)
				if err := wantErr("update", err, runs.ErrLaneBusy); err != nil {
					return err
				}
			}
			return isStored(ctx, s, waiting)
		},
	},
	{
		name: "lane-insert",
		text: "Insert reports ErrLaneBusy, and adds nothing, if r is running in a lane where another run is",
		check: func(ctx context.Context, s runs.Store) error {
			if _, _, err := busyLane(ctx, s); err != nil {
				return err
			}
			r := begin(queued(acme, "r9", "k9"))
			r.Lane = "lane"
			_, _, err := s.Insert(ctx, r)
			if err := wantErr("insert", err, runs.ErrLaneBusy); err != nil {
				return err
			}
			if err := isMissing(ctx, s, acme, "r9"); err != nil {
				return err
			}
			return insertAll(ctx, s, queued(acme, "r9", "k9"))
		},
	},
	{
		name: "lane-waits",
		text: "a run that does not run is not in the way of its lane, and has no need of it",
		check: func(ctx context.Context, s runs.Store) error {
			running, waiting, err := busyLane(ctx, s)
			if err != nil {
				return err
			}
			old := ended(acme, "r8")
			old.Lane = "lane"
			if err := insertAll(ctx, s, old); err != nil {
				return err
			}
			if running, err = update(ctx, s, running); err != nil { // it may go on itself
				return err
			}
			waiting.Counts.Total = 7
			if waiting, err = update(ctx, s, waiting); err != nil {
				return err
			}
			running.Status = runs.StatusQueued
			if running, err = update(ctx, s, running); err != nil {
				return err
			}
			if waiting, err = update(ctx, s, begin(waiting)); err != nil {
				return fmt.Errorf("when the other one was queued again: %w", err)
			}
			if _, err := update(ctx, s, end(waiting)); err != nil {
				return err
			}
			if _, err := update(ctx, s, begin(running)); err != nil {
				return fmt.Errorf("when the other one was completed: %w", err)
			}
			return nil
		},
	},
	{
		name: "lane-other",
		text: "a lane is the tenant's own, and it is one for all types",
		check: func(ctx context.Context, s runs.Store) error {
			if _, _, err := busyLane(ctx, s); err != nil {
				return err
			}
			tenant2, lane2, type2 := begin(queued(globex, "r7", "")), begin(queued(acme, "r8", "")), begin(queued(acme, "r9", ""))
			tenant2.Lane, lane2.Lane, type2.Lane = "lane", "Lane", "lane"
			type2.Type = testOther
			if err := insertAll(ctx, s, tenant2, lane2); err != nil {
				return err
			}
			_, _, err := s.Insert(ctx, type2)
			return wantErr("insert of another type", err, runs.ErrLaneBusy)
		},
	},
}

// busyLane inserts a running and a queued run of one lane.
func busyLane(ctx context.Context, s runs.Store) (running, waiting *runs.Run, err error) {
	first, second := queued(acme, "r1", "k1"), queued(acme, "r2", "k2")
	first.Lane, second.Lane = "lane", "lane"
	if running, err = insert(ctx, s, first); err != nil {
		return nil, nil, err
	}
	if running, err = update(ctx, s, begin(running)); err != nil {
		return nil, nil, err
	}
	waiting, err = insert(ctx, s, second)
	return running, waiting, err
}
