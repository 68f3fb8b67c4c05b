package memrestore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/runs"
)

var _ restore.Store = (*Store)(nil)

// A document is a restore as it is kept, with its items.
type document struct {
	restore.Restore
	items map[inventory.Ref]restore.Item
}

// A question is what an answer is to.
type question struct {
	origin string
	ref    inventory.Ref
}

// Create implements [restore.Documents].
func (s *Store) Create(ctx context.Context, r *restore.Restore) error {
	if r.ID == "" {
		return fmt.Errorf("%w: no ID", restore.ErrInvalid)
	}
	return s.write(ctx, r.Tenant, func(t *tenant) error {
		if t.restores[r.ID] != nil {
			return restore.ErrExists
		}
		r.Revision = 1
		t.restores[r.ID] = &document{Restore: *cloneRestore(r), items: make(map[inventory.Ref]restore.Item)}
		return nil
	})
}

// Get implements [restore.Documents].
func (s *Store) Get(ctx context.Context, name, id string) (r *restore.Restore, err error) {
	err = s.read(ctx, name, func(t *tenant) error {
		d := t.restores[id]
		if d == nil {
			return restore.ErrNotFound
		}
		r = cloneRestore(&d.Restore)
		return nil
	})
	return r, err
}

// Replace implements [restore.Documents].
func (s *Store) Replace(ctx context.Context, r *restore.Restore) error {
	return s.write(ctx, r.Tenant, func(t *tenant) error {
		d := t.restores[r.ID]
		switch {
		case d == nil:
			return restore.ErrNotFound
		case d.Revision != r.Revision:
			return restore.ErrConflict
		}
		r.Revision++
		was := d.Restore
		d.Restore = *cloneRestore(r)
		d.Set, d.CreatedAt, d.CreatedBy, d.RerunOf = was.Set, was.CreatedAt, was.CreatedBy, was.RerunOf
		return nil
	})
}

// List implements [restore.Documents].
func (s *Store) List(ctx context.Context, q restore.Query) (page restore.Page, err error) {
	type position struct {
		At time.Time
		ID string
	}
	compare := func(a, b position) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.ID, a.ID)) }
	at := func(r *restore.Restore) position { return position{r.CreatedAt, r.ID} }
	scope := "restores\x00" + q.Set
	var after position
	if err := decode(q.After, scope, &after); err != nil {
		return page, err
	}
	err = s.read(ctx, q.Tenant, func(t *tenant) error {
		var all []restore.Restore
		for _, d := range t.restores {
			if (q.Set == "" || d.Set == q.Set) && (q.After == "" || compare(at(&d.Restore), after) > 0) {
				r := *cloneRestore(&d.Restore)
				r.Mapping = nil
				all = append(all, r)
			}
		}
		slices.SortFunc(all, func(a, b restore.Restore) int { return compare(at(&a), at(&b)) })
		if n := runs.PageSize(q.Limit); len(all) > n {
			all = all[:n]
			page.Next = encode(scope, at(&all[n-1]))
		}
		page.Restores = all
		return nil
	})
	return page, err
}

// fenced calls f with a restore if the fence is its own.
func (s *Store) fenced(ctx context.Context, name, id string, fence int64, f func(d *document)) error {
	return s.write(ctx, name, func(t *tenant) error {
		d := t.restores[id]
		switch {
		case d == nil:
			return restore.ErrNotFound
		case d.Fence != fence:
			return restore.ErrConflict
		}
		f(d)
		return nil
	})
}

// Clear implements [restore.Journal].
func (s *Store) Clear(ctx context.Context, name, id string, fence int64) error {
	return s.fenced(ctx, name, id, fence, func(d *document) { clear(d.items) })
}

// Put implements [restore.Journal].
func (s *Store) Put(ctx context.Context, name, id string, fence int64, items []restore.Item) error {
	for i := range items {
		if items[i].Kind == "" || items[i].ID == "" {
			return fmt.Errorf("%w: an item without kind or ID", restore.ErrInvalid)
		}
	}
	return s.fenced(ctx, name, id, fence, func(d *document) {
		for _, i := range items {
			d.items[i.Ref] = cloneItem(i)
		}
	})
}

// Items implements [restore.Journal].
func (s *Store) Items(ctx context.Context, q restore.ItemQuery) (page restore.ItemPage, err error) {
	type position struct{ Kind, Fold, ID string }
	compare := func(a, b position) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Fold, b.Fold), cmp.Compare(a.ID, b.ID))
	}
	at := func(i *restore.Item) position { return position{i.Kind, inventory.Fold(i.Name), i.ID} }
	scope := strings.Join([]string{"restore items", q.Restore, q.Kind, fmt.Sprint(q.Decisions), fmt.Sprint(q.Results)}, "\x00")
	var after position
	if err := decode(q.After, scope, &after); err != nil {
		return page, err
	}
	err = s.read(ctx, q.Tenant, func(t *tenant) error {
		d := t.restores[q.Restore]
		if d == nil {
			return nil
		}
		var all []restore.Item
		for _, i := range d.items {
			switch {
			case q.Kind != "" && i.Kind != q.Kind,
				len(q.Decisions) > 0 && !slices.Contains(q.Decisions, i.Decision),
				len(q.Results) > 0 && !slices.Contains(q.Results, i.Result),
				q.After != "" && compare(at(&i), after) <= 0:
			default:
				all = append(all, cloneItem(i))
			}
		}
		slices.SortFunc(all, func(a, b restore.Item) int { return compare(at(&a), at(&b)) })
		if n := runs.PageSize(q.Limit); len(all) > n {
			all = all[:n]
			page.Next = encode(scope, at(&all[n-1]))
		}
		page.Items = all
		return nil
	})
	return page, err
}

// Remember implements [restore.Memory].
func (s *Store) Remember(ctx context.Context, name string, answers []restore.Answer) error {
	for _, a := range answers {
		if a.Origin == "" || a.Kind == "" || a.ID == "" || a.To == "" {
			return fmt.Errorf("%w: an answer to nothing", restore.ErrInvalid)
		}
	}
	return s.write(ctx, name, func(t *tenant) error {
		for _, a := range answers {
			t.answers[question{a.Origin, a.Ref}] = a
		}
		return nil
	})
}

// Recall implements [restore.Memory].
func (s *Store) Recall(ctx context.Context, name, origin string, refs []inventory.Ref) (answers []restore.Answer, err error) {
	err = s.read(ctx, name, func(t *tenant) error {
		asked := make(map[inventory.Ref]bool, len(refs))
		for _, ref := range refs {
			if a, ok := t.answers[question{origin, ref}]; ok && !asked[ref] {
				answers = append(answers, a)
			}
			asked[ref] = true
		}
		return nil
	})
	return answers, err
}

func cloneRestore(r *restore.Restore) *restore.Restore {
	c := *r
	c.Scope.Items = slices.Clone(r.Scope.Items)
	c.Mapping = slices.Clone(r.Mapping)
	for i := range c.Mapping {
		c.Mapping[i].Candidates = slices.Clone(c.Mapping[i].Candidates)
	}
	c.Preview, c.Execution = r.Preview.Clone(), r.Execution.Clone()
	return &c
}

func cloneItem(i restore.Item) restore.Item {
	i.Changes, i.Request = slices.Clone(i.Changes), slices.Clone(i.Request)
	return i
}
