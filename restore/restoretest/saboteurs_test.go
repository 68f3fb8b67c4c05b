package restoretest_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/restore/memrestore"
	"github.com/tenantatlas/tenantatlas/restore/restoretest"
)

const acme = "acme"

// A broken backup store does one thing otherwise than it should. The suite must
// notice.
type brokenBackups struct {
	*memrestore.Store

	create func(ctx context.Context, s *brokenBackups, set *backup.Set) error
	set    func(set *backup.Set)
	get    func(ctx context.Context, s *brokenBackups, tenant, id string) (*backup.Set, error)
	list   func(ctx context.Context, s *brokenBackups, q backup.SetQuery) (backup.SetPage, error)
	use    func(ctx context.Context, s *brokenBackups, tenant, id, holder string, until time.Time) error
	stage  func(ctx context.Context, s *brokenBackups, tenant, set string, staged []backup.Staged) ([]backup.Version, error)
	items  func(ctx context.Context, s *brokenBackups, q backup.ItemQuery) (backup.ItemPage, error)
	one    func(ctx context.Context, s *brokenBackups, tenant, id string) (backup.Version, []byte, error)
	of     func(ctx context.Context, s *brokenBackups, tenant, kind, id string, limit int) ([]backup.Item, error)
	head   func(ctx context.Context, s *brokenBackups, tenant string) (*backup.Link, error)
	links  func(ctx context.Context, s *brokenBackups, tenant string, after int64, limit int) ([]backup.Link, error)
	append func(ctx context.Context, s *brokenBackups, l backup.Link, sealing *backup.Sealing) error
	seal   func(ctx context.Context, s *brokenBackups, tenant, set string) (*backup.Sealing, error)
	putKey func(ctx context.Context, s *brokenBackups, tenant string, key []byte) ([]byte, error)

	kept map[string][]byte
}

func (s *brokenBackups) CreateSet(ctx context.Context, set *backup.Set) error {
	if s.create != nil {
		return s.create(ctx, s, set)
	}
	return s.Store.CreateSet(ctx, set)
}

func (s *brokenBackups) GetSet(ctx context.Context, tenant, id string) (*backup.Set, error) {
	if s.get != nil {
		return s.get(ctx, s, tenant, id)
	}
	set, err := s.Store.GetSet(ctx, tenant, id)
	if err == nil && s.set != nil {
		s.set(set)
	}
	return set, err
}

func (s *brokenBackups) ListSets(ctx context.Context, q backup.SetQuery) (backup.SetPage, error) {
	if s.list != nil {
		return s.list(ctx, s, q)
	}
	return s.Store.ListSets(ctx, q)
}

func (s *brokenBackups) UseSet(ctx context.Context, tenant, id, holder string, until time.Time) error {
	if s.use != nil {
		return s.use(ctx, s, tenant, id, holder, until)
	}
	return s.Store.UseSet(ctx, tenant, id, holder, until)
}

func (s *brokenBackups) Stage(ctx context.Context, tenant, set string, staged []backup.Staged) ([]backup.Version, error) {
	if s.stage != nil {
		return s.stage(ctx, s, tenant, set, slices.Clone(staged))
	}
	return s.Store.Stage(ctx, tenant, set, staged)
}

func (s *brokenBackups) ListItems(ctx context.Context, q backup.ItemQuery) (backup.ItemPage, error) {
	if s.items != nil {
		return s.items(ctx, s, q)
	}
	return s.Store.ListItems(ctx, q)
}

func (s *brokenBackups) GetVersion(ctx context.Context, tenant, id string) (backup.Version, []byte, error) {
	if s.one != nil {
		return s.one(ctx, s, tenant, id)
	}
	return s.Store.GetVersion(ctx, tenant, id)
}

func (s *brokenBackups) VersionsOf(ctx context.Context, tenant, kind, id string, limit int) ([]backup.Item, error) {
	if s.of != nil {
		return s.of(ctx, s, tenant, kind, id, limit)
	}
	return s.Store.VersionsOf(ctx, tenant, kind, id, limit)
}

func (s *brokenBackups) Head(ctx context.Context, tenant string) (*backup.Link, error) {
	if s.head != nil {
		return s.head(ctx, s, tenant)
	}
	return s.Store.Head(ctx, tenant)
}

