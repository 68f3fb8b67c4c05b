package inventorytest

import (
	"context"
	"fmt"

	"github.com/tenantatlas/tenantatlas/inventory"
)

// of returns e as an item of another kind.
func of(kind string, e inventory.Entry) inventory.Entry {
	e.Kind = kind
	return e
}

var listPromises = []promise{
	{
		name: "list-order",
		text: "List returns the items in the order of their kinds, folded names and ids, each by its bytes",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1,
				item("p1", "zeta", "h1"), item("p2", "Éclair", "h1"), item("p3", "ALPHA", "h1"), item("p4", "alpha", "h1"),
				item("p5", "_x", "h1"), item("p6", "", "h1"), item("p7", "a b", "h1"), item("p8", " a-b", "h1"), item("p9", "éclair 2", "h1"),
				of(filter, item("f1", "zz", "h1")), of("Zoo", item("z1", "a", "h1")))
			return s.want("order", []string{"z1", "f1", "p6", "p5", "p7", "p8", "p3", "p4", "p1", "p2", "p9"}, s.ids(inventory.Query{})).err
		},
	},
	{
		name: "list-pages",
		text: "List returns each item once over the pages",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st)
			var want []string
			for i := range 7 {
				id := fmt.Sprint("p", i)
				want = append(want, id)
				s.put(sync1, item(id, "Same name", "h1"))
			}
			s.put(sync1, of("x", item("x1", "A", "h1")), of("x", item("x2", "A", "h1")))
			want = append(want, "x1", "x2")
			for limit := range 4 {
				s.want(fmt.Sprint("limit ", limit), want, s.ids(inventory.Query{Limit: limit}))
			}
			return s.err
		},
	},
	{
		name: "list-grows",
		text: "items that are added behind a cursor are found, and those before it do not come again",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1, item("p1", "b", "h1"), item("p2", "d", "h1"), item("p3", "f", "h1"))
			var page inventory.Page
			s.step("first page", func() (err error) {
				page, err = s.List(ctx, inventory.Query{Tenant: acme, Limit: 2})
				return err
			})
			s.put(sync1, item("p4", "a", "h1"), item("p5", "e", "h1"))
			return s.want("rest", []string{"p5", "p3"}, s.ids(inventory.Query{Limit: 2, After: page.Next})).err
		},
	},
	{
		name: "list-kind",
		text: "Kind selects the items of one kind",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1, item("p1", "A", "h1"), of(filter, item("p1", "A", "h1")), of(filter, item("p2", "A", "h1")))
			return s.want("filters", []string{"p1", "p2"}, s.ids(inventory.Query{Kind: filter})).
				want("none", []string{}, s.ids(inventory.Query{Kind: "no such kind"})).err
		},
	},
	{
		name: "list-text",
		text: "Text selects items whose folded name contains it, or whose id begins with it, both folded; no character has another meaning",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1,
				item("p1", "Größe ÄÖ 100% sure", "h1"), item("p2", "100 per cent_x", "h1"), item("p3", `back\slash [a-z]*`, "h1"),
				item("4F-7", "x", "h1"), item("p5", "none", "h1"))
			for q, want := range map[string][]string{
				"größe": {"p1"}, " ÄÖ ": {"p1"}, "100": {"p2", "p1"}, "100%": {"p1"}, "%": {"p1"}, "_": {"p2"}, `\`: {"p3"},
				"[a-z]": {"p3"}, "*": {"p3"}, "4f-": {"4F-7"}, "f-7": {}, "P5": {"p5"}, "'": {},
			} {
				s.want("text "+q, want, s.ids(inventory.Query{Text: q}))
			}
			return s.err
		},
	},
	{
		name: "list-filters-and-pages",
		text: "filters hold over all pages, and only an empty Next means the end",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st)
			var missed []string
			for i := range 30 {
				e := item(fmt.Sprintf("p%02d", i), fmt.Sprintf("Policy %02d", i), "h1")
				if i%7 == 0 {
					e.Name = "Special " + e.Name
					missed = append(missed, e.ID)
				}
				s.put(sync1, e)
			}
			s.run(sync1, 1).run(sync2, 2, missed...)
			return s.want("missing", missed, s.ids(inventory.Query{Missing: true, Limit: 2})).
				want("text", missed, s.ids(inventory.Query{Text: "special", Limit: 2})).
				want("both", missed, s.ids(inventory.Query{Kind: policy, Text: "special", Missing: true, Limit: 2})).err
		},
	},
	{
		name: "list-bad-cursor",
		text: "List reports ErrBadCursor for a cursor that another query made, or nobody",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1, item("p1", "A", "h1"), item("p2", "B", "h1"), item("p3", "C", "h1"))
			var next inventory.Cursor
			s.step("page", func() error {
				page, err := s.List(ctx, inventory.Query{Tenant: acme, Limit: 1})
				next = page.Next
				return err
			})
			for _, q := range []inventory.Query{
				{Tenant: acme, After: "x"},
				{Tenant: acme, After: next + "A"},
				{Tenant: acme, Kind: policy, After: next},
				{Tenant: acme, Text: "p", After: next},
				{Tenant: acme, Missing: true, After: next},
				{Tenant: acme, Selection: "less", After: next},
				{Tenant: globex, After: next},
			} {
				s.wantErr(fmt.Sprintf("%+v", q), inventory.ErrBadCursor, func() error { _, err := s.List(ctx, q); return err })
			}
			return s.want("another limit", []string{"p2", "p3"}, s.ids(inventory.Query{Limit: 3, After: next})).err
		},
	},
}

// linked returns an entry with links.
func linked(e inventory.Entry, links ...inventory.Link) inventory.Entry {
	e.Linked, e.Links = true, links
	return e
}

func group(id, name string) inventory.Link {
	return inventory.Link{Type: "assigned_to", To: inventory.LinkTarget{Kind: "group", ID: id, Name: name}}
}

func users() inventory.Link {
	return inventory.Link{Type: "assigned_to", To: inventory.LinkTarget{Kind: "all_users"}}
}

func uses(id, name string) inventory.Link {
	return inventory.Link{Type: "uses_filter", To: inventory.LinkTarget{Kind: filter, ID: id, Name: name}}
}

func tag() inventory.Link {
	return inventory.Link{Type: "scoped_by", To: inventory.LinkTarget{Kind: "roleScopeTag", ID: "0"}}
}

var linkPromises = []promise{
	{
		name: "links-order",
		text: "Links returns the links in the order of their fields: From, Type, To by kind and id, Exclude; each once over the pages",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st)
			out := group("g1", "")
			out.Exclude = true
			s.put(sync1,
				linked(item("p2", "B", "h1"), uses("f1", ""), group("g2", ""), out, group("g1", ""), users()),
				linked(item("p1", "A", "h1"), tag()),
				linked(of(filter, item("f1", "A", "h1")), tag()))
			from := func(kind, id string, l inventory.Link) inventory.Link {
				l.From = inventory.Ref{Kind: kind, ID: id}
				return l
			}
			want := []inventory.Link{
				from(filter, "f1", tag()),
				from(policy, "p1", tag()),
				from(policy, "p2", users()),
				from(policy, "p2", group("g1", "")),
				from(policy, "p2", out),
				from(policy, "p2", group("g2", "")),
				from(policy, "p2", uses("f1", "A")),
			}
			for limit := range 4 {
				s.want(fmt.Sprint("limit ", limit), want, s.links(inventory.LinkQuery{Limit: limit}))
			}
			return s.err
		},
	},
	{
		name: "links-from-to",
		text: "From and To select the links of one item and to one target",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1,
				linked(item("p1", "A", "h1"), uses("f1", ""), group("g1", "")),
				linked(item("p2", "B", "h1"), uses("f1", ""), uses("f2", "")))
			p2, f1 := inventory.Ref{Kind: policy, ID: "p2"}, inventory.Ref{Kind: filter, ID: "f1"}
			return s.want("from", 2, len(s.links(inventory.LinkQuery{From: p2, Limit: 1}))).
				want("to", 2, len(s.links(inventory.LinkQuery{To: f1, Limit: 1}))).
				want("both", 1, len(s.links(inventory.LinkQuery{From: p2, To: f1}))).
				want("neither", 4, len(s.links(inventory.LinkQuery{}))).
				want("nothing there", 0, len(s.links(inventory.LinkQuery{From: f1}))).err
		},
	},
	{
		name: "links-names",
		text: "the name of a target that is an item is the item's, otherwise the one that was put",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1,
				linked(item("p1", "A", "h1"), group("g1", "Pilots"), uses("f1", "Old"), uses("f2", "Last known"), uses("f3", "Known")),
				of(filter, item("f1", "New", "h1")), of(filter, item("f3", "", "h1")))
			var names []string
			for _, l := range s.links(inventory.LinkQuery{}) {
				names = append(names, l.To.Name)
			}
			return s.want("names", []string{"Pilots", "New", "Last known", "Known"}, names).err
		},
	},
	{
		name: "links-missing",
		text: "a link is missing if the target's kind is covered, and the target is not there or is missing itself; never one to something that is no item",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1,
				linked(item("p1", "A", "h1"), group("g1", ""), uses("f1", ""), uses("f2", ""), uses("f3", "")),
				of(filter, item("f1", "X", "h1")), of(filter, item("f2", "Y", "h1")))
			s.want("kind never covered", []string{}, s.dangling(""))
			s.run(sync1, 1).want("another kind covered", []string{}, s.dangling(""))
			s.cover(sync2, covered(filter, 2), "f2").want("not finished", []string{}, s.dangling(""))
			return s.finish(sync2, 3).want("covered", []string{"f2", "f3"}, s.dangling("")).
				want("by the selection", []string{"f2", "f3"}, s.dangling("everything")).
				want("by another selection", []string{}, s.dangling("less")).err
		},
	},
	{
		name: "links-bad-cursor",
		text: "Links reports ErrBadCursor for a cursor that another query made, or nobody",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1, full())
			var next inventory.Cursor
			s.step("page", func() error {
				page, err := s.Links(ctx, inventory.LinkQuery{Tenant: acme, Limit: 1})
				next = page.Next
				return err
			})
			for _, q := range []inventory.LinkQuery{
				{Tenant: acme, After: "x"},
				{Tenant: globex, After: next},
				{Tenant: acme, Selection: "less", After: next},
				{Tenant: acme, From: inventory.Ref{Kind: policy, ID: "p1"}, After: next},
				{Tenant: acme, To: inventory.Ref{Kind: filter, ID: "f1"}, After: next},
			} {
				s.wantErr(fmt.Sprintf("%+v", q), inventory.ErrBadCursor, func() error { _, err := s.Links(ctx, q); return err })
			}
			return s.err
		},
	},
}

// dangling returns the ids of the targets that are missing.
func (s *script) dangling(selection string) []string {
	ids := []string{}
	for _, l := range s.links(inventory.LinkQuery{Selection: selection}) {
		if l.Missing {
			ids = append(ids, l.To.ID)
		}
	}
	return ids
}
