package restoretest

import (
	"context"
	"fmt"
	"strings"

	"github.com/tenantatlas/tenantatlas/restore/backup"
)

// several returns versions whose names have an order of their own.
func several() []backup.Version {
	return []backup.Version{
		named(policy, "p1", " beta"),
		named(policy, "p2", "Alpha"),
		named(policy, "p3", "BETA "),
		named(policy, "p4", "100% _x_"),
		named(policy, "p5", "Älpha"),
		named(policy, "P6", "alpha"),
		named(filter, "f1", "zeta"),
		named(policy, "p7", ""),
	}
}

var itemPromises = []promise[backup.Store]{
	{
		name: "items-order",
		text: "ListItems returns items in the order of their kinds, folded names and ids, each by its bytes",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			s.add("one", several()...)
			s.want("items", []string{"f1", "p7", "p4", "P6", "p2", "p1", "p3", "p5"}, s.objects(backup.ItemQuery{Set: "one"}))
			s.want("whole", []backup.Item{{Set: "one", Version: several()[6]}}, s.items(backup.ItemQuery{Set: "one", Kind: filter}))
			return s.err
		},
	},
	{
		name: "items-pages",
		text: "each item is listed once over the pages, whatever is added meanwhile; a page has Limit items at most, 50 if that is 0",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			var all []backup.Version
			for i := range 51 {
				all = append(all, named(policy, fmt.Sprintf("p%02d", i), fmt.Sprint("name ", i/3)))
			}
			s.add("one", all...)
			want := s.objects(backup.ItemQuery{Set: "one"})
			s.want("items", 51, len(want))
			for _, q := range []backup.ItemQuery{{Limit: 7}, {Limit: 3, Kind: policy}, {Limit: 4, Text: "NAME"}, {Limit: 5, Staged: true}} {
				q.Set = "one"
				s.want(fmt.Sprintf("%+v", q), want, s.objects(q))
			}
			page, err := st.ListItems(ctx, backup.ItemQuery{Tenant: acme, Set: "one", Limit: 10})
			s.step("first page", func() error { return err })
			s.add("one", named(policy, "new", "a name before all"))
			rest := s.objects(backup.ItemQuery{Set: "one", After: page.Next, Limit: 10})
			s.want("rest", want[10:], rest)
			return s.err
		},
	},
	{
		name: "items-kind",
		text: "with Kind, only items of that kind are listed",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			s.add("one", several()...)
			s.want("filters", []string{"f1"}, s.objects(backup.ItemQuery{Set: "one", Kind: filter}))
			s.want("neither", []string{}, s.objects(backup.ItemQuery{Set: "one", Kind: "app"}))
			return s.err
		},
	},
	{
		name: "items-text",
		text: "with Text, only items whose folded name contains it, folded and character by character",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			s.add("one", several()...)
			for text, want := range map[string][]string{
				" ETA ": {"f1", "p1", "p3"}, "ä": {"p5"}, "ÄLPHA": {"p5"}, "0% _": {"p4"}, "%": {"p4"}, "_x": {"p4"}, "p1": {},
			} {
				s.want(text, want, s.objects(backup.ItemQuery{Set: "one", Text: text}))
			}
			s.want("of a kind", []string{"p1", "p3"}, s.objects(backup.ItemQuery{Set: "one", Text: "eta", Kind: policy}))
			return s.err
		},
	},
	{
		name: "items-long-names",
		text: "names of any length are kept, listed and searched",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			long := strings.Repeat("ü", 3000)
			a, b := named(policy, "p1", long+" A"), named(policy, "p2", long+" B")
			s.add("one", a, b)
			s.want("items", []string{"p1", "p2"}, s.objects(backup.ItemQuery{Set: "one", Limit: 1}))
			s.want("search", []backup.Item{{Set: "one", Version: b}}, s.items(backup.ItemQuery{Set: "one", Text: "ü b"}))
			return s.err
		},
	},
	{
		name: "items-bad-cursor",
		text: "ListItems reports ErrBadCursor for what is no cursor of this list",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			s.create("two", 1)
			s.add("one", several()...)
			page, err := st.ListItems(ctx, backup.ItemQuery{Tenant: acme, Set: "one", Limit: 1})
			s.step("items", func() error { return err })
			for _, q := range []backup.ItemQuery{
				{Set: "one", After: "nonsense"},
				{Set: "two", After: page.Next},
				{Set: "one", After: page.Next, Kind: policy},
				{Set: "one", After: page.Next, Text: "a"},
				{Set: "one", After: page.Next, Staged: true},
			} {
				q.Tenant = acme
				s.wantErr(fmt.Sprintf("%+v", q), backup.ErrBadCursor, func() error { _, err := st.ListItems(ctx, q); return err })
			}
			return s.err
		},
	},
	{
		name: "items-no-set",
		text: "a set that is not there has no items",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			s.create("one", 0)
			s.add("one", version("p1", "h1"))
			s.want("items", []string{}, s.objects(backup.ItemQuery{Set: "two"}))
			s.want("staged", []string{}, s.objects(backup.ItemQuery{Set: "", Staged: true}))
			return s.err
		},
	},
	{
		name: "versions-of",
		text: "VersionsOf returns the versions of an object once for each set that has it, those captured last first, those of one capture by descending ID of the set",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			first, second := version("p1", "h1"), version("p1", "h2")
			second.CapturedAt = at(5)
			for i, id := range []string{"b", "a", "c", "d"} {
				s.create(id, i)
				s.add(id, []backup.Version{first, second, first, first}[i], version("p2", "h1"))
			}
			s.drop("d")
			all, err := st.VersionsOf(ctx, acme, policy, "p1", 0)
			s.step("versions", func() error { return err })
			s.want("versions", []backup.Item{{Set: "a", Version: second}, {Set: "c", Version: first}, {Set: "b", Version: first}}, all)
			return s.err
		},
	},
	{
		name: "versions-of-limit",
		text: "VersionsOf returns limit versions at most; 0 means 50",
		check: func(ctx context.Context, st backup.Store) error {
			s := onBackups(ctx, st)
			for i := range 51 {
				id := fmt.Sprintf("s%02d", i)
				s.create(id, i)
				s.add(id, version("p1", "h1"))
			}
			for limit, want := range map[int]int{0: 50, 2: 2, 51: 51, 1000: 51} {
				all, err := st.VersionsOf(ctx, acme, policy, "p1", limit)
				s.step("versions", func() error { return err })
				s.want(fmt.Sprint("of ", limit), want, len(all))
			}
			all, err := st.VersionsOf(ctx, acme, policy, "p2", 0)
			s.step("versions", func() error { return err })
			s.want("of nothing", 0, len(all))
			return s.err
		},
	},
}