func (s *brokenBackups) Links(ctx context.Context, tenant string, after int64, limit int) ([]backup.Link, error) {
	if s.links != nil {
		return s.links(ctx, s, tenant, after, limit)
	}
	return s.Store.Links(ctx, tenant, after, limit)
}

func (s *brokenBackups) Append(ctx context.Context, l backup.Link, sealing *backup.Sealing) error {
	if s.append != nil {
		return s.append(ctx, s, l, sealing)
	}
	return s.Store.Append(ctx, l, sealing)
}

func (s *brokenBackups) GetSealing(ctx context.Context, tenant, set string) (*backup.Sealing, error) {
	if s.seal != nil {
		return s.seal(ctx, s, tenant, set)
	}
	return s.Store.GetSealing(ctx, tenant, set)
}

func (s *brokenBackups) PutKey(ctx context.Context, tenant string, key []byte) ([]byte, error) {
	if s.putKey != nil {
		return s.putKey(ctx, s, tenant, key)
	}
	return s.Store.PutKey(ctx, tenant, key)
}

// eachStaged changes versions on their way in.
func eachStaged(change func(v *backup.Staged)) *brokenBackups {
	return &brokenBackups{stage: func(ctx context.Context, s *brokenBackups, tenant, set string, staged []backup.Staged) ([]backup.Version, error) {
		for i := range staged {
			change(&staged[i])
		}
		return s.Store.Stage(ctx, tenant, set, staged)
	}}
}

func eachItems(list func(ctx context.Context, s *brokenBackups, q backup.ItemQuery) (backup.ItemPage, error)) *brokenBackups {
	return &brokenBackups{items: list}
}

func eachAppend(f func(ctx context.Context, s *brokenBackups, l backup.Link, sealing *backup.Sealing) error) *brokenBackups {
	return &brokenBackups{append: f}
}

// again appends to the chain of the store, whatever its head is.
func (s *brokenBackups) again(ctx context.Context, l backup.Link, sealing *backup.Sealing) error {
	head, err := s.Store.Head(ctx, l.Tenant)
	if err != nil {
		return err
	}
	if l.Seq = 1; head != nil {
		l.Seq = head.Seq + 1
	}
	return s.Store.Append(ctx, l, sealing)
}

// shortening loses the last item of a list.
func shortening(ctx context.Context, s *brokenBackups, q backup.ItemQuery) (backup.ItemPage, error) {
	p, err := s.Store.ListItems(ctx, q)
	if p.Next == "" && len(p.Items) > 0 {
		p.Items = p.Items[:len(p.Items)-1]
	}
	return p, err
}

func backupSaboteurs() map[string]*brokenBackups {
	all := map[string]*brokenBackups{}
	maps.Copy(all, setSaboteurs())
	maps.Copy(all, stageSaboteurs())
	maps.Copy(all, itemSaboteurs())
	maps.Copy(all, chainSaboteurs())
	return all
}

func setSaboteurs() map[string]*brokenBackups {
	return map[string]*brokenBackups{
		"set-create": {set: func(set *backup.Set) { set.Origin = "" }},
		"set-create-empty": {create: func(ctx context.Context, s *brokenBackups, set *backup.Set) error {
			err := s.Store.CreateSet(ctx, set)
			if set.Items > 0 {
				s.set = func(is *backup.Set) { is.Items = set.Items }
			}
			return err
		}},
		"set-exists": {create: func(ctx context.Context, s *brokenBackups, set *backup.Set) error {
			if err := s.Store.CreateSet(ctx, set); !errors.Is(err, backup.ErrExists) {
				return err
			}
			s.set = func(is *backup.Set) { *is = *set }
			return backup.ErrExists
		}},
		"set-invalid": {create: func(ctx context.Context, s *brokenBackups, set *backup.Set) error {
			if set.Tenant == "" {
				return nil
			}
			return s.Store.CreateSet(ctx, set)
		}},
		"set-not-found": {use: func(ctx context.Context, s *brokenBackups, tenant, id, holder string, until time.Time) error {
			_ = s.Store.UseSet(ctx, tenant, id, holder, until)
			return nil
		}},
		"sets-order": {list: func(ctx context.Context, s *brokenBackups, q backup.SetQuery) (backup.SetPage, error) {
			p, err := s.Store.ListSets(ctx, q)
			slices.SortStableFunc(p.Sets, func(a, b backup.Set) int {
				if c := b.CreatedAt.Compare(a.CreatedAt); c != 0 {
					return c
				}
				return strings.Compare(strings.ToLower(b.ID), strings.ToLower(a.ID))
			})
			return p, err
		}},
		"sets-pages": {list: func(ctx context.Context, s *brokenBackups, q backup.SetQuery) (backup.SetPage, error) {
			q.Limit = max(q.Limit, 10) // zero means ten
			return s.Store.ListSets(ctx, q)
		}},
		"sets-bad-cursor": {list: func(ctx context.Context, s *brokenBackups, q backup.SetQuery) (backup.SetPage, error) {
			p, err := s.Store.ListSets(ctx, q)
			if errors.Is(err, backup.ErrBadCursor) {
				q.After = ""
				return s.Store.ListSets(ctx, q)
			}
			return p, err
		}},
	}
}

