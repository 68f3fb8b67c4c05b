package backup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/internal/parallel"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A job is the execution of one run that adds to a set.
type job struct {
	cfg    Config
	x      *runs.Exec
	run    *runs.Run
	set    *Set
	in     AddInput
	source inventory.Source
	at     time.Time

	chosen map[inventory.Ref]bool // nil if everything is asked for
	have   map[inventory.Ref]bool // what the set had when the run began; false for what is only staged

	mu     sync.Mutex
	kinds  map[string]*kind
	listed int
}

// A kind is what a job knows of one kind.
type kind struct {
	*contract.Type
	report KindReport
	seen   map[string]bool
	open   int   // collections that are not listed to their end
	lists  int   // collections in all
	absent int   // collections that the tenant does not have
	err    error // why the kind could not be listed
}

func (cfg Config) add(ctx context.Context, x *runs.Exec, in AddInput) error {
	j := &job{cfg: cfg, x: x, run: x.Run(), in: in, at: runs.Instant(cfg.Now()), kinds: make(map[string]*kind)}
	var err error
	if j.set, err = cfg.Store.GetSet(ctx, j.run.Tenant, in.Set); err != nil {
		return public("set", err)
	}
	if j.source, err = cfg.Source(ctx, j.run.Tenant); err != nil {
		return fmt.Errorf("source: %w", err)
	}
	j.have = make(map[inventory.Ref]bool)
	for _, staged := range []bool{true, false} {
		err := eachItem(ctx, cfg.Store, ItemQuery{Tenant: j.run.Tenant, Set: in.Set, Staged: staged}, func(i *Item) { j.have[i.Ref()] = !staged })
		if err != nil {
			return err
		}
	}
	if !in.All {
		j.chosen = make(map[inventory.Ref]bool, len(in.Items))
		for _, ref := range in.Items {
			j.chosen[ref] = true
		}
		x.Total(int64(len(in.Items)))
	}
	if err := j.collect(ctx); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return err
	}
	reports := j.settle()
	x.Total(int64(j.listed))
	return cfg.seal(ctx, j.set, reports, j.run.Initiator, j.run.ID)
}

// public keeps a missing set apart from a store that cannot be reached.
func public(what string, err error) error {
	if errors.Is(err, ErrNotFound) {
		return runs.Public(err, runs.ReasonNotFound, "The backup set is not there any more.")
	}
	return fmt.Errorf("%s: %w", what, err)
}

// eachItem calls do with every item that matches q.
func eachItem(ctx context.Context, s Versions, q ItemQuery, do func(i *Item)) error {
	q.Limit = runs.MaxLimit
	for {
		page, err := s.ListItems(ctx, q)
		if err != nil {
			return fmt.Errorf("list items: %w", err)
		}
		for i := range page.Items {
			do(&page.Items[i])
		}
		if q.After = page.Next; q.After == "" {
			return nil
		}
	}
}

// collect lists every collection that holds objects which are asked for.
func (j *job) collect(ctx context.Context) error {
	for _, t := range j.in.types() {
		j.kinds[t.Key] = &kind{
			Type: t, seen: make(map[string]bool),
			report: KindReport{Kind: t.Key, Run: j.run.ID, At: j.at, Whole: j.in.All},
		}
	}
	collections := inventory.Collections(j.in.types())
	for _, c := range collections {
		for _, t := range c.Types {
			if k := j.kinds[t.Key]; k != nil {
				k.open++
				k.lists++
			}
		}
	}
	g, ctx := parallel.WithContext(ctx)
	g.SetLimit(j.cfg.Parallel)
	for _, c := range collections {
		g.Go(func() error { return j.list(ctx, c) })
	}
	return g.Wait()
}

