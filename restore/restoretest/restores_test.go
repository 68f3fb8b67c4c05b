package restoretest_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/memrestore"
	"github.com/tenantatlas/tenantatlas/restore/restoretest"
)

// A broken store of restores does one thing otherwise than it should.
type brokenRestores struct {
	*memrestore.Store

	create   func(ctx context.Context, s *brokenRestores, r *restore.Restore) error
	doc      func(r *restore.Restore)
	get      func(ctx context.Context, s *brokenRestores, tenant, id string) (*restore.Restore, error)
	replace  func(ctx context.Context, s *brokenRestores, r *restore.Restore) error
	list     func(ctx context.Context, s *brokenRestores, q restore.Query) (restore.Page, error)
	clear    func(ctx context.Context, s *brokenRestores, tenant, id string, fence int64) error
	put      func(ctx context.Context, s *brokenRestores, tenant, id string, fence int64, items []restore.Item) error
	items    func(ctx context.Context, s *brokenRestores, q restore.ItemQuery) (restore.ItemPage, error)
	remember func(ctx context.Context, s *brokenRestores, tenant string, answers []restore.Answer) error
	recall   func(ctx context.Context, s *brokenRestores, tenant, origin string, refs []inventory.Ref) ([]restore.Answer, error)

	mu   sync.Mutex
	last []restore.Item
}

func (s *brokenRestores) Create(ctx context.Context, r *restore.Restore) error {
	if s.create != nil {
		return s.create(ctx, s, r)
	}
	return s.Store.Create(ctx, r)
}

func (s *brokenRestores) Get(ctx context.Context, tenant, id string) (*restore.Restore, error) {
	if s.get != nil {
		return s.get(ctx, s, tenant, id)
	}
	r, err := s.Store.Get(ctx, tenant, id)
	if err == nil && s.doc != nil {
		s.doc(r)
	}
	return r, err
}

func (s *brokenRestores) Replace(ctx context.Context, r *restore.Restore) error {
	if s.replace != nil {
		return s.replace(ctx, s, r)
	}
	return s.Store.Replace(ctx, r)
}

func (s *brokenRestores) List(ctx context.Context, q restore.Query) (restore.Page, error) {
	if s.list != nil {
		return s.list(ctx, s, q)
	}
	return s.Store.List(ctx, q)
}

func (s *brokenRestores) Clear(ctx context.Context, tenant, id string, fence int64) error {
	if s.clear != nil {
		return s.clear(ctx, s, tenant, id, fence)
	}
	return s.Store.Clear(ctx, tenant, id, fence)
}

func (s *brokenRestores) Put(ctx context.Context, tenant, id string, fence int64, items []restore.Item) error {
	if s.put != nil {
		return s.put(ctx, s, tenant, id, fence, slices.Clone(items))
	}
	return s.Store.Put(ctx, tenant, id, fence, items)
}

func (s *brokenRestores) Items(ctx context.Context, q restore.ItemQuery) (restore.ItemPage, error) {
	if s.items != nil {
		return s.items(ctx, s, q)
	}
	return s.Store.Items(ctx, q)
}

func (s *brokenRestores) Remember(ctx context.Context, tenant string, answers []restore.Answer) error {
	if s.remember != nil {
		return s.remember(ctx, s, tenant, answers)
	}
	return s.Store.Remember(ctx, tenant, answers)
}

func (s *brokenRestores) Recall(ctx context.Context, tenant, origin string, refs []inventory.Ref) ([]restore.Answer, error) {
	if s.recall != nil {
		return s.recall(ctx, s, tenant, origin, refs)
	}
	return s.Store.Recall(ctx, tenant, origin, refs)
}

// eachDoc changes documents on their way out.
func eachDoc(change func(r *restore.Restore)) *brokenRestores { return &brokenRestores{doc: change} }

// eachPut changes items on their way in.
func eachPut(change func(i *restore.Item)) *brokenRestores {
	return &brokenRestores{put: func(ctx context.Context, s *brokenRestores, tenant, id string, fence int64, items []restore.Item) error {
		for i := range items {
			change(&items[i])
		}
		return s.Store.Put(ctx, tenant, id, fence, items)
	}}
}

func eachList(list func(ctx context.Context, s *brokenRestores, q restore.Query) (restore.Page, error)) *brokenRestores {
	return &brokenRestores{list: list}
}

func eachEntry(list func(ctx context.Context, s *brokenRestores, q restore.ItemQuery) (restore.ItemPage, error)) *brokenRestores {
	return &brokenRestores{items: list}
}