func stageSaboteurs() map[string]*brokenBackups {
	return map[string]*brokenBackups{
		"stage-then-get": eachStaged(func(v *backup.Staged) { v.Name = strings.ReplaceAll(v.Name, "\x00", "\uFFFD") }),
		"stage-order": {stage: func(ctx context.Context, s *brokenBackups, tenant, set string, staged []backup.Staged) ([]backup.Version, error) {
			kept, err := s.Store.Stage(ctx, tenant, set, staged)
			slices.SortFunc(kept, func(a, b backup.Version) int { return strings.Compare(a.Object, b.Object) })
			return kept, err
		}},
		"stage-reuses":    eachStaged(func(v *backup.Staged) { v.Hash += v.ID }),
		"stage-same-only": eachStaged(func(v *backup.Staged) { v.AssignmentsHash = "" }),
		"stage-present": {stage: func(ctx context.Context, s *brokenBackups, tenant, set string, staged []backup.Staged) ([]backup.Version, error) {
			kept, err := s.Store.Stage(ctx, tenant, set, staged)
			for i := range kept {
				kept[i] = staged[i].Version
			}
			return kept, err
		}},
		"stage-twice": {stage: func(ctx context.Context, s *brokenBackups, tenant, set string, staged []backup.Staged) ([]backup.Version, error) {
			slices.Reverse(staged)
			kept, err := s.Store.Stage(ctx, tenant, set, staged)
			slices.Reverse(kept)
			return kept, err
		}},
		"stage-invalid": {stage: func(ctx context.Context, s *brokenBackups, tenant, set string, staged []backup.Staged) (kept []backup.Version, err error) {
			for i := range staged { // one by one
				v, err := s.Store.Stage(ctx, tenant, set, staged[i:i+1])
				if err != nil {
					return nil, err
				}
				kept = append(kept, v...)
			}
			return kept, nil
		}},
		"stage-invisible": eachItems(func(ctx context.Context, s *brokenBackups, q backup.ItemQuery) (backup.ItemPage, error) {
			q.Staged = true
			return s.Store.ListItems(ctx, q)
		}),
		"stage-concurrent": eachStaged(func(v *backup.Staged) {
			if i := strings.Index(v.ID, "set-"); i > 0 {
				v.Hash += v.ID[i:] // each writer thinks that it is the first
			}
		}),
		"version-not-found": {one: func(ctx context.Context, s *brokenBackups, tenant, id string) (backup.Version, []byte, error) {
			v, sealed, err := s.Store.GetVersion(ctx, tenant, id)
			if errors.Is(err, backup.ErrNotFound) {
				err = nil
			}
			return v, sealed, err
		}},
	}
}

