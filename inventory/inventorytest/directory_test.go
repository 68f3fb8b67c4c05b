package inventorytest_test

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/inventory/directory"
	"github.com/tenantatlas/tenantatlas/inventory/inventorytest"
	"github.com/tenantatlas/tenantatlas/inventory/meminventory"
)

// A brokenDirectory does one thing otherwise than it should.
type brokenDirectory struct {
	*meminventory.Directory

	begin  func(ctx context.Context, s *brokenDirectory, r directory.Round) error
	put    func(ctx context.Context, s *brokenDirectory, r directory.Round, p directory.Part) error
	finish func(ctx context.Context, s *brokenDirectory, r directory.Round, link string) (directory.Summary, error)
	lookup func(ctx context.Context, s *brokenDirectory, tenant string, ids []string) (map[string]directory.Group, error)
	list   func(ctx context.Context, s *brokenDirectory, q directory.Query) (directory.Page, error)
	state  func(*directory.State)
	group  func(*directory.Group)

	last directory.Round
}

func (s *brokenDirectory) Begin(ctx context.Context, r directory.Round) error {
	if s.begin != nil {
		return s.begin(ctx, s, r)
	}
	return s.Directory.Begin(ctx, r)
}

func (s *brokenDirectory) Put(ctx context.Context, r directory.Round, p directory.Part) error {
	p.Changes = slices.Clone(p.Changes)
	if s.put != nil {
		return s.put(ctx, s, r, p)
	}
	return s.Directory.Put(ctx, r, p)
}

func (s *brokenDirectory) Finish(ctx context.Context, r directory.Round, link string) (directory.Summary, error) {
	if s.finish != nil {
		return s.finish(ctx, s, r, link)
	}
	return s.Directory.Finish(ctx, r, link)
}

func (s *brokenDirectory) Lookup(ctx context.Context, tenant string, ids []string) (map[string]directory.Group, error) {
	if s.lookup != nil {
		return s.lookup(ctx, s, tenant, ids)
	}
	found, err := s.Directory.Lookup(ctx, tenant, ids)
	for id, g := range found {
		if s.group != nil {
			s.group(&g)
			found[id] = g
		}
	}
	return found, err
}

func (s *brokenDirectory) List(ctx context.Context, q directory.Query) (directory.Page, error) {
	if s.list != nil {
		return s.list(ctx, s, q)
	}
	return s.Directory.List(ctx, q)
}

func (s *brokenDirectory) State(ctx context.Context, tenant string) (directory.State, error) {
	st, err := s.Directory.State(ctx, tenant)
	if s.state != nil {
		s.state(&st)
	}
	return st, err
}

// eachChange changes what comes in.
func eachChange(change func(c *directory.Change)) *brokenDirectory {
	return &brokenDirectory{put: func(ctx context.Context, s *brokenDirectory, r directory.Round, p directory.Part) error {
		for i := range p.Changes {
			change(&p.Changes[i])
		}
		return s.Directory.Put(ctx, r, p)
	}}
}

// eachQuery changes what is asked for.
func eachQuery(change func(q *directory.Query)) *brokenDirectory {
	return &brokenDirectory{list: func(ctx context.Context, s *brokenDirectory, q directory.Query) (directory.Page, error) {
		change(&q)
		return s.Directory.List(ctx, q)
	}}
}