func documentSaboteurs() map[string]*brokenRestores {
	return map[string]*brokenRestores{
		"create-then-get": eachDoc(func(r *restore.Restore) { r.Fence = 0 }),
		"create-revision": {create: func(ctx context.Context, s *brokenRestores, r *restore.Restore) error {
			was := r.Revision
			err := s.Store.Create(ctx, r)
			r.Revision = was
			return err
		}},
		"create-exists": {create: func(ctx context.Context, s *brokenRestores, r *restore.Restore) error {
			err := s.Store.Create(ctx, r)
			if errors.Is(err, restore.ErrExists) {
				return nil
			}
			return err
		}},
		"create-invalid": {create: func(ctx context.Context, s *brokenRestores, r *restore.Restore) error {
			if r.ID == "" {
				r.ID = "made up"
			}
			return s.Store.Create(ctx, r)
		}},
		"get-not-found": {get: func(ctx context.Context, s *brokenRestores, tenant, id string) (*restore.Restore, error) {
			r, err := s.Store.Get(ctx, tenant, id)
			if errors.Is(err, restore.ErrNotFound) {
				return new(restore.Restore), nil
			}
			return r, err
		}},
		"empty-scope": eachDoc(func(r *restore.Restore) {
			if len(r.Scope.Items) == 0 {
				r.Scope.Items = nil
			}
		}),
		"replace": {replace: func(ctx context.Context, s *brokenRestores, r *restore.Restore) error {
			if r.RerunOf == "else" {
				s.doc = func(is *restore.Restore) { is.RerunOf = "else" }
			}
			return s.Store.Replace(ctx, r)
		}},
		"replace-conflict": {replace: func(ctx context.Context, s *brokenRestores, r *restore.Restore) error {
			err := s.Store.Replace(ctx, r)
			if errors.Is(err, restore.ErrConflict) {
				r.Revision++
			}
			return err
		}},
		"replace-not-found": {replace: func(ctx context.Context, s *brokenRestores, r *restore.Restore) error {
			err := s.Store.Replace(ctx, r)
			if errors.Is(err, restore.ErrNotFound) {
				return s.Store.Create(ctx, r)
			}
			return err
		}},
		"replace-concurrent": {replace: func(ctx context.Context, s *brokenRestores, r *restore.Restore) error {
			if is, err := s.Store.Get(ctx, r.Tenant, r.ID); err == nil {
				r.Revision = is.Revision // the last writer wins
			}
			err := s.Store.Replace(ctx, r)
			if errors.Is(err, restore.ErrConflict) {
				return nil
			}
			return err
		}},
		"list-order": eachList(func(ctx context.Context, s *brokenRestores, q restore.Query) (restore.Page, error) {
			p, err := s.Store.List(ctx, q)
			slices.SortStableFunc(p.Restores, func(a, b restore.Restore) int { return strings.Compare(strings.ToLower(b.ID), strings.ToLower(a.ID)) })
			return p, err
		}),
		"list-set": eachList(func(ctx context.Context, s *brokenRestores, q restore.Query) (restore.Page, error) {
			q.Set = ""
			return s.Store.List(ctx, q)
		}),
		"list-pages": eachList(func(ctx context.Context, s *brokenRestores, q restore.Query) (restore.Page, error) {
			p, err := s.Store.List(ctx, q)
			if p.Next == "" && len(p.Restores) > 0 {
				p.Restores = p.Restores[:len(p.Restores)-1]
			}
			return p, err
		}),
		"list-bad-cursor": eachList(func(ctx context.Context, s *brokenRestores, q restore.Query) (restore.Page, error) {
			p, err := s.Store.List(ctx, q)
			if errors.Is(err, restore.ErrBadCursor) {
				return p, nil
			}
			return p, err
		}),
	}
}

