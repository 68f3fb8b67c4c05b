package meminventory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/tenantatlas/tenantatlas/inventory/directory"
)

var _ directory.Store = (*Directory)(nil)

// A Directory is a [directory.Store] in memory. The zero value is empty and
// ready. It must not be copied.
type Directory struct {
	mu      sync.Mutex
	tenants map[string]*groups
}

// NewDirectory returns an empty Directory.
func NewDirectory() *Directory { return new(Directory) }

// groups are those of a tenant.
type groups struct {
	state  directory.State
	byID   map[string]*groupRecord
	sorted []*groupRecord // by folded name and id; nil after a change
}

// A groupRecord is a group as it is kept. LastSeenAt of one that is not
// missing can be older than the last sync, which has known of it all the same.
type groupRecord struct {
	directory.Group
	fold   string
	missed time.Time // the round since which it is missing
}

// show returns r for somebody else, with what is derived.
func (g *groups) show(r *groupRecord) directory.Group {
	shown := r.Group
	if !r.Missing && g.state.SyncedAt.After(shown.LastSeenAt) {
		shown.LastSeenAt = g.state.SyncedAt
	}
	return shown
}

// of calls f with the groups of a tenant while nobody else does anything.
func (d *Directory) of(ctx context.Context, tenant string, f func(g *groups) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.tenants[tenant]
	if g == nil {
		g = &groups{byID: make(map[string]*groupRecord)}
	}
	return f(g)
}

// change calls f with the groups of a round's tenant.
func (d *Directory) change(ctx context.Context, r directory.Round, f func(g *groups) error) error {
	return d.of(ctx, r.Tenant, func(g *groups) error {
		if r.Tenant == "" || r.Run == "" {
			return fmt.Errorf("%w: a round without a tenant or a run", directory.ErrInvalid)
		}
		if d.tenants == nil {
			d.tenants = make(map[string]*groups)
		}
		d.tenants[r.Tenant] = g
		return f(g)
	})
}

// Lookup implements [directory.Cache].
func (d *Directory) Lookup(ctx context.Context, tenant string, ids []string) (map[string]directory.Group, error) {
	found := make(map[string]directory.Group)
	err := d.of(ctx, tenant, func(g *groups) error {
		for _, id := range ids {
			if r := g.byID[id]; r != nil {
				found[id] = g.show(r)
			}
		}
		for _, s := range directory.Respelled(ids, found) {
			if r := g.byID[s.ID]; r != nil {
				found[s.Asked] = g.show(r)
			}
		}
		return nil
	})
	return found, err
}

// State implements [directory.Cache].
func (d *Directory) State(ctx context.Context, tenant string) (s directory.State, err error) {
	err = d.of(ctx, tenant, func(g *groups) error {
		s = g.state
		return nil
	})
	return s, err
}

// A groupPlace is a position in the list of groups: first come those that begin
// with what is searched for.
type groupPlace struct {
	Rest     bool
	Fold, ID string
}

// List implements [directory.Cache].
func (d *Directory) List(ctx context.Context, q directory.Query) (directory.Page, error) {
	var page directory.Page
	filter := fmt.Sprintf("groups %q %q %q", q.Tenant, q.Text, q.Name)
	var after groupPlace
	if err := position(q.After, filter, &after); err != nil {
		return page, err
	}
	text := directory.Fold(q.Text)
	err := d.of(ctx, q.Tenant, func(g *groups) error {
		for _, rest := range []bool{false, true} {
			if text == "" && !rest || after.Rest && !rest {
				continue
			}
			at := groupPlace{Rest: rest}
			if after.Rest == rest {
				at = after
			}
			for _, r := range g.from(at) {
				if text != "" && (strings.HasPrefix(r.fold, text) == rest || !strings.Contains(r.fold, text) && !strings.HasPrefix(strings.ToLower(r.ID), text)) ||
					q.Name != "" && r.Name != q.Name {
					continue
				}
				if len(page.Groups) == q.PageSize() {
					page.Next = cursor(filter, after)
					return nil
				}
				page.Groups = append(page.Groups, g.show(r))
				after = groupPlace{rest, r.fold, r.ID}
			}
		}
		return nil
	})
	return page, err
}

// from returns the records in order and behind a position.
func (g *groups) from(at groupPlace) []*groupRecord {
	if g.sorted == nil {
		for _, r := range g.byID {
			g.sorted = append(g.sorted, r)
		}
		slices.SortFunc(g.sorted, func(a, b *groupRecord) int {
			return cmp.Or(cmp.Compare(a.fold, b.fold), cmp.Compare(a.ID, b.ID))
		})
	}
	if at.ID == "" {
		return g.sorted
	}
	return g.sorted[sort.Search(len(g.sorted), func(i int) bool {
		r := g.sorted[i]
		return r.fold > at.Fold || r.fold == at.Fold && r.ID > at.ID
	}):]
}

// Begin implements [directory.Store].
func (d *Directory) Begin(ctx context.Context, r directory.Round) error {
	return d.change(ctx, r, func(g *groups) error {
		if !g.state.Follows(r) {
			return directory.ErrConflict
		}
		g.state.Round, g.state.Next, g.state.Groups, g.state.Removed = r, "", 0, 0
		return nil
	})
}

// Put implements [directory.Store].
func (d *Directory) Put(ctx context.Context, r directory.Round, p directory.Part) error {
	records, err := directory.Records(p.Changes)
	if err != nil {
		return err
	}
	return d.change(ctx, r, func(g *groups) error {
		if !g.state.Runs(r) {
			return directory.ErrConflict
		}
		for i := range records {
			g.put(&records[i])
		}
		g.state.Next = p.Next
		g.sorted = nil
		return nil
	})
}

func (g *groups) put(c *directory.Record) {
	if c.Removed {
		g.state.Removed++
		if old := g.byID[c.ID]; old != nil && !old.Missing {
			g.miss(old)
		}
		return
	}
	g.state.Groups++
	r := &groupRecord{Group: c.Group, fold: c.Fold}
	r.LastSeenAt, r.Missing = g.state.Round.At, false
	g.byID[c.ID] = r
}

// miss makes a group missing, which keeps when it was last seen.
func (g *groups) miss(r *groupRecord) {
	r.Group = g.show(r)
	r.Missing, r.missed = true, g.state.Round.At
}

// purgeBatch is how many groups are forgotten at a time.
const purgeBatch = 10_000

// Finish implements [directory.Store].
func (d *Directory) Finish(ctx context.Context, r directory.Round, link string) (sum directory.Summary, err error) {
	err = d.change(ctx, r, func(g *groups) error {
		s := &g.state
		if s.Round.Run != r.Run || s.Round.Full != r.Full {
			return directory.ErrConflict
		}
		if s.Over() {
			return nil
		}
		at := s.Round.At
		for id, old := range g.byID {
			switch {
			case !old.Missing && r.Full && old.LastSeenAt.Before(at):
				g.miss(old)
				sum.Missed++
			case old.Missing && old.missed.Before(at) && at.Sub(old.LastSeenAt) >= directory.PurgeAfter && sum.Purged < purgeBatch:
				delete(g.byID, id)
				sum.Purged++
			}
		}
		s.SyncedAt, s.Link, s.Next = at, link, ""
		if r.Full {
			s.FullAt = at
		}
		g.sorted = nil
		return nil
	})
	return sum, err
}
