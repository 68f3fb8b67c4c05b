package inventory

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/runs"
)

// SyncType is the type of the runs that fill the inventory. Their params are
// a [Selection].
const SyncType runs.Type = "inventory.sync"

// The names of the figures that a sync has besides its kinds; see
// [runs.Counts].
const (
	CountObjects   = "objects"   // seen
	CountNew       = "new"       // of them, for the first time
	CountChanged   = "changed"   // in content or assignments
	CountUnchanged = "unchanged" // neither
	CountRepeated  = "repeated"  // came more than once in a list
)

// Config says how syncs are done.
type Config struct {
	// Source gives access to a tenant, with the application's own rights; its
	// error ends the run. Store keeps what is found. If one of them is nil,
	// this process can start syncs and leaves their execution to others.
	Source func(ctx context.Context, tenant string) (Source, error)
	Store  Store

	// Collections are paths of further collections, which the contract does
	// not have. They are listed and kept raw, as the kinds of
	// [contract.Unknown].
	Collections []string

	// FullRead is after how long everything is read whole again, and not only
	// what has moved: not every change moves an object's time of modification.
	// 0 means a day, negative means every time.
	FullRead time.Duration

	// Parallel is how many collections are listed at a time; 0 means 8. The
	// Source paces the requests; more than there are service buckets gains
	// nothing.
	Parallel int

	// Timeout and Expected are those of the operation. 0 means no timeout, and
	// 15 minutes.
	Timeout, Expected time.Duration

	// Now reports the time. If nil, time.Now is used.
	Now func() time.Time
}

// Operation returns the operation "inventory.sync". Its runs count kinds: one
// succeeds if all its objects were listed and read, fails with the reason if
// not, and is skipped if the tenant has no such collection. Two syncs with the
// same selection are the same run, so that a tenant is never enumerated twice
// at a time; see [Selection.Complete] for what is the same.
func Operation(cfg Config) runs.Operation {
	if cfg.FullRead == 0 {
		cfg.FullRead = 24 * time.Hour
	}
	if cfg.Parallel <= 0 {
		cfg.Parallel = 8
	}
	if cfg.Expected == 0 {
		cfg.Expected = 15 * time.Minute
	}
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // the documented default
	}
	spec := runs.Spec[Selection]{
		Type:        SyncType,
		Label:       "Inventory sync",
		Description: "Lists the policies, apps and settings of the tenant and notes what is new, changed or missing.",
		Prepare:     cfg.prepare,
		Context:     Selection.facts,
		Timeout:     cfg.Timeout,
		Expected:    cfg.Expected,
	}
	if cfg.Source != nil && cfg.Store != nil {
		spec.Handle = cfg.sync
	}
	return spec.Operation()
}

// prepare completes a selection before its run is keyed and stored.
func (cfg Config) prepare(_ context.Context, _ string, s *Selection) error {
	complete, err := s.Complete()
	if err != nil {
		return err
	}
	for _, kind := range complete.PolicyTypes {
		if path, unknown := strings.CutPrefix(kind, unknownPrefix); unknown && !slices.Contains(cfg.Collections, path) {
			return refuse("The selection names a collection that is not configured", "")
		}
	}
	*s = complete
	return nil
}

// types returns what s selects, from the contract and from Collections.
func (cfg Config) types(s Selection) []*contract.Type {
	types := s.Kinds()
	for _, path := range cfg.Collections {
		if t := contract.Unknown(path); s.selects(t) {
			types = append(types, t)
		}
	}
	return types
}
