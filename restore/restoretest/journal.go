package restoretest

import (
	"context"
	"fmt"
	"maps"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
)

var journalPromises = []promise[restore.Store]{
	{
		name: "put-then-items",
		text: "Put adds items; a read that begins afterwards sees them, with everything that they have",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			s.create("one", 0)
			s.put("one", 0, entry("p1"), plain(policy, "p2", "NUL \x00"))
			s.put("one", 0)
			s.want("items", []restore.Item{entry("p1"), plain(policy, "p2", "NUL \x00")}, s.items(restore.ItemQuery{Restore: "one"}))
			return s.err
		},
	},
	{
		name: "put-replaces",
		text: "Put replaces the items of the same objects, and no others; of several for one object the last stays",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			s.create("one", 0)
			s.put("one", 0, entry("p1"), entry("p2"), plain(filter, "p1", "Filter"))
			later := plain(policy, "p1", "Renamed")
			later.Step, later.Result = restore.Done, restore.Verified
			s.put("one", 0, plain(policy, "p1", "Between"), later)
			s.want("items", []restore.Item{plain(filter, "p1", "Filter"), entry("p2"), later}, s.items(restore.ItemQuery{Restore: "one"}))
			return s.err
		},
	},
	{
		name: "put-invalid",
		text: "Put reports ErrInvalid, keeping none, for an item without kind or ID",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			s.create("one", 0)
			for _, bad := range []restore.Item{plain("", "p1", "x"), plain(policy, "", "x")} {
				s.wantErr("put", restore.ErrInvalid, func() error { return st.Put(ctx, acme, "one", fence, []restore.Item{entry("p1"), bad}) })
			}
			s.want("items", []string{}, s.ids(restore.ItemQuery{Restore: "one"}))
			return s.err
		},
	},
	{
		name: "clear",
		text: "Clear removes all items of a restore, and of no other",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			s.create("one", 0)
			s.create("two", 0)
			s.put("one", 0, entry("p1"), entry("p2"))
			s.put("two", 0, entry("p3"))
			s.step("clear", func() error { return st.Clear(ctx, acme, "one", fence) })
			s.want("items", []string{}, s.ids(restore.ItemQuery{Restore: "one"}))
			s.want("others", []string{"p3"}, s.ids(restore.ItemQuery{Restore: "two"}))
			return s.err
		},
	},
	{
		name: "fence",
		text: "every write names the fence that its writer has, and reports ErrConflict, changing nothing, unless that is the Fence of the stored restore",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			s.create("one", 0)
			s.put("one", 0, entry("p1"))
			refused := func(fence int64) {
				s.wantErr(fmt.Sprint("put ", fence), restore.ErrConflict, func() error {
					return st.Put(ctx, acme, "one", fence, []restore.Item{plain(policy, "p1", "late"), entry("p2")})
				})
				s.wantErr(fmt.Sprint("clear ", fence), restore.ErrConflict, func() error { return st.Clear(ctx, acme, "one", fence) })
				s.want("items", []restore.Item{entry("p1")}, s.items(restore.ItemQuery{Restore: "one"}))
			}
			refused(0)
			refused(fence + 1)
			r := revised(full("one", 0), 1)
			r.Fence++
			s.step("replace", func() error { return st.Replace(ctx, r) })
			refused(fence)
			s.put("one", 1, entry("p2"))
			s.want("items", []string{"p1", "p2"}, s.ids(restore.ItemQuery{Restore: "one"}))
			return s.err
		},
	},
	{
		name: "journal-not-found",
		text: "Put and Clear report ErrNotFound if there is no such restore",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			s.create("one", 0)
			s.wantErr("put", restore.ErrNotFound, func() error { return st.Put(ctx, acme, "two", fence, []restore.Item{entry("p1")}) })
			s.wantErr("clear", restore.ErrNotFound, func() error { return st.Clear(ctx, acme, "two", fence) })
			return s.err
		},
	},
	{
		name: "items-order",
		text: "Items returns items in the order of their kinds, folded names and ids, each by its bytes",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			s.create("one", 0)
			s.put("one", 0, plain(policy, "p1", " beta"), plain(policy, "p2", "Alpha"), plain(policy, "p3", "BETA "),
				plain(policy, "p5", "Älpha"), plain(policy, "P6", "alpha"), plain(filter, "f1", "zeta"), plain(policy, "p7", ""))
			s.want("items", []string{"f1", "p7", "P6", "p2", "p1", "p3", "p5"}, s.ids(restore.ItemQuery{Restore: "one"}))
			return s.err
		},
	},
	{
		name: "items-pages",
		text: "each item is listed once over the pages, whatever is added meanwhile; a page has Limit items at most, 50 if that is 0",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			s.create("one", 0)
			var all []restore.Item
			for i := range 51 {
				all = append(all, plain(policy, fmt.Sprintf("p%02d", i), fmt.Sprint("name ", i/3)))
			}
			s.put("one", 0, all...)
			want := s.ids(restore.ItemQuery{Restore: "one"})
			s.want("items", 51, len(want))
			for _, q := range []restore.ItemQuery{{Limit: 7}, {Limit: 3, Kind: policy}, {Limit: 4, Decisions: []restore.Decision{restore.Create}}} {
				q.Restore = "one"
				s.want(fmt.Sprintf("%+v", q), want, s.ids(q))
			}
			page, err := st.Items(ctx, restore.ItemQuery{Tenant: acme, Restore: "one", Limit: 10})
			s.step("first page", func() error { return err })
			s.put("one", 0, plain(policy, "new", "a name before all"))
			s.want("rest", want[10:], s.ids(restore.ItemQuery{Restore: "one", After: page.Next, Limit: 10}))
			return s.err
		},
	},
	{
		name: "items-filters",
		text: "Kind, Decisions and Results select items, several values in one field any of them, several fields all of them",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			s.create("one", 0)
			for i, is := range []struct {
				kind     string
				decision restore.Decision
				result   restore.Result
			}{
				{policy, restore.Create, ""},
				{policy, restore.Create, restore.Failed},
				{policy, restore.Update, restore.Failed},
				{filter, restore.Update, restore.Verified},
				{filter, restore.Skip, restore.Skipped},
			} {
				item := plain(is.kind, fmt.Sprint("i", i), "")
				item.Decision, item.Result = is.decision, is.result
				s.put("one", 0, item)
			}
			for _, c := range []struct {
				q    restore.ItemQuery
				want []string
			}{
				{restore.ItemQuery{Kind: filter}, []string{"i3", "i4"}},
				{restore.ItemQuery{Decisions: []restore.Decision{restore.Create}}, []string{"i0", "i1"}},
				{restore.ItemQuery{Decisions: []restore.Decision{restore.Create, restore.Skip}}, []string{"i4", "i0", "i1"}},
				{restore.ItemQuery{Results: []restore.Result{restore.Failed, restore.Verified}}, []string{"i3", "i1", "i2"}},
				{restore.ItemQuery{Results: []restore.Result{""}}, []string{"i0"}},
				{restore.ItemQuery{Decisions: []restore.Decision{restore.Create}, Results: []restore.Result{restore.Failed}}, []string{"i1"}},
				{restore.ItemQuery{Kind: filter, Decisions: []restore.Decision{restore.Create}}, []string{}},
			} {
				c.q.Restore, c.q.Limit = "one", 2
				s.want(fmt.Sprintf("%+v", c.q), c.want, s.ids(c.q))
			}
			return s.err
		},
	},
	{
		name: "items-bad-cursor",
		text: "Items reports ErrBadCursor for what is no cursor of this list",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			s.create("one", 0)
			s.create("two", 0)
			s.put("one", 0, entry("p1"), entry("p2"))
			page, err := st.Items(ctx, restore.ItemQuery{Tenant: acme, Restore: "one", Limit: 1})
			s.step("items", func() error { return err })
			for _, q := range []restore.ItemQuery{
				{Restore: "one", After: "nonsense"},
				{Restore: "two", After: page.Next},
				{Restore: "one", After: page.Next, Kind: policy},
				{Restore: "one", After: page.Next, Decisions: []restore.Decision{restore.Create}},
				{Restore: "one", After: page.Next, Results: []restore.Result{restore.Failed}},
			} {
				q.Tenant = acme
				s.wantErr(fmt.Sprintf("%+v", q), restore.ErrBadCursor, func() error { _, err := st.Items(ctx, q); return err })
			}
			return s.err
		},
	},
	{
		name: "items-no-restore",
		text: "a restore that is not there has no items",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			s.create("one", 0)
			s.put("one", 0, entry("p1"))
			s.want("items", []string{}, s.ids(restore.ItemQuery{Restore: "two"}))
			return s.err
		},
	},
}

