package restore

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
)

// Config says what restores are made of.
type Config struct {
	// Store keeps restores; Backups and Vault are what they restore from. All
	// three are required to plan and to execute.
	Store   Store
	Backups backup.Store
	Vault   *backup.Vault

	// Finder finds what references could lead to in the target. If nil,
	// nothing is found, and everything has to be answered.
	Finder Finder

	// Target gives access to the tenant that is restored into. If nil, this
	// process plans restores and leaves previews and executions to others.
	Target func(ctx context.Context, tenant string) (Target, error)

	// Window is how long a change at the service may take to be seen
	// everywhere; 0 means 15 minutes. It is how long a restore waits before it
	// believes that an object, whose creation has had no clear answer, was not
	// created. Settle is how long it waits to see what it has written; 0 means
	// a minute.
	Window, Settle time.Duration

	// Emergency is an Entra user or group that every restored Conditional
	// Access policy that is not disabled or report-only has to exclude, so that
	// nobody is locked out. If empty, such policies are restored report-only.
	Emergency string

	// Justification is what a second administrator is told; empty means a
	// sentence with the restore's ID.
	Justification string

	// Timeout and Expected are those of the operations. 0 means no timeout, and
	// 30 minutes.
	Timeout, Expected time.Duration

	// Now reports the time. If nil, time.Now is used.
	Now func() time.Time
}

func (cfg Config) complete() Config {
	if cfg.Window == 0 {
		cfg.Window = 15 * time.Minute
	}
	if cfg.Settle == 0 {
		cfg.Settle = time.Minute
	}
	if cfg.Expected == 0 {
		cfg.Expected = 30 * time.Minute
	}
	if cfg.Finder == nil {
		cfg.Finder = nobody{}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // the documented default
	}
	return cfg
}

// A Finder finds things of a tenant in what is stored about it: groups in the
// directory, others in the inventory. It makes no request to the service. Its
// methods are safe for concurrent use.
type Finder interface {
	// ByID returns the names of those things that there are.
	ByID(ctx context.Context, tenant, kind string, ids []string) (map[string]string, error)

	// ByName returns the things with exactly this name, limit at most, by id.
	ByName(ctx context.Context, tenant, kind, name string, limit int) ([]Candidate, error)
}

type nobody struct{}

func (nobody) ByID(context.Context, string, string, []string) (map[string]string, error) {
	return nil, nil
}

func (nobody) ByName(context.Context, string, string, string, int) ([]Candidate, error) {
	return nil, nil
}

// A Planner makes and changes the documents of restores: the first three of
// their steps. It reads nothing but stores. It is safe for concurrent use.
type Planner struct{ cfg Config }

// NewPlanner returns a Planner, or an error that says what cfg lacks.
func NewPlanner(cfg Config) (*Planner, error) {
	if cfg.Store == nil || cfg.Backups == nil || cfg.Vault == nil {
		return nil, errors.New("restore: Config needs Store, Backups and Vault")
	}
	return &Planner{cfg.complete()}, nil
}

// New creates a restore of a whole set. It reports [ErrNotFound] for a set that
// is not there, [ErrInvalid] for one that has nothing in it, and
// [backup.ErrCorrupt] for one that is damaged.
func (p *Planner) New(ctx context.Context, tenant, set string, by runs.Actor) (*Restore, error) {
	return p.create(ctx, &Restore{Tenant: tenant, Set: set, CreatedBy: by})
}

// NewOfVersion creates a restore of one version of one object. It reports
// [ErrNotFound] for a version that is in no set.
func (p *Planner) NewOfVersion(ctx context.Context, tenant, version string, by runs.Actor) (*Restore, error) {
	v, _, err := p.cfg.Backups.GetVersion(ctx, tenant, version)
	if err != nil {
		return nil, fmt.Errorf("version: %w", err)
	}
	items, err := p.cfg.Backups.VersionsOf(ctx, tenant, v.Kind, v.Object, runs.MaxLimit)
	if err != nil {
		return nil, fmt.Errorf("versions: %w", err)
	}
	for _, i := range items {
		if i.ID == version {
			return p.create(ctx, &Restore{Tenant: tenant, Set: i.Set, CreatedBy: by, Scope: Scope{Items: []inventory.Ref{v.Ref()}}})
		}
	}
	return nil, fmt.Errorf("version: %w", ErrNotFound)
}