func journalSaboteurs() map[string]*brokenRestores {
	return map[string]*brokenRestores{
		"put-then-items": eachPut(func(i *restore.Item) { i.Request = nil }), // it has no name in JSON
		"put-replaces": {put: func(ctx context.Context, s *brokenRestores, tenant, id string, fence int64, items []restore.Item) error {
			slices.Reverse(items)
			return s.Store.Put(ctx, tenant, id, fence, items)
		}},
		"put-invalid": {put: func(ctx context.Context, s *brokenRestores, tenant, id string, fence int64, items []restore.Item) error {
			for i := range items { // one by one
				if err := s.Store.Put(ctx, tenant, id, fence, items[i:i+1]); err != nil {
					return err
				}
			}
			return nil
		}},
		"clear": {clear: func(ctx context.Context, s *brokenRestores, tenant, _ string, fence int64) error {
			return errors.Join(s.Store.Clear(ctx, tenant, "one", fence), s.Store.Clear(ctx, tenant, "two", fence))
		}},
		"fence": {put: func(ctx context.Context, s *brokenRestores, tenant, id string, fence int64, items []restore.Item) error {
			r, err := s.Store.Get(ctx, tenant, id)
			if err == nil && fence < r.Fence {
				fence = r.Fence // whoever comes late
			}
			return s.Store.Put(ctx, tenant, id, fence, items)
		}},
		"journal-not-found": {clear: func(ctx context.Context, s *brokenRestores, tenant, id string, fence int64) error {
			err := s.Store.Clear(ctx, tenant, id, fence)
			if errors.Is(err, restore.ErrNotFound) {
				return nil
			}
			return err
		}},
		"items-order": eachEntry(func(ctx context.Context, s *brokenRestores, q restore.ItemQuery) (restore.ItemPage, error) {
			p, err := s.Store.Items(ctx, q)
			slices.SortStableFunc(p.Items, func(a, b restore.Item) int { return strings.Compare(a.Name, b.Name) })
			return p, err
		}),
		"items-pages": eachEntry(func(ctx context.Context, s *brokenRestores, q restore.ItemQuery) (restore.ItemPage, error) {
			q.Limit = max(q.Limit, 10)
			return s.Store.Items(ctx, q)
		}),
		"items-filters": eachEntry(func(ctx context.Context, s *brokenRestores, q restore.ItemQuery) (restore.ItemPage, error) {
			if len(q.Decisions) > 0 {
				q.Results = nil
			}
			return s.Store.Items(ctx, q)
		}),
		"items-bad-cursor": eachEntry(func(ctx context.Context, s *brokenRestores, q restore.ItemQuery) (restore.ItemPage, error) {
			p, err := s.Store.Items(ctx, q)
			if errors.Is(err, restore.ErrBadCursor) {
				return p, nil
			}
			return p, err
		}),
		"items-no-restore": eachEntry(func(ctx context.Context, s *brokenRestores, q restore.ItemQuery) (restore.ItemPage, error) {
			if _, err := s.Store.Get(ctx, q.Tenant, q.Restore); err != nil {
				return restore.ItemPage{}, err
			}
			return s.Store.Items(ctx, q)
		}),
	}
}

func memorySaboteurs() map[string]*brokenRestores {
	return map[string]*brokenRestores{
		"remember-then-recall": {recall: func(ctx context.Context, s *brokenRestores, tenant, origin string, refs []inventory.Ref) (all []restore.Answer, err error) {
			for i := range refs { // one by one, and so twice
				one, err := s.Store.Recall(ctx, tenant, origin, refs[i:i+1])
				if err != nil {
					return nil, err
				}
				all = append(all, one...)
			}
			return all, nil
		}},
		"remember-many": {remember: func(ctx context.Context, s *brokenRestores, tenant string, answers []restore.Answer) error {
			return s.Store.Remember(ctx, tenant, answers[:min(len(answers), 1000)])
		}},
		"remember-replaces": {remember: func(ctx context.Context, s *brokenRestores, tenant string, answers []restore.Answer) error {
			slices.Reverse(answers)
			return s.Store.Remember(ctx, tenant, answers)
		}},
		"remember-invalid": {remember: func(ctx context.Context, s *brokenRestores, tenant string, answers []restore.Answer) error {
			for i := range answers {
				if err := s.Store.Remember(ctx, tenant, answers[i:i+1]); err != nil {
					return err
				}
			}
			return nil
		}},
		"tenants": {recall: func(ctx context.Context, s *brokenRestores, _, origin string, refs []inventory.Ref) ([]restore.Answer, error) {
			return s.Store.Recall(ctx, acme, origin, refs)
		}},
		"concurrent": {put: func(ctx context.Context, s *brokenRestores, tenant, id string, fence int64, items []restore.Item) error {
			items = slices.DeleteFunc(items, func(i restore.Item) bool { return i.ID == "own-1-3" })
			return s.Store.Put(ctx, tenant, id, fence, items)
		}},
		"context": {remember: func(ctx context.Context, s *brokenRestores, tenant string, answers []restore.Answer) error {
			return s.Store.Remember(context.WithoutCancel(ctx), tenant, answers)
		}},
		"holds-nothing": {
			put: func(ctx context.Context, s *brokenRestores, tenant, id string, fence int64, items []restore.Item) error {
				s.mu.Lock()
				s.last = items
				s.mu.Unlock()
				return s.Store.Put(ctx, tenant, id, fence, items)
			},
			items: func(ctx context.Context, s *brokenRestores, q restore.ItemQuery) (restore.ItemPage, error) {
				p, err := s.Store.Items(ctx, q)
				s.mu.Lock()
				defer s.mu.Unlock()
				p.Items = slices.Clone(s.last)
				return p, err
			},
		},
	}
}

// TestRestoreSuiteNotices breaks every promise of a restore.Store once.
func TestRestoreSuiteNotices(t *testing.T) {
	all := documentSaboteurs()
	maps.Copy(all, journalSaboteurs())
	maps.Copy(all, memorySaboteurs())
	notices(t, restoretest.RestorePromises(), all, func(ctx context.Context, name string, s *brokenRestores) (string, error) {
		s.Store = memrestore.New()
		return restoretest.CheckRestore(ctx, name, s)
	})
}