var memoryPromises = []promise[restore.Store]{
	{
		name: "remember-then-recall",
		text: "Recall returns the answers that there are to questions about these things of the origin, each once",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			other := answer("g1", "g9")
			other.Origin = "nowhere"
			kind := answer("g1", "f7")
			kind.Kind = filter
			s.remember(answer("g1", "g7"), answer("g2", "g8"), answer("g3", "g9"))
			s.remember(other, kind)
			s.remember()
			want := map[string]restore.Answer{"g1": answer("g1", "g7"), "g2": answer("g2", "g8")}
			s.want("answers", want, s.recall("elsewhere", "g2", "g1", "g4", "g1"))
			s.want("of another origin", map[string]restore.Answer{"g1": other}, s.recall("nowhere", "g1", "g2"))
			s.want("to nothing", 0, len(s.recall("elsewhere")))
			found, err := st.Recall(ctx, acme, "elsewhere", []inventory.Ref{kind.Ref})
			s.step("recall", func() error { return err })
			s.want("of another kind", []restore.Answer{kind}, found)
			return s.err
		},
	},
	{
		name: "remember-many",
		text: "any number of answers is kept and recalled",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			want := make(map[string]restore.Answer)
			var all []restore.Answer
			var ids []string
			for i := range 1234 {
				a := answer(fmt.Sprint("g", i), fmt.Sprint("to ", i))
				all, ids = append(all, a), append(ids, a.ID)
				want[a.ID] = a
			}
			s.remember(all...)
			got := s.recall("elsewhere", ids...)
			s.want("answers", true, maps.Equal(want, got))
			return s.err
		},
	},
	{
		name: "remember-replaces",
		text: "Remember replaces the answer to the same question; of several at once the last stays",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			later := answer("g1", "g9")
			later.At, later.By.ID = at(60), "eve"
			s.remember(answer("g1", "g7"))
			s.remember(answer("g1", "g8"), later)
			s.want("answers", map[string]restore.Answer{"g1": later}, s.recall("elsewhere", "g1"))
			return s.err
		},
	},
	{
		name: "remember-invalid",
		text: "Remember reports ErrInvalid, keeping none, for an answer without origin, kind, ID or To",
		check: func(ctx context.Context, st restore.Store) error {
			s := onRestores(ctx, st)
			for name, change := range map[string]func(a *restore.Answer){
				"origin": func(a *restore.Answer) { a.Origin = "" },
				"kind":   func(a *restore.Answer) { a.Kind = "" },
				"ID":     func(a *restore.Answer) { a.ID = "" },
				"To":     func(a *restore.Answer) { a.To = "" },
			} {
				bad := answer("g1", "g7")
				change(&bad)
				s.wantErr(name, restore.ErrInvalid, func() error { return st.Remember(ctx, acme, []restore.Answer{answer("g2", "g8"), bad}) })
			}
			s.want("answers", 0, len(s.recall("elsewhere", "g1", "g2")))
			return s.err
		},
	},
}