func itemSaboteurs() map[string]*brokenBackups {
	return map[string]*brokenBackups{
		"items-order": eachItems(func(ctx context.Context, s *brokenBackups, q backup.ItemQuery) (backup.ItemPage, error) {
			p, err := s.Store.ListItems(ctx, q)
			slices.SortStableFunc(p.Items, func(a, b backup.Item) int { return strings.Compare(a.Name, b.Name) })
			return p, err
		}),
		"items-pages": eachItems(shortening),
		"items-kind": eachItems(func(ctx context.Context, s *brokenBackups, q backup.ItemQuery) (backup.ItemPage, error) {
			q.Kind = ""
			return s.Store.ListItems(ctx, q)
		}),
		"items-text": eachItems(func(ctx context.Context, s *brokenBackups, q backup.ItemQuery) (backup.ItemPage, error) {
			q.Text = strings.ReplaceAll(q.Text, "%", "")
			return s.Store.ListItems(ctx, q)
		}),
		"items-long-names": eachItems(func(ctx context.Context, s *brokenBackups, q backup.ItemQuery) (backup.ItemPage, error) {
			p, err := s.Store.ListItems(ctx, q)
			if q.Text != "" { // looks at the beginning only
				p.Items = slices.DeleteFunc(p.Items, func(i backup.Item) bool { return !strings.Contains(i.Name[:min(len(i.Name), 512)], q.Text) })
			}
			return p, err
		}),
		"items-bad-cursor": eachItems(func(ctx context.Context, s *brokenBackups, q backup.ItemQuery) (backup.ItemPage, error) {
			p, err := s.Store.ListItems(ctx, q)
			if errors.Is(err, backup.ErrBadCursor) {
				q.After = ""
				return s.Store.ListItems(ctx, q)
			}
			return p, err
		}),
		"items-no-set": eachItems(func(ctx context.Context, s *brokenBackups, q backup.ItemQuery) (backup.ItemPage, error) {
			if _, err := s.Store.GetSet(ctx, q.Tenant, q.Set); err != nil {
				return backup.ItemPage{}, err
			}
			return s.Store.ListItems(ctx, q)
		}),
		"versions-of": {of: func(ctx context.Context, s *brokenBackups, tenant, kind, id string, limit int) ([]backup.Item, error) {
			all, err := s.Store.VersionsOf(ctx, tenant, kind, id, limit)
			all = slices.CompactFunc(all, func(a, b backup.Item) bool { return a.ID == b.ID }) // once for each version
			return all, err
		}},
		"versions-of-limit": {of: func(ctx context.Context, s *brokenBackups, tenant, kind, id string, _ int) ([]backup.Item, error) {
			return s.Store.VersionsOf(ctx, tenant, kind, id, 1000)
		}},
	}
}

