package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// SyncType is the type of the runs that fill the cache. They have no params.
const SyncType runs.Type = "directory.groups.sync"

// The names of the figures that a sync has besides how many changes it has
// recorded; see [runs.Counts].
const (
	CountGroups  = "groups"  // that are there: all of them, or those that changed
	CountRemoved = "removed" // that the source has reported as removed
	CountMissed  = "missing" // that a full enumeration did not have any more
	CountPurged  = "purged"  // that were forgotten
)

// Config says how syncs are done.
type Config struct {
	// Source gives access to a tenant, with the application's own rights; its
	// error ends the run. Store keeps what is found. If one of them is nil,
	// this process can start syncs and leaves their execution to others.
	Source func(ctx context.Context, tenant string) (Source, error)
	Store  Store

	// Timeout and Expected are those of the operation. 0 means no timeout, and
	// 15 minutes.
	Timeout, Expected time.Duration

	// Now reports the time. If nil, time.Now is used.
	Now func() time.Time
}

// Operation returns the operation "directory.groups.sync". Its runs count what
// they record: every group the first time and whenever the source has lost
// track, and else what has changed. A tenant has one such run at a time. One
// whose worker is lost goes on behind the last page that was recorded. It holds
// one page in memory.
func Operation(cfg Config) runs.Operation {
	if cfg.Expected == 0 {
		cfg.Expected = 15 * time.Minute
	}
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // the documented default
	}
	spec := runs.Spec[struct{}]{
		Type:        SyncType,
		Label:       "Group sync",
		Description: "Brings the names and types of the tenant's groups up to date.",
		Timeout:     cfg.Timeout,
		Expected:    cfg.Expected,
	}
	if cfg.Source != nil && cfg.Store != nil {
		spec.Handle = func(ctx context.Context, x *runs.Exec, _ struct{}) error {
			source, err := cfg.Source(ctx, x.Run().Tenant)
			if err != nil {
				return fmt.Errorf("source: %w", err)
			}
			err = (&job{store: cfg.Store, source: source, x: x, now: cfg.Now}).sync(ctx)
			if cause := context.Cause(ctx); err != nil && cause != nil {
				return cause
			}
			return err
		}
	}
	return spec.Operation()
}

// A job is the execution of one sync.
type job struct {
	store  Store
	source Source
	x      *runs.Exec
	now    func() time.Time
	last   time.Time // of the rounds that were begun or finished
	seen   int64     // changes that were counted
}

func (j *job) sync(ctx context.Context) error {
	run := j.x.Run()
	state, err := j.store.State(ctx, run.Tenant)
	if err != nil {
		return fmt.Errorf("read state: %w", err)
	}
	j.last = state.SyncedAt
	if state.Round.At.After(j.last) {
		j.last = state.Round.At
	}
	if state.Round.Run == run.ID {
		j.count(state.Groups, state.Removed)
		if state.Over() {
			return nil // it died between the end of the round and its own
		}
	}
	round, link := state.Round, state.Next
	if round.Run != run.ID || link == "" {
		link = state.Link
		if round, err = j.begin(ctx, link == ""); err != nil {
			return err
		}
	}
	err = j.enumerate(ctx, round, link)
	if !errors.Is(err, ErrResync) || round.Full && link == "" {
		return err
	}
	j.x.Logger().InfoContext(ctx, "source asked for a full enumeration")
	if round, err = j.begin(ctx, true); err != nil {
		return err
	}
	return j.enumerate(ctx, round, "")
}

// begin begins a round that is later than those before, whatever the clocks of
// the processes say.
func (j *job) begin(ctx context.Context, full bool) (Round, error) {
	run := j.x.Run()
	r := Round{Tenant: run.Tenant, Run: run.ID, Full: full, At: runs.Instant(j.now())}
	if !r.At.After(j.last) {
		r.At = j.last.Add(time.Microsecond)
	}
	j.last = r.At
	how := "what has changed"
	if full {
		how = "all groups"
	}
	j.x.Note("enumeration", how)
	return r, superseded("begin", j.store.Begin(ctx, r))
}

// enumerate records the pages from link on, and the end.
func (j *job) enumerate(ctx context.Context, r Round, link string) error {
	for part, err := range j.source.Groups(ctx, link) {
		if err != nil {
			return fmt.Errorf("enumerate groups: %w", err)
		}
		records, err := Records(part.Changes)
		if err != nil {
			return runs.Public(err, runs.ReasonBadResponse, "The service listed a group without a usable ID.")
		}
		if err := superseded("put", j.store.Put(ctx, r, part)); err != nil {
			return err
		}
		removed := 0
		for i := range records {
			if records[i].Removed {
				removed++
			}
		}
		j.count(len(records)-removed, removed)
		if part.Next == "" {
			return j.finish(ctx, r, part.Link)
		}
	}
	return runs.Public(nil, runs.ReasonBadResponse, "The list of groups has no end.")
}

func (j *job) finish(ctx context.Context, r Round, link string) error {
	sum, err := j.store.Finish(ctx, r, link)
	if err != nil {
		return superseded("finish", err)
	}
	j.x.Total(j.seen) // nobody knows before
	j.x.Add(CountMissed, int64(sum.Missed))
	j.x.Add(CountPurged, int64(sum.Purged))
	return nil
}

func (j *job) count(groups, removed int) {
	n := int64(groups) + int64(removed)
	j.seen += n
	j.x.Count(n, 0, 0)
	j.x.Add(CountGroups, int64(groups))
	j.x.Add(CountRemoved, int64(removed))
}

// superseded says what a store's error means to people.
func superseded(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrConflict):
		err = runs.Public(err, runs.ReasonConflict, "Another sync of the groups has begun meanwhile.")
	}
	return fmt.Errorf("%s: %w", doing, err)
}