// Rerun creates a restore of those items of another one that its execution has
// not finished, with the same mapping. It reports [ErrNotFound], and
// [ErrInvalid] if there is nothing to do again.
func (p *Planner) Rerun(ctx context.Context, tenant, id string, by runs.Actor) (*Restore, error) {
	old, err := p.cfg.Store.Get(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	if !old.executed() {
		return nil, refuse("This restore was not executed.")
	}
	if old.Preview != nil && old.Preview.At.After(old.Execution.At) {
		return nil, refuse("This restore was previewed again since it was executed, so that it has no results. Execute it, or start another one.")
	}
	var left []inventory.Ref
	err = eachItem(ctx, p.cfg.Store, ItemQuery{Tenant: tenant, Restore: id}, func(i *Item) {
		switch {
		case i.Result == Same, i.Result == Skipped:
		case i.Result == Verified && i.AssignmentsReason == "":
		default:
			left = append(left, i.Ref)
		}
	})
	if err != nil {
		return nil, err
	}
	if len(left) == 0 {
		return nil, refuse("Every item of this restore has succeeded.")
	}
	return p.create(ctx, &Restore{
		Tenant: tenant, Set: old.Set, CreatedBy: by, RerunOf: id, Scope: Scope{Items: left}, Mapping: old.Mapping,
	})
}

func (p *Planner) create(ctx context.Context, r *Restore) (*Restore, error) {
	now := runs.Instant(p.cfg.Now())
	r.ID, r.CreatedAt, r.UpdatedAt = strings.ToLower(rand.Text()), now, now
	s, err := p.cfg.Backups.GetSet(ctx, r.Tenant, r.Set)
	if err != nil {
		return nil, fmt.Errorf("backup set: %w", err)
	}
	r.Manifest, r.Origin = s.Manifest, s.Origin
	if r.Origin == "" {
		r.Origin = r.Tenant
	}
	if err := p.cfg.Backups.UseSet(ctx, r.Tenant, r.Set, r.ID, now.Add(useSet)); err != nil {
		return nil, fmt.Errorf("backup set: %w", err)
	}
	err = p.plan(ctx, r)
	if errors.Is(err, ErrNotFound) { // the set is there
		return nil, refuse("There is nothing in the backup set yet. Capture something first.")
	} else if err != nil {
		return nil, err
	}
	if err := p.cfg.Store.Create(ctx, r); err != nil {
		return nil, fmt.Errorf("create restore: %w", err)
	}
	return r, nil
}

// useSet is how long a set is kept for a restore that nobody touches.
const useSet = 30 * 24 * time.Hour

// A Patch changes the plan of a restore. Nil fields change nothing.
type Patch struct {
	Scope   *Scope   `json:"scope,omitempty"`
	Mapping []Choice `json:"mapping,omitempty"`

	// Revision, if not 0, is that of the document that the change was made for.
	Revision int64 `json:"revision,omitempty"`
}

// A Choice answers what stands in the target for something. An empty To without
// Skip takes an answer back.
type Choice struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	To   string `json:"to,omitempty"`
	Skip bool   `json:"skip,omitempty"`
}

// Change changes the scope or the mapping, which makes the last preview stale.
// Answers are remembered for further restores. It reports [ErrNotFound],
// [ErrConflict] if somebody else has changed the restore meanwhile or it is
// being executed, and [ErrInvalid] for a choice that there is not.
func (p *Planner) Change(ctx context.Context, tenant, id string, patch Patch, by runs.Actor) (*Restore, error) {
	r, err := p.cfg.Store.Get(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	if patch.Revision != 0 && patch.Revision != r.Revision {
		return nil, ErrConflict
	}
	if r.executed() {
		return nil, refuse("This restore was executed. Start another one, or a rerun of what is left.")
	}
	if patch.Scope != nil {
		r.Scope = Scope{Items: slices.Clone(patch.Scope.Items)}
		if r.Scope.Items != nil {
			slices.SortFunc(r.Scope.Items, compareRefs)
			if r.Scope.Items = slices.Compact(r.Scope.Items); len(r.Scope.Items) == 0 {
				return nil, refuse("Nothing is selected. Choose at least one item.")
			}
		}
	}
	for _, c := range patch.Mapping {
		if err := p.choose(ctx, r, c, by); err != nil {
			return nil, err
		}
	}
	if err := p.plan(ctx, r); err != nil {
		return nil, err
	}
	r.UpdatedAt = runs.Instant(p.cfg.Now())
	if err := p.cfg.Store.Replace(ctx, r); err != nil {
		return nil, fmt.Errorf("update restore: %w", err)
	}
	return r, p.cfg.Backups.UseSet(ctx, tenant, r.Set, r.ID, r.UpdatedAt.Add(useSet))
}

// choose applies an answer.
func (p *Planner) choose(ctx context.Context, r *Restore, c Choice, by runs.Actor) error {
	i := slices.IndexFunc(r.Mapping, func(m Mapping) bool { return mappingKey(m.Kind, m.ID) == mappingKey(c.Kind, c.ID) })
	if i < 0 || r.Mapping[i].State == InSet || r.Mapping[i].State == Everywhere {
		return refuse("There is nothing of that kind and ID to map.")
	}
	if c.To != "" && c.Skip {
		return refuse("An answer names a counterpart or skips, not both.")
	}
	m := &r.Mapping[i]
	if c.To == "" && !c.Skip {
		*m = Mapping{Kind: m.Kind, ID: m.ID, Name: m.Name}
		return nil
	}
	if c.To != "" {
		there, err := p.cfg.Finder.ByID(ctx, r.Tenant, c.Kind, []string{c.To})
		if err != nil {
			return fmt.Errorf("find: %w", err)
		}
		if _, ok := there[c.To]; !ok {
			return refuse("What was chosen is not known in this tenant. Sync its groups or its inventory, then choose again.")
		}
	}
	m.State, m.To, m.Skip, m.Candidates = Answered, c.To, c.Skip, nil
	m.By, m.At = by, runs.Instant(p.cfg.Now())
	if m.To == "" {
		return nil
	}
	answer := Answer{Origin: r.Origin, Ref: mappingKey(m.Kind, m.ID), To: m.To, By: by, At: m.At}
	if err := p.cfg.Store.Remember(ctx, r.Tenant, []Answer{answer}); err != nil {
		return fmt.Errorf("remember: %w", err)
	}
	return nil
}

func refuse(message string) error {
	return fmt.Errorf("%w: %w", ErrInvalid, runs.Public(nil, runs.ReasonInvalidInput, message))
}

func compareRefs(a, b inventory.Ref) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
}

// eachItem calls do with every item that matches q.
func eachItem(ctx context.Context, s Journal, q ItemQuery, do func(i *Item)) error {
	q.Limit = runs.MaxLimit
	for {
		page, err := s.Items(ctx, q)
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