func chainSaboteurs() map[string]*brokenBackups {
	return map[string]*brokenBackups{
		"head": {head: func(ctx context.Context, s *brokenBackups, tenant string) (*backup.Link, error) {
			l, err := s.Store.Head(ctx, tenant)
			if l != nil {
				l.Run = "run-1"
			}
			return l, err
		}},
		"append-seals": {set: func(set *backup.Set) { set.Sealed = set.Sealed.Truncate(time.Second) }},
		"append-again": {seal: func(ctx context.Context, s *brokenBackups, tenant, set string) (*backup.Sealing, error) {
			is, err := s.Store.GetSealing(ctx, tenant, set)
			if is != nil {
				is.Complete = true
			}
			return is, err
		}},
		"append-conflict": eachAppend(func(ctx context.Context, s *brokenBackups, l backup.Link, sealing *backup.Sealing) error {
			if l.Seq == 3 {
				return s.again(ctx, l, sealing)
			}
			return s.Store.Append(ctx, l, sealing)
		}),
		"append-not-found": eachAppend(func(ctx context.Context, s *brokenBackups, l backup.Link, sealing *backup.Sealing) error {
			err := s.Store.Append(ctx, l, sealing)
			if errors.Is(err, backup.ErrNotFound) && sealing == nil {
				return nil // it is not there, as was asked for
			}
			return err
		}),
		"append-deletes": {one: func(ctx context.Context, s *brokenBackups, tenant, id string) (backup.Version, []byte, error) {
			v, sealed, err := s.Store.GetVersion(ctx, tenant, id)
			if id == "v-p2-h1" {
				err = nil // what was staged stays behind
			}
			return v, sealed, err
		}},
		"append-keeps-shared": {one: func(ctx context.Context, s *brokenBackups, tenant, id string) (backup.Version, []byte, error) {
			if _, err := s.Store.GetSet(ctx, tenant, "one"); err != nil {
				return backup.Version{}, nil, backup.ErrNotFound // deletes all that the set had
			}
			return s.Store.GetVersion(ctx, tenant, id)
		}},
		"append-in-use": eachAppend(func(ctx context.Context, s *brokenBackups, l backup.Link, sealing *backup.Sealing) error {
			if sealing == nil {
				for _, holder := range []string{"ends then", "x"} {
					_ = s.Store.UseSet(ctx, l.Tenant, l.Set, holder, l.At.Add(-time.Second))
				}
			}
			return s.Store.Append(ctx, l, sealing)
		}),
		"use-moves": {use: func(ctx context.Context, s *brokenBackups, tenant, id, holder string, until time.Time) error {
			if s.kept == nil {
				s.kept = map[string][]byte{}
			}
			holder += strings.Repeat("+", len(s.kept)) // each a use of its own
			s.kept[holder] = nil
			return s.Store.UseSet(ctx, tenant, id, holder, until)
		}},
		"links": {links: func(ctx context.Context, s *brokenBackups, tenant string, after int64, limit int) ([]backup.Link, error) {
			links, err := s.Store.Links(ctx, tenant, after, limit)
			links = slices.DeleteFunc(links, func(l backup.Link) bool { return l.Manifest == "" })
			return links, err
		}},
		"append-concurrent": eachAppend(func(ctx context.Context, s *brokenBackups, l backup.Link, sealing *backup.Sealing) error {
			err := s.Store.Append(ctx, l, sealing)
			if errors.Is(err, backup.ErrConflict) {
				return s.again(ctx, l, sealing)
			}
			return err
		}),
		"sealing-not-found": {seal: func(ctx context.Context, s *brokenBackups, tenant, set string) (*backup.Sealing, error) {
			is, err := s.Store.GetSealing(ctx, tenant, set)
			if errors.Is(err, backup.ErrNotFound) {
				return new(backup.Sealing), nil
			}
			return is, err
		}},
		"key": {putKey: func(ctx context.Context, s *brokenBackups, tenant string, key []byte) ([]byte, error) {
			_, err := s.Store.PutKey(ctx, tenant, key)
			return key, err
		}},
		"key-concurrent": {putKey: func(ctx context.Context, s *brokenBackups, tenant string, key []byte) ([]byte, error) {
			_, err := s.Store.PutKey(ctx, tenant, key)
			return key, err
		}},
		"tenants": {stage: func(ctx context.Context, s *brokenBackups, tenant, set string, staged []backup.Staged) ([]backup.Version, error) {
			kept, err := s.Store.Stage(ctx, tenant, set, staged)
			for i := range kept {
				if v, _, err := s.Store.GetVersion(ctx, acme, "v-p1-h1"); err == nil {
					kept[i] = v // whoever's it is
				}
			}
			return kept, err
		}},
		"delete-and-stage": eachAppend(func(ctx context.Context, s *brokenBackups, l backup.Link, sealing *backup.Sealing) error {
			err := s.Store.Append(ctx, l, sealing)
			if sealing == nil && err == nil {
				s.one = func(ctx context.Context, s *brokenBackups, tenant, id string) (backup.Version, []byte, error) {
					return backup.Version{}, nil, backup.ErrNotFound // deleted with the set
				}
			}
			return err
		}),
		"context": {stage: func(ctx context.Context, s *brokenBackups, tenant, set string, staged []backup.Staged) ([]backup.Version, error) {
			return s.Store.Stage(context.WithoutCancel(ctx), tenant, set, staged)
		}},
		"holds-nothing": {
			kept: map[string][]byte{},
			stage: func(ctx context.Context, s *brokenBackups, tenant, set string, staged []backup.Staged) ([]backup.Version, error) {
				for _, v := range staged {
					s.kept[v.ID] = v.Sealed
				}
				return s.Store.Stage(ctx, tenant, set, staged)
			},
			one: func(ctx context.Context, s *brokenBackups, tenant, id string) (backup.Version, []byte, error) {
				v, _, err := s.Store.GetVersion(ctx, tenant, id)
				return v, s.kept[id], err
			},
		},
	}
}

// TestBackupSuiteNotices breaks every promise of a backup.Store once.
func TestBackupSuiteNotices(t *testing.T) {
	notices(t, restoretest.BackupPromises(), backupSaboteurs(), func(ctx context.Context, name string, s *brokenBackups) (string, error) {
		s.Store = memrestore.New()
		return restoretest.CheckBackup(ctx, name, s)
	})
}

func notices[S any](t *testing.T, promises []string, saboteurs map[string]*S, check func(ctx context.Context, name string, s *S) (string, error)) {
	t.Helper()
	for _, name := range promises {
		t.Run(name, func(t *testing.T) {
			s := saboteurs[name]
			if s == nil {
				t.Fatal("there is no saboteur")
			}
			if text, err := check(t.Context(), name, s); err == nil {
				t.Errorf("a store that breaks it passes: %s", text)
			} else {
				t.Log(err)
			}
		})
		delete(saboteurs, name)
	}
	for name := range saboteurs {
		t.Errorf("saboteur %q has no promise", name)
	}
}
