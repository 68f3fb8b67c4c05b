package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/internal/parallel"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A job is the execution of one sync.
type job struct {
	cfg    Config
	x      *runs.Exec
	sync   Sync
	source Source
	links  bool // whether to extract links
	keeper keeper

	mu       sync.Mutex
	covered  int           // kinds that succeeded
	failures []runs.Reason // of the kinds that failed
}

// sync executes a run. An error that it returns means that the run could not
// go on; what concerns single kinds is reported to x.
func (cfg Config) sync(ctx context.Context, x *runs.Exec, s Selection) error {
	run := x.Run()
	hash, err := s.Hash()
	if err != nil {
		return err
	}
	source, err := cfg.Source(ctx, run.Tenant)
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	j := &job{
		cfg:    cfg,
		x:      x,
		sync:   Sync{Tenant: run.Tenant, Run: run.ID, Selection: hash},
		source: source,
		links:  s.links(),
		keeper: newKeeper(),
	}
	types := cfg.types(s)
	x.Total(int64(len(types)))
	if err := j.resume(ctx); err != nil {
		return err
	}
	if err := j.collect(ctx, types); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return err
	}
	if err := cfg.Store.Finish(ctx, j.sync, runs.Instant(cfg.Now())); err != nil {
		return fmt.Errorf("finish: %w", err)
	}
	x.Note("covered", fmt.Sprintf("%d of %d kinds", j.covered, len(types)))
	return j.verdict()
}

// resume takes over the figures of what an earlier attempt has done.
func (j *job) resume(ctx context.Context) error {
	if j.x.Run().Attempt < 2 {
		return nil
	}
	report, err := j.cfg.Store.Coverage(ctx, CoverageQuery{Tenant: j.sync.Tenant, Run: j.sync.Run})
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("resume: %w", err)
	}
	for _, c := range report.Kinds {
		if !j.x.Done(c.Kind) {
			continue
		}
		j.count(c)
		j.settled(c)
	}
	return nil
}

// collect lists every collection that holds objects of the types, several at
// a time and those of different service buckets first.
func (j *job) collect(ctx context.Context, types []*contract.Type) error {
	var left []*contract.Type
	kinds := make(map[string]*kind)
	for _, t := range types {
		if !j.x.Done(t.Key) {
			left = append(left, t)
			kinds[t.Key] = newKind(j, t)
		}
	}
	var work []*collection // whole before the first begins: kinds count theirs
	for _, c := range Collections(left) {
		work = append(work, newCollection(j, c, kinds))
	}
	g, ctx := parallel.WithContext(ctx)
	g.SetLimit(j.cfg.Parallel)
	for _, c := range work {
		g.Go(func() error { return c.sync(ctx) })
	}
	return g.Wait()
}

// settled remembers how a kind has ended.
func (j *job) settled(c Coverage) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch c.Status {
	case runs.ItemSucceeded:
		j.covered++
	case runs.ItemFailed:
		j.failures = append(j.failures, c.Reason)
	case runs.ItemSkipped:
	}
}

// count adds figures to those of the run.
func (j *job) count(c Coverage) {
	for name, n := range map[string]int{
		CountObjects: c.Objects, CountNew: c.New, CountChanged: c.Changed,
		CountUnchanged: c.Unchanged, CountRepeated: c.Repeated,
	} {
		if n > 0 || name == CountObjects {
			j.x.Add(name, int64(n))
		}
	}
}

// verdict gives the run as a whole the reason that all its kinds share, when
// none of them succeeded: nobody should have to look through 66 equal ones.
func (j *job) verdict() error {
	if j.covered > 0 || len(j.failures) == 0 {
		return nil
	}
	reason := j.failures[0]
	if slices.ContainsFunc(j.failures, func(r runs.Reason) bool { return r != reason }) {
		return nil
	}
	return runs.Public(nil, reason, "")
}