// list reads one collection, and captures what is asked for. Its error means
// that the run cannot go on.
func (j *job) list(ctx context.Context, c *contract.Collection) error {
	work, wctx := parallel.WithContext(ctx)
	work.SetLimit(chunksAhead)
	var next chunk
	most := contract.MaxBatch // at first, so that reading begins with the first page
	flush := func() {
		full := next
		next = chunk{}
		most = min(2*most, chunkWeight)
		if len(full.wants) > 0 {
			work.Go(func() error { return j.capture(wctx, full) })
		}
	}
	pages := 0
	var listErr error
	for page, err := range j.source.List(wctx, c) {
		if err != nil {
			listErr = err
			break
		}
		pages++
		for _, listed := range page.Objects {
			if w, ok := j.accept(c, listed); ok {
				next.add(w, listed)
			}
			if next.full(most) {
				flush()
			}
		}
	}
	flush()
	if err := work.Wait(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	j.listedTo(c, pages, listErr)
	return nil
}

// Sizes of what is worked on at a time, as a sync has them.
const (
	chunkWeight = 80
	chunkBytes  = 1 << 20
	chunksAhead = 2
)

// A chunk is objects that are read together.
type chunk struct {
	wants         []want
	weight, bytes int
}

// A want is an object that is to be captured.
type want struct {
	inventory.Want
	ref     inventory.Ref
	summary contract.Summary
}

func (c *chunk) add(w want, at inventory.Listed) {
	c.wants = append(c.wants, w)
	c.weight += 1 + max(w.summary.Count, 0)/25
	c.bytes += len(at.Doc)
}

func (c *chunk) full(weight int) bool { return c.weight >= weight || c.bytes >= chunkBytes }

// accept reports whether an object is to be captured, and what it takes to read
// it.
func (j *job) accept(c *contract.Collection, at inventory.Listed) (want, bool) {
	t := c.Types[0]
	if len(c.Types) > 1 {
		t = c.Classify(contract.Text(contract.Member(at.Doc, "@odata.type")))
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	k := j.kinds[t.Key]
	if k == nil {
		return want{}, false
	}
	s, err := t.Summarize(at.Doc)
	id := inventory.ItemID(t, c.List, s.ID)
	if err != nil || id == "" {
		k.err = runs.Public(err, runs.ReasonBadResponse, "The service listed an object that is none, or has no ID that can be used.")
		return want{}, false
	}
	if k.seen[id] {
		return want{}, false
	}
	k.seen[id] = true
	k.report.Listed++
	ref := inventory.Ref{Kind: t.Key, ID: id}
	published, have := j.have[ref]
	switch {
	case j.chosen != nil && !j.chosen[ref]:
		return want{}, false
	case published:
		j.listed++
		j.x.Skip(keyOf(ref), ReasonPresent)
		return want{}, false
	case have: // an attempt that was killed has captured it, and could not say so
		j.listed++
		j.x.Succeed(keyOf(ref))
		return want{}, false
	}
	j.listed++
	return want{inventory.NewWant(t, c.List, at, s), ref, s}, true
}

// keyOf is the key of an object among the items of a run.
func keyOf(ref inventory.Ref) string { return ref.Kind + "/" + ref.ID }

// listedTo notes that a collection was listed as far as it goes.
func (j *job) listedTo(c *contract.Collection, pages int, listErr error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, t := range c.Types {
		k := j.kinds[t.Key]
		if k == nil {
			continue
		}
		k.open--
		k.report.Pages += pages
		switch {
		case errors.Is(listErr, inventory.ErrNoCollection):
			k.absent++
		case listErr != nil && k.err == nil:
			k.err = fmt.Errorf("list %s: %w", c.Path, listErr)
		}
	}
}

// settle reports what was asked for and was not there, and returns how each kind
// was captured.
func (j *job) settle() []KindReport {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, ref := range j.in.Items {
		k := j.kinds[ref.Kind]
		if k.seen[ref.ID] {
			continue
		}
		j.listed++
		err := k.err
		if err == nil {
			err = runs.Public(nil, runs.ReasonNotFound, "The tenant does not have this object.")
		}
		j.lack(k, ref, err)
	}
	var reports []KindReport
	for _, key := range slices.Sorted(maps.Keys(j.kinds)) {
		k := j.kinds[key]
		k.report.Absent = k.lists > 0 && k.absent == k.lists
		if k.err != nil && j.in.All {
			f, _ := runs.FailureOf(k.err)
			k.report.Reason = f.Reason
			j.listed++
			j.x.Fail(key, k.err)
		}
		reports = append(reports, k.report)
	}
	return reports
}

// lack notes that an object could not be captured. The caller holds mu.
func (j *job) lack(k *kind, ref inventory.Ref, err error) {
	f, _ := runs.FailureOf(err)
	k.report.Missing = append(k.report.Missing, Missing{ID: ref.ID, Reason: f.Reason})
	j.x.Fail(keyOf(ref), err)
}
