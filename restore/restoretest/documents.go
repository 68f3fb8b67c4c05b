package restoretest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
)

var documentPromises = []promise[restore.Store]{
	{
		name: "create-then-get",
		text: "Create adds a restore; a read that begins afterwards sees it, with everything that it has",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			s.create("one", 0)
			s.step("create little", func() error { return st.Create(ctx, little("two", 1)) })
			s.want("full", revised(full("one", 0), 1), s.get("one"))
			s.want("little", revised(little("two", 1), 1), s.get("two"))
			return s.err
		},
	},
	{
		name: "create-revision",
		text: "Create sets r.Revision to 1, whatever it was",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			r := revised(full("one", 0), 9)
			s.step("create", func() error { return st.Create(ctx, r) })
			s.want("passed", int64(1), r.Revision)
			s.want("kept", int64(1), s.get("one").Revision)
			return s.err
		},
	},
	{
		name: "create-exists",
		text: "Create reports ErrExists, and changes nothing, if the tenant has a restore with this ID",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			s.create("one", 0)
			s.wantErr("create again", restore.ErrExists, func() error { return st.Create(ctx, little("one", 5)) })
			s.want("restore", revised(full("one", 0), 1), s.get("one"))
			return s.err
		},
	},
	{
		name: "create-invalid",
		text: "Create reports ErrInvalid for a restore without tenant or ID",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			s.wantErr("no ID", restore.ErrInvalid, func() error { return st.Create(ctx, full("", 0)) })
			r := full("one", 0)
			r.Tenant = ""
			s.wantErr("no tenant", restore.ErrInvalid, func() error { return st.Create(ctx, r) })
			return s.err
		},
	},
	{
		name: "get-not-found",
		text: "Get reports ErrNotFound for a restore that is not there",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			s.create("one", 0)
			for _, id := range []string{"two", ""} {
				s.wantErr(id, restore.ErrNotFound, func() error { _, err := st.Get(ctx, acme, id); return err })
			}
			return s.err
		},
	},
	{
		name: "empty-scope",
		text: "a scope of no items, which restores nothing, and one that is nil, which restores everything, stay what they are",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			for id, items := range map[string][]inventory.Ref{"none": {}, "all": nil} {
				r := full(id, 0)
				r.Scope.Items = items
				s.step("create", func() error { return st.Create(ctx, r) })
				s.want(id, items, s.get(id).Scope.Items)
				s.step("replace", func() error { return st.Replace(ctx, r) })
				s.want(id+" replaced", items, s.get(id).Scope.Items)
			}
			return s.err
		},
	},
	{
		name: "replace",
		text: "Replace replaces a restore, apart from Tenant, ID, Set, CreatedAt, CreatedBy and RerunOf, and sets r.Revision to the next one",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			s.create("one", 0)
			r := revised(little("one", 60), 1)
			r.Origin, r.Manifest, r.Fence, r.CreatedBy.ID, r.RerunOf = "origin-2", "m-2", 8, "eve", "else"
			want := revised(little("one", 0), 2)
			want.UpdatedAt, want.Origin, want.Manifest, want.Fence = at(60), "origin-2", "m-2", 8
			want.Set, want.CreatedBy, want.RerunOf = "set-1", dana, "another"
			s.step("replace", func() error { return st.Replace(ctx, r) })
			s.want("revision", int64(2), r.Revision)
			s.want("restore", want, s.get("one"))
			back := revised(full("one", 0), 2)
			s.step("replace", func() error { return st.Replace(ctx, back) })
			s.want("full", revised(full("one", 0), 3), s.get("one"))
			s.want("listed", []string{"one"}, s.restores(restore.Query{Set: "set-1"}))
			return s.err
		},
	},
	{
		name: "replace-conflict",
		text: "Replace reports ErrConflict, and changes nothing, unless the stored revision is r.Revision",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			s.create("one", 0)
			s.step("replace", func() error { return st.Replace(ctx, revised(full("one", 0), 1)) })
			for _, revision := range []int64{0, 1, 3} {
				r := revised(little("one", 9), revision)
				s.wantErr(fmt.Sprint(revision), restore.ErrConflict, func() error { return st.Replace(ctx, r) })
				s.want("passed", revision, r.Revision)
			}
			s.want("restore", revised(full("one", 0), 2), s.get("one"))
			return s.err
		},
	},
	{
		name: "replace-not-found",
		text: "Replace reports ErrNotFound for a restore that is not there",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			s.wantErr("replace", restore.ErrNotFound, func() error { return st.Replace(ctx, full("one", 0)) })
			s.wantErr("get", restore.ErrNotFound, func() error { _, err := st.Get(ctx, acme, "one"); return err })
			return s.err
		},
	},
	{
		name: "replace-concurrent",
		text: "of concurrent calls of Replace for one revision one succeeds, and the others report ErrConflict",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			s.create("one", 0)
			const rounds, writers = 5, 4
			for round := range rounds {
				errs := make([]error, writers)
				var wg sync.WaitGroup
				for w := range writers {
					wg.Go(func() { errs[w] = st.Replace(ctx, revised(full("one", w), int64(round+1))) })
				}
				wg.Wait()
				won := 0
				for _, err := range errs {
					if err == nil {
						won++
					} else if !errors.Is(err, restore.ErrConflict) {
						s.step("replace", func() error { return err })
					}
				}
				s.want("winners", 1, won)
			}
			s.want("revision", int64(rounds+1), s.get("one").Revision)
			return s.err
		},
	},
	{
		name: "list-order",
		text: "List returns the newest first, those of one instant by descending ID, without their mappings",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			for _, is := range []struct {
				id      string
				minutes int
			}{{"b", 1}, {"a", 3}, {"B", 1}, {"C", 1}, {"d", 0}} {
				s.create(is.id, is.minutes)
			}
			s.want("restores", []string{"a", "b", "C", "B", "d"}, s.restores(restore.Query{}))
			page, err := st.List(ctx, restore.Query{Tenant: acme, Limit: 1})
			s.step("list", func() error { return err })
			want := revised(full("a", 3), 1)
			want.Mapping = nil
			s.want("first", []restore.Restore{*want}, page.Restores)
			return s.err
		},
	},
	{
		name: "list-set",
		text: "with Set, only restores of that set are listed",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			for i := range 5 {
				s.create(fmt.Sprint("one-", i), i)
				s.step("create", func() error { return st.Create(ctx, little(fmt.Sprint("two-", i), i)) })
			}
			s.want("of a set", []string{"two-4", "two-3", "two-2", "two-1", "two-0"}, s.restores(restore.Query{Set: "set-2", Limit: 2}))
			s.want("of none", []string{}, s.restores(restore.Query{Set: "set-3"}))
			return s.err
		},
	},
	{
		name: "list-pages",
		text: "each restore is listed once over the pages, whatever is added meanwhile; a page has Limit restores at most, 50 if that is 0",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			for i := range 51 {
				s.step("create", func() error { return st.Create(ctx, little(string(rune('A'+i)), i/2)) })
			}
			all := s.restores(restore.Query{})
			s.want("restores", 51, len(all))
			s.want("by pages of seven", all, s.restores(restore.Query{Limit: 7}))
			page, err := st.List(ctx, restore.Query{Tenant: acme, Limit: 2})
			s.step("first page", func() error { return err })
			s.create("new", 1000)
			s.want("rest", all[2:], s.restores(restore.Query{Limit: 2, After: page.Next}))
			return s.err
		},
	},
	{
		name: "list-bad-cursor",
		text: "List reports ErrBadCursor for what is no cursor of this list",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			s.create("one", 0)
			s.create("two", 0)
			page, err := st.List(ctx, restore.Query{Tenant: acme, Limit: 1})
			s.step("list", func() error { return err })
			for _, q := range []restore.Query{{After: "nonsense"}, {After: page.Next, Set: "set-1"}} {
				q.Tenant = acme
				s.wantErr(fmt.Sprintf("%+v", q), restore.ErrBadCursor, func() error { _, err := st.List(ctx, q); return err })
			}
			return s.err
		},
	},
}