func directorySaboteurs() map[string]*brokenDirectory {
	dropping := func(drop func(g directory.Group) bool) *brokenDirectory {
		return &brokenDirectory{
			lookup: func(ctx context.Context, s *brokenDirectory, tenant string, ids []string) (map[string]directory.Group, error) {
				found, err := s.Directory.Lookup(ctx, tenant, ids)
				for id, g := range found {
					if drop(g) {
						delete(found, id)
					}
				}
				return found, err
			},
			list: func(ctx context.Context, s *brokenDirectory, q directory.Query) (directory.Page, error) {
				page, err := s.Directory.List(ctx, q)
				page.Groups = slices.DeleteFunc(page.Groups, drop)
				return page, err
			},
		}
	}
	return map[string]*brokenDirectory{
		"begin":          {begin: continuing},
		"begin-conflict": {begin: func(context.Context, *brokenDirectory, directory.Round) error { return nil }},
		"put-next": {state: func(st *directory.State) {
			st.Next, _ = url.PathUnescape(st.Next)
		}},
		"put-conflict": {put: func(ctx context.Context, s *brokenDirectory, r directory.Round, p directory.Part) error {
			if st, err := s.Directory.State(ctx, r.Tenant); err == nil && !st.Over() {
				r = st.Round // whoever comes
			}
			return s.Directory.Put(ctx, r, p)
		}},
		"finish-state": {finish: func(ctx context.Context, s *brokenDirectory, r directory.Round, link string) (directory.Summary, error) {
			return s.Directory.Finish(ctx, r, strings.TrimSpace(link))
		}},
		"finish-again": {finish: func(ctx context.Context, s *brokenDirectory, r directory.Round, link string) (directory.Summary, error) {
			if st, err := s.Directory.State(ctx, r.Tenant); err == nil && st.Over() {
				return directory.Summary{}, directory.ErrConflict
			}
			return s.Directory.Finish(ctx, r, link)
		}},
		"finish-conflict": {finish: func(ctx context.Context, s *brokenDirectory, r directory.Round, link string) (directory.Summary, error) {
			if st, err := s.Directory.State(ctx, r.Tenant); err == nil && st.Round.Run != "" {
				r = st.Round // whoever comes
			}
			return s.Directory.Finish(ctx, r, link)
		}},
		"put-fields": eachChange(func(c *directory.Change) { c.Synced = false }),
		"put-last-change": {put: func(ctx context.Context, s *brokenDirectory, r directory.Round, p directory.Part) error {
			slices.Reverse(p.Changes)
			return s.Directory.Put(ctx, r, p)
		}},
		"put-removed": {group: func(g *directory.Group) {
			if g.Missing {
				g.LastSeenAt = g.LastSeenAt.Add(48 * time.Hour) // when it was noticed
			}
		}},
		"put-back": {put: func(ctx context.Context, s *brokenDirectory, r directory.Round, p directory.Part) error {
			p.Changes = slices.DeleteFunc(p.Changes, func(c directory.Change) bool {
				old, err := s.Directory.Lookup(ctx, r.Tenant, []string{c.ID})
				return err == nil && old[c.ID].Missing
			})
			return s.Directory.Put(ctx, r, p)
		}},
		"put-invalid": {put: func(ctx context.Context, s *brokenDirectory, r directory.Round, p directory.Part) error {
			for i := range p.Changes {
				if err := s.Directory.Put(ctx, r, directory.Part{Changes: p.Changes[i : i+1], Next: p.Next}); err != nil {
					return err
				}
			}
			return nil
		}},
		"finish-seen": {group: func(g *directory.Group) { g.LastSeenAt = time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC) }},
		"full-missed": {finish: func(ctx context.Context, s *brokenDirectory, r directory.Round, link string) (directory.Summary, error) {
			_, err := s.Directory.Finish(ctx, r, link)
			return directory.Summary{}, err // nobody hears of it
		}},
		"delta-missed":   {begin: alwaysFull, finish: finishFull},
		"restart-missed": {begin: once},
		"purge":          dropping(func(g directory.Group) bool { return g.Missing && g.ID == "g4" }),
		"purge-first-miss": {lookup: func(ctx context.Context, s *brokenDirectory, tenant string, ids []string) (map[string]directory.Group, error) {
			found, err := s.Directory.Lookup(ctx, tenant, ids)
			st, err2 := s.Directory.State(ctx, tenant)
			for id, g := range found {
				if g.Missing && st.SyncedAt.Sub(g.LastSeenAt) >= directory.PurgeAfter {
					delete(found, id)
				}
			}
			return found, errors.Join(err, err2)
		}},
		"list-order": eachChange(func(c *directory.Change) { c.Name = strings.ReplaceAll(c.Name, "_", "~") }),
		"list-pages": {list: func(ctx context.Context, s *brokenDirectory, q directory.Query) (directory.Page, error) {
			page, err := s.Directory.List(ctx, q)
			if page.Next != "" && len(page.Groups) > 1 {
				page.Groups = page.Groups[1:]
			}
			return page, err
		}},
		"list-grows":      {list: offsets},
		"list-text":       eachQuery(func(q *directory.Query) { q.Text = strings.ReplaceAll(q.Text, "%", "") }),
		"list-text-order": {list: sorted},
		"list-name": {list: func(ctx context.Context, s *brokenDirectory, q directory.Query) (directory.Page, error) {
			if q.Name != "" {
				q.Text, q.Name = q.Name, ""
			}
			return s.Directory.List(ctx, q)
		}},
		"list-bad-cursor": {list: func(ctx context.Context, s *brokenDirectory, q directory.Query) (directory.Page, error) {
			page, err := s.Directory.List(ctx, q)
			if errors.Is(err, directory.ErrBadCursor) {
				q.After = ""
				return s.Directory.List(ctx, q)
			}
			return page, err
		}},
		"lookup": {lookup: func(ctx context.Context, s *brokenDirectory, tenant string, ids []string) (map[string]directory.Group, error) {
			return s.Directory.Lookup(ctx, tenant, ids[:min(len(ids), 1000)])
		}},
		"lookup-case": {lookup: func(ctx context.Context, s *brokenDirectory, tenant string, ids []string) (map[string]directory.Group, error) {
			found, err := s.Directory.Lookup(ctx, tenant, ids)
			for id, g := range found {
				if g.ID != id {
					delete(found, id) // ids are compared byte by byte
				}
			}
			return found, err
		}},
		"tenants": {lookup: func(ctx context.Context, s *brokenDirectory, _ string, ids []string) (map[string]directory.Group, error) {
			return s.Directory.Lookup(ctx, acme, ids)
		}},
		"no-tenant": {begin: func(context.Context, *brokenDirectory, directory.Round) error { return nil }},
		"concurrent": {put: func(ctx context.Context, s *brokenDirectory, r directory.Round, p directory.Part) error {
			if p.Changes[0].ID == "g-2-7" {
				return nil // lost
			}
			return s.Directory.Put(ctx, r, p)
		}},
		"context": {put: func(ctx context.Context, s *brokenDirectory, r directory.Round, p directory.Part) error {
			return s.Directory.Put(context.WithoutCancel(ctx), r, p)
		}},
	}
}

