package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A job is what previews and executions share: a restore, the items that it is
// about, and the tenant that they go to.
type job struct {
	cfg      Config
	x        *runs.Exec
	r        *Restore
	target   Target
	items    []*entry // by tier, kind and id
	byRef    map[inventory.Ref]*entry
	left     []inventory.Ref // items of the set that it is not about
	mappings map[inventory.Ref]*Mapping
	live     map[string]*living // by kind

	// mu protects the Object of all entries: those that depend on another one
	// look at it while it is written.
	mu sync.Mutex
}

// An entry is an item under way.
type entry struct {
	Item
	typ     *contract.Type
	line    backup.ManifestItem
	summary contract.Summary // of the content
	id      contract.Identity
	needs   bool     // input, for secrets
	refers  []*entry // to these items
	serial  int      // when it is written, where its kind is written one by one
}

// open loads a restore and what it restores from.
func (cfg Config) open(ctx context.Context, x *runs.Exec, id string) (*job, error) {
	tenant := x.Run().Tenant
	r, err := cfg.Store.Get(ctx, tenant, id)
	if errors.Is(err, ErrNotFound) {
		return nil, runs.Public(err, runs.ReasonNotFound, "There is no such restore.")
	} else if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	m, err := backup.Check(ctx, cfg.Backups, cfg.Vault, tenant, r.Set)
	if err != nil {
		return nil, damaged(err)
	}
	j := &job{cfg: cfg, x: x, r: r, byRef: make(map[inventory.Ref]*entry), mappings: make(map[inventory.Ref]*Mapping)}
	for i := range r.Mapping {
		j.mappings[mappingKey(r.Mapping[i].Kind, r.Mapping[i].ID)] = &r.Mapping[i]
	}
	scope := scopeOf(r, m)
	for _, line := range m.Items {
		if scope[line.Ref()] {
			e := &entry{Item: Item{Ref: line.Ref(), Version: line.Version, Step: Planned}, line: line}
			e.typ, _ = contract.Lookup(line.Kind)
			j.items = append(j.items, e)
			j.byRef[e.Ref] = e
		} else {
			j.left = append(j.left, line.Ref())
		}
	}
	slices.SortStableFunc(j.items, func(a, b *entry) int { return a.tier() - b.tier() })
	if j.target, err = cfg.Target(ctx, tenant); err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	return j, nil
}

// tier is when the item is written, lowest first.
func (e *entry) tier() int {
	if e.typ == nil {
		return 0
	}
	return e.typ.Order
}

// damaged declares what may be shown of an error about a backup.
func damaged(err error) error {
	switch {
	case errors.Is(err, backup.ErrCorrupt):
		return runs.Public(err, backup.ReasonDamaged, "The backup is not what was captured. Nothing is restored from it.")
	case errors.Is(err, ErrNotFound):
		return runs.Public(err, runs.ReasonNotFound, "The backup set is not there any more.")
	}
	return err
}

// payload opens what was captured of an item.
func (j *job) payload(ctx context.Context, e *entry) (*backup.Payload, error) {
	return backup.Open(ctx, j.cfg.Backups, j.cfg.Vault, j.r.Tenant, e.line)
}

// describe works out what is known of an item without looking at the target.
func (j *job) describe(ctx context.Context, e *entry) error {
	p, err := j.payload(ctx, e)
	if errors.Is(err, backup.ErrCorrupt) {
		e.decide(Blocked, backup.ReasonDamaged, "What was captured of this object has changed.")
		return nil
	} else if err != nil {
		return err
	}
	e.Name = p.Name
	if e.typ == nil {
		e.decide(Skip, runs.ReasonUnsupported, "Nothing is known of this kind of object.")
		return nil
	}
	if e.summary, err = e.typ.Summarize(p.Content); err != nil {
		e.decide(Blocked, backup.ReasonDamaged, "What was captured is no object.")
		return nil //nolint:nilerr // it is said with the item
	}
	e.summary.OData = p.OData
	e.id = e.typ.IdentityOf(p.Content, e.summary)
	if reason := unsupported(e.typ, p); reason != "" {
		e.decide(Skip, runs.ReasonUnsupported, reason)
	}
	e.needs = slices.ContainsFunc(p.Secrets, backup.Secret.NeedsInput)
	for _, ref := range p.References {
		if to := j.byRef[inventory.Ref{Kind: ref.Kind, ID: ref.ID}]; to != nil {
			e.refers = append(e.refers, to)
		}
	}
	return nil
}

// unsupported says why an object is not restored, whatever the target has; empty if
// it is.
func unsupported(t *contract.Type, p *backup.Payload) string {
	support, reason := p.Support()
	if support == contract.Restorable {
		return ""
	}
	if t.Write.Support != contract.Restorable {
		return "Objects of this kind are not restored: " + reason + "."
	}
	return "This object is not restored: " + reason + "."
}

// decide sets what is to be done with the item.
func (e *entry) decide(d Decision, reason runs.Reason, message string) {
	e.Decision, e.Reason, e.Message = d, reason, message
}

// key is the item's among the items of the run.
func (e *entry) key() string { return e.Kind + "/" + e.ID }
