package prune

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// Type is the type of the runs that delete runs. They belong to
// [runs.SystemTenant].
const Type runs.Type = "runs.prune"

// CountKept is the name of the figure of runs that were looked at and stay: old
// enough to go by one rule, kept by another. The other figures of a run are by
// the types of what was deleted.
const CountKept = "kept"

// Params are the input of such a run.
type Params struct {
	DryRun bool `json:"dry_run"` // count what would be deleted, and delete nothing
}

// Config says what is deleted from where.
type Config struct {
	// Store keeps the runs. If nil, this process can start such runs and leaves
	// their execution to others.
	Store runs.Pruner

	// Retention says how long runs are kept; its zero value means 90 days.
	Retention Retention

	// Now is the clock that the completion of runs is compared with. If nil, it
	// is time.Now. Completion is what the processes that executed the runs saw
	// as the time.
	Now func() time.Time
}

// How many runs are looked at and deleted at a time.
const (
	lookSize   = 1000
	deleteSize = 100
)

// Operation returns the operation "runs.prune", or says what is wrong with
// cfg.Retention. A run counts what it deleted as succeeded, and what a dry run
// would have as skipped. After a crash, or the next day, it goes on where it
// was. Only system actors may start it, in [runs.SystemTenant].
func Operation(cfg Config) (runs.Operation, error) {
	if err := cfg.Retention.Validate(); err != nil {
		return runs.Operation{}, fmt.Errorf("prune: %w", err)
	}
	cfg.Retention = cfg.Retention.completed()
	cfg.Retention.Rules = slices.Clone(cfg.Retention.Rules)
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // the documented default
	}
	spec := runs.Spec[Params]{
		Type:        Type,
		Label:       "Deletion of old runs",
		Description: "Deletes the runs of all tenants that were kept long enough.",
		Expected:    time.Hour,
		Prepare: func(_ context.Context, tenant string, _ *Params) error {
			if tenant != runs.SystemTenant {
				return runs.Public(nil, runs.ReasonInvalidInput, "Old runs are deleted by the system, for all tenants at once.")
			}
			return nil
		},
		Context: func(p Params) map[string]string {
			if p.DryRun {
				return map[string]string{"dry_run": "true"}
			}
			return nil
		},
	}
	if cfg.Store != nil {
		spec.Handle = cfg.handle
	}
	return spec.Operation(), nil
}

// Daily returns the request for the pruning of the day, in UTC, that now is in.
// However often and by however many processes it is started, there is one run
// a day.
func Daily(now time.Time) runs.Request {
	return runs.Request{
		Tenant:    runs.SystemTenant,
		Type:      Type,
		Params:    Params{},
		Initiator: runs.System("retention"),
		Once:      "day " + now.UTC().Format(time.DateOnly),
	}
}

func (cfg Config) handle(ctx context.Context, x *runs.Exec, p Params) error {
	shortest, ok := cfg.Retention.shortest()
	if !ok {
		return nil
	}
	now := cfg.Now()
	var after runs.EndedRun
	for {
		page, err := cfg.Store.Ended(ctx, now.Add(-shortest), after, lookSize)
		if err != nil {
			return fmt.Errorf("prune: %w", err)
		}
		old := map[runs.Type][]runs.Ref{}
		for _, r := range page {
			if keep := cfg.Retention.keep(r); keep >= 0 && r.CompletedAt.Before(now.Add(-keep)) {
				old[r.Type] = append(old[r.Type], r.Ref)
			} else {
				x.Add(CountKept, 1)
			}
		}
		for typ, refs := range old {
			if err := cfg.delete(ctx, x, typ, refs, p.DryRun); err != nil {
				return fmt.Errorf("prune: %w", err)
			}
		}
		if len(page) < lookSize {
			return nil
		}
		after = page[len(page)-1]
	}
}

// delete deletes runs of one type, some at a time.
func (cfg Config) delete(ctx context.Context, x *runs.Exec, typ runs.Type, refs []runs.Ref, dry bool) error {
	if dry {
		x.Count(0, 0, int64(len(refs)))
		x.Add(string(typ), int64(len(refs)))
		return nil
	}
	for batch := range slices.Chunk(refs, deleteSize) {
		begun := cfg.Now()
		n, err := cfg.Store.Delete(ctx, batch)
		x.Count(int64(n), 0, 0)
		x.Add(string(typ), int64(n))
		if err != nil {
			return err
		}
		if err := rest(ctx, cfg.Now().Sub(begun)); err != nil {
			return err
		}
	}
	return nil
}

// rest leaves the database to others for as long as it was busy, a second at
// most: the clock may have been set.
func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(min(max(d, 0), time.Second))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
