package restoretest

import (
	"context"
	"errors"
	"slices"

	"github.com/tenantatlas/tenantatlas/restore/backup"
)

func isNotFound(err error) bool { return errors.Is(err, backup.ErrNotFound) }

var setPromises = []promise[backup.Store]{
	{
		name: "set-create",
		text: "CreateSet adds an empty set; a read that begins afterwards sees it, with everything that it has",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			s.want("set", *newSet("one", 0), s.get("one"))
			s.want("list", []string{"one"}, s.sets(0))
			little := &backup.Set{ID: "two", Tenant: acme, Name: "two", CreatedAt: at(-1)}
			s.step("create little", func() error { return st.CreateSet(ctx, little) })
			s.want("little", *little, s.get("two"))
			page, err := st.ListSets(ctx, backup.SetQuery{Tenant: acme})
			s.step("list", func() error { return err })
			s.want("sets", []backup.Set{*newSet("one", 0), *little}, page.Sets)
			return s.err
		},
	},
	{
		name: "set-create-empty",
		text: "Items, Sealed, Manifest, Seq and Complete of a set that is created are not looked at",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			set := newSet("one", 0)
			set.Items, set.Sealed, set.Manifest, set.Seq, set.Complete = 1, at(1), "m", 1, true
			s.step("create", func() error { return st.CreateSet(ctx, set) })
			s.want("set", *newSet("one", 0), s.get("one"))
			return s.err
		},
	},
	{
		name: "set-exists",
		text: "CreateSet reports ErrExists, and changes nothing, if the tenant has a set with this ID",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			s.wantErr("create again", backup.ErrExists, func() error { return st.CreateSet(ctx, newSet("one", 5)) })
			s.want("set", *newSet("one", 0), s.get("one"))
			return s.err
		},
	},
	{
		name: "set-invalid",
		text: "CreateSet reports ErrInvalid for a set without tenant or ID",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.wantErr("no ID", backup.ErrInvalid, func() error { return st.CreateSet(ctx, newSet("", 0)) })
			set := newSet("one", 0)
			set.Tenant = ""
			s.wantErr("no tenant", backup.ErrInvalid, func() error { return st.CreateSet(ctx, set) })
			return s.err
		},
	},
	{
		name: "set-not-found",
		text: "GetSet, UseSet and Stage report ErrNotFound for a set that is not there",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			s.wantErr("get", backup.ErrNotFound, func() error { _, err := st.GetSet(ctx, acme, "two"); return err })
			s.wantErr("use", backup.ErrNotFound, func() error { return st.UseSet(ctx, acme, "two", "x", at(9)) })
			s.wantErr("stage", backup.ErrNotFound, func() error {
				_, err := st.Stage(ctx, acme, "two", payloads(version("p1", "h1")))
				return err
			})
			s.has("v-p1-h1", false)
			return s.err
		},
	},
	{
		name: "sets-order",
		text: "ListSets returns the newest first, those of one instant by descending ID",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			for _, is := range []struct {
				id      string
				minutes int
			}{{"b", 1}, {"a", 3}, {"B", 1}, {"C", 1}, {"d", 0}} {
				s.create(is.id, is.minutes)
			}
			s.want("sets", []string{"a", "b", "C", "B", "d"}, s.sets(0))
			return s.err
		},
	},
	{
		name: "sets-pages",
		text: "each set is listed once over the pages, whatever is added meanwhile; a page has Limit sets at most, 50 if that is 0",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			const many = 51
			for i := range many {
				s.create(string(rune('A'+i)), i/2)
			}
			all := s.sets(0)
			s.want("sets", many, len(all))
			s.want("by pages of seven", all, s.sets(7))
			first, err := st.ListSets(ctx, backup.SetQuery{Tenant: acme, Limit: 2})
			s.step("first page", func() error { return err })
			s.create("new", 1000)
			second, err := st.ListSets(ctx, backup.SetQuery{Tenant: acme, Limit: 2, After: first.Next})
			s.step("second page", func() error { return err })
			var got []string
			for _, is := range slices.Concat(first.Sets, second.Sets) {
				got = append(got, is.ID)
			}
			s.want("two pages", all[:min(4, len(all))], got)
			return s.err
		},
	},
	{
		name: "sets-bad-cursor",
		text: "ListSets reports ErrBadCursor for what is no cursor of this list",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			s.add("one", version("p1", "h1"), version("p2", "h1"))
			items, err := st.ListItems(ctx, backup.ItemQuery{Tenant: acme, Set: "one", Limit: 1})
			s.step("items", func() error { return err })
			for _, c := range []backup.Cursor{"nonsense", "AAAA", items.Next} {
				s.wantErr(string(c), backup.ErrBadCursor, func() error {
					_, err := st.ListSets(ctx, backup.SetQuery{Tenant: acme, After: c})
					return err
				})
			}
			return s.err
		},
	},
}