// continuing takes a round that was begun before for one that goes on.
func continuing(ctx context.Context, s *brokenDirectory, r directory.Round) error {
	if st, err := s.Directory.State(ctx, r.Tenant); err == nil && st.Round.Run == r.Run {
		return nil
	}
	return s.Directory.Begin(ctx, r)
}

// once begins rounds as they should be, but counts one that was begun again as
// one.
func once(ctx context.Context, s *brokenDirectory, r directory.Round) error {
	if s.last.Run == r.Run {
		return nil
	}
	s.last = r
	return s.Directory.Begin(ctx, r)
}

// alwaysFull and finishFull take every round for a full one.
func alwaysFull(ctx context.Context, s *brokenDirectory, r directory.Round) error {
	r.Full = true
	return s.Directory.Begin(ctx, r)
}

func finishFull(ctx context.Context, s *brokenDirectory, r directory.Round, link string) (directory.Summary, error) {
	r.Full = true
	return s.Directory.Finish(ctx, r, link)
}

// sorted gives the pages of a search in no order but that of names.
func sorted(ctx context.Context, s *brokenDirectory, q directory.Query) (directory.Page, error) {
	page, err := s.Directory.List(ctx, q)
	slices.SortFunc(page.Groups, func(a, b directory.Group) int {
		return strings.Compare(directory.Fold(a.Name), directory.Fold(b.Name))
	})
	return page, err
}

// offsets counts groups instead of remembering where it was.
func offsets(ctx context.Context, s *brokenDirectory, q directory.Query) (directory.Page, error) {
	n := 0
	if q.After != "" {
		n = 2
	}
	limit := q.PageSize()
	q.After, q.Limit = "", directory.MaxLimit
	page, err := s.Directory.List(ctx, q)
	page.Groups = page.Groups[min(n, len(page.Groups)):]
	if page.Next = ""; len(page.Groups) > limit {
		page.Groups, page.Next = page.Groups[:limit], "2"
	}
	return page, err
}

// TestDirectorySuiteNotices breaks every promise of directories once.
func TestDirectorySuiteNotices(t *testing.T) {
	broken := directorySaboteurs()
	for _, name := range inventorytest.DirectoryPromises() {
		t.Run(name, func(t *testing.T) {
			s := broken[name]
			if s == nil {
				t.Fatal("there is no saboteur")
			}
			s.Directory = meminventory.NewDirectory()
			if text, err := inventorytest.CheckDirectory(t.Context(), name, s); err == nil {
				t.Errorf("a store that breaks it passes: %s", text)
			} else {
				t.Log(err)
			}
		})
		delete(broken, name)
	}
	for name := range broken {
		t.Errorf("saboteur %q has no promise", name)
	}
}
