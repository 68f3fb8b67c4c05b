package inventorytest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/tenantatlas/tenantatlas/inventory/directory"
)

var groupListPromises = []directoryPromise{
	{
		name: "list-order",
		text: "List returns the groups in the order of their folded names and ids, each by its bytes",
		check: func(ctx context.Context, st directory.Store) error {
			s := onGroups(ctx, st).round(fullRound("run-1", 0), named("g1", "zeta"), named("g2", "Éclair"), named("g3", "ALPHA"), named("G4", "alpha"),
				named("g5", "_x"), named("g6", ""), named("g7", "a b"), named("g8", " a-b"), named("g9", "éclair 2"))
			return s.want("order", []string{"g6", "g5", "g7", "g8", "G4", "g3", "g1", "g2", "g9"}, s.ids(directory.Query{})).err
		},
	},
	{
		name: "list-pages",
		text: "each group comes once over the pages",
		check: func(ctx context.Context, st directory.Store) error {
			s := onGroups(ctx, st).begin(fullRound("run-1", 0))
			var want []string
			for i := range 7 {
				want = append(want, fmt.Sprint("g", i))
				s.put(fullRound("run-1", 0), named(want[i], "Same name"))
			}
			for limit := range 4 {
				s.want(fmt.Sprint("limit ", limit), want, s.ids(directory.Query{Limit: limit})).
					want(fmt.Sprint("text, limit ", limit), want, s.ids(directory.Query{Limit: limit, Text: "same"})).
					want(fmt.Sprint("name, limit ", limit), want, s.ids(directory.Query{Limit: limit, Name: "Same name"}))
			}
			return s.err
		},
	},
	{
		name: "list-grows",
		text: "groups that are added behind a cursor are found, and those before it do not come again",
		check: func(ctx context.Context, st directory.Store) error {
			r := fullRound("run-1", 0)
			s := onGroups(ctx, st).begin(r).put(r, named("g1", "b"), named("g2", "d"), named("g3", "f"))
			var page directory.Page
			s.step("first page", func() (err error) {
				page, err = st.List(ctx, directory.Query{Tenant: acme, Limit: 2})
				return err
			})
			s.put(r, named("g4", "a"), named("g5", "e"))
			return s.want("rest", []string{"g5", "g3"}, s.ids(directory.Query{Limit: 2, After: page.Next})).err
		},
	},
	{
		name: "list-text",
		text: "Text selects groups whose folded name contains it, or whose id begins with it, both folded; no character has another meaning",
		check: func(ctx context.Context, st directory.Store) error {
			s := onGroups(ctx, st).round(fullRound("run-1", 0),
				named("g1", "Größe ÄÖ 100% sure"), named("g2", "100 per cent_x"), named("g3", `back\slash [a-z]*`), named("4F-7", "x"), named("g5", "none"))
			for q, want := range map[string][]string{
				"größe": {"g1"}, " ÄÖ ": {"g1"}, "100": {"g2", "g1"}, "100%": {"g1"}, "%": {"g1"}, "_": {"g2"}, `\`: {"g3"},
				"[a-z]": {"g3"}, "*": {"g3"}, "4f-": {"4F-7"}, "f-7": {}, "G5": {"g5"}, "'": {},
			} {
				s.want("text "+q, want, s.ids(directory.Query{Text: q}))
			}
			return s.err
		},
	},
	{
		name: "list-text-order",
		text: "with Text, groups whose names begin with it come before all others",
		check: func(ctx context.Context, st directory.Store) error {
			s := onGroups(ctx, st).round(fullRound("run-1", 0),
				named("g1", "A VPN"), named("g2", "VPN users"), named("g3", "vpn admins"), named("g4", "No vpn"), named("g5", "vpn"), named("g6", "other"))
			for limit := range 4 {
				s.want(fmt.Sprint("limit ", limit), []string{"g5", "g3", "g2", "g1", "g4"}, s.ids(directory.Query{Text: "Vpn", Limit: limit}))
			}
			return s.err
		},
	},
	{
		name: "list-name",
		text: "Name selects groups with exactly this name",
		check: func(ctx context.Context, st directory.Store) error {
			s := onGroups(ctx, st).round(fullRound("run-1", 0),
				named("g1", "Pilots"), named("g2", "pilots"), named("g3", "Pilots"), named("g4", "Pilots 2"), named("g5", " Pilots"), named("g6", "100%"), named("g7", "100x"))
			return s.want("twice", []string{"g1", "g3"}, s.ids(directory.Query{Name: "Pilots"})).
				want("space", []string{"g5"}, s.ids(directory.Query{Name: " Pilots"})).
				want("per cent", []string{"g6"}, s.ids(directory.Query{Name: "100%"})).
				want("none", []string{}, s.ids(directory.Query{Name: "Pilot"})).err
		},
	},
	{
		name: "list-bad-cursor",
		text: "List reports ErrBadCursor for a cursor that another query made, or nobody",
		check: func(ctx context.Context, st directory.Store) error {
			s := onGroups(ctx, st).round(fullRound("run-1", 0), named("g1", "A"), named("g2", "B"), named("g3", "C"))
			var next directory.Cursor
			s.step("page", func() error {
				page, err := st.List(ctx, directory.Query{Tenant: acme, Limit: 1})
				next = page.Next
				return err
			})
			for _, q := range []directory.Query{
				{Tenant: acme, After: "x"},
				{Tenant: acme, After: next + "A"},
				{Tenant: acme, Text: "p", After: next},
				{Tenant: acme, Name: "B", After: next},
				{Tenant: globex, After: next},
			} {
				s.wantErr(fmt.Sprintf("%+v", q), directory.ErrBadCursor, func() error { _, err := st.List(ctx, q); return err })
			}
			return s.want("another limit", []string{"g2", "g3"}, s.ids(directory.Query{Limit: 3, After: next})).err
		},
	},
	{
		name: "lookup",
		text: "Lookup returns those of the groups with these ids that are known, however many ids there are",
		check: func(ctx context.Context, st directory.Store) error {
			r := fullRound("run-1", 0)
			s := onGroups(ctx, st).begin(r)
			var changes []directory.Change
			ids := []string{"", "none", "\x00", "g0001", "G0001"}
			for i := range 2100 {
				changes = append(changes, named(fmt.Sprintf("g%04d", i), fmt.Sprint("Group ", i)))
				ids = append(ids, changes[i].ID)
			}
			s.put(r, changes...)
			s.step("look up", func() error {
				found, err := st.Lookup(ctx, acme, ids)
				if len(found) != len(changes) || found["g2099"].Name != "Group 2099" || found["g0001"].ID != "g0001" {
					err = errors.Join(err, fmt.Errorf("%d groups are found, the last one is %+v", len(found), found["g2099"]))
				}
				return err
			})
			s.step("none", func() error {
				found, err := st.Lookup(ctx, acme, nil)
				if len(found) > 0 {
					err = fmt.Errorf("%d groups are found", len(found))
				}
				return err
			})
			return s.err
		},
	},
	{
		name: "lookup-case",
		text: "Lookup finds a group whose id is a GUID in lower or upper case by any spelling, under the one that was asked for; the exact one is preferred, and no other id is respelled",
		check: func(ctx context.Context, st directory.Store) error {
			const a, b = "0a0b0c0d-0000-0000-0000-00000000abcd", "FEDCBA98-0000-0000-0000-000000000001"
			const twin = "aaaaaaaa-0000-0000-0000-000000000002"
			r := fullRound("run-1", 0)
			s := onGroups(ctx, st).begin(r)
			s.put(r, named(a, "Low"), named(b, "High"), named("g1", "Plain"), named(twin, "Low twin"), named(strings.ToUpper(twin), "High twin"))
			s.step("look up", func() error {
				asked := []string{a, strings.ToUpper(a), strings.ToLower(b), "Fedcba98-0000-0000-0000-000000000001", "G1", twin, strings.ToUpper(twin), "Aaaaaaaa-0000-0000-0000-000000000002"}
				found, err := st.Lookup(ctx, acme, asked)
				want := []string{"Low " + a, "Low " + a, "High " + b, "High " + b, " ", "Low twin " + twin, "High twin " + strings.ToUpper(twin), "Low twin " + twin}
				for i, id := range asked {
					if got := found[id].Name + " " + found[id].ID; got != want[i] {
						err = errors.Join(err, fmt.Errorf("%s leads to %q, want %q", id, got, want[i]))
					}
				}
				if len(found) != len(asked)-1 {
					err = errors.Join(err, fmt.Errorf("%d groups are found, want %d", len(found), len(asked)-1))
				}
				return err
			})
			return s.err
		},
	},
}

var sharedGroupPromises = []directoryPromise{
	{
		name: "tenants",
		text: "tenants are invisible to each other; one that is unknown has no groups",
		check: func(ctx context.Context, st directory.Store) error {
			s := onGroups(ctx, st).round(fullRound("run-1", 0), named("g1", "Ours"), named("g2", "Ours too"))
			before := s.state()
			theirs := fullRound("run-9", 300)
			theirs.Tenant = globex
			unknown := func() error {
				found, err := st.Lookup(ctx, globex, []string{"g1"})
				page, err2 := st.List(ctx, directory.Query{Tenant: globex})
				state, err3 := st.State(ctx, globex)
				if len(found)+len(page.Groups) > 0 || state.Round.Run != "" {
					return fmt.Errorf("another tenant has %v, %v, %+v", found, page.Groups, state)
				}
				return errors.Join(err, err2, err3)
			}
			s.step("unknown", unknown).round(theirs, named("g1", "Theirs"))
			theirs.Run, theirs.At = "run-10", day(400)
			s.round(theirs)
			return s.want("state", before, s.state()).want("group", "Ours", s.group("g1").Name).
				want("missing", false, s.group("g1").Missing).want("all", []string{"g1", "g2"}, s.ids(directory.Query{})).err
		},
	},
	{
		name: "no-tenant",
		text: "a round without a tenant or a run is ErrInvalid",
		check: func(ctx context.Context, st directory.Store) error {
			s := onGroups(ctx, st)
			for _, r := range []directory.Round{{Run: "run-1", At: day(0)}, {Tenant: acme, At: day(0)}} {
				s.wantErr("begin", directory.ErrInvalid, func() error { return st.Begin(ctx, r) })
				s.wantErr("put", directory.ErrInvalid, func() error { return st.Put(ctx, r, directory.Part{}) })
				s.wantErr("finish", directory.ErrInvalid, func() error { _, err := st.Finish(ctx, r, ""); return err })
			}
			return s.err
		},
	},
	{
		name: "concurrent",
		text: "all methods are safe for concurrent use, and no write is lost",
		check: func(ctx context.Context, st directory.Store) error {
			const writers, each = 4, 10
			r := fullRound("run-1", 0)
			s := onGroups(ctx, st).begin(r)
			var wg sync.WaitGroup
			errs := make([]error, writers)
			for w := range writers {
				wg.Go(func() {
					for i := range each {
						_, listErr := st.List(ctx, directory.Query{Tenant: acme})
						part := directory.Part{Changes: []directory.Change{named(fmt.Sprintf("g-%d-%d", w, i), "A"), named("same", fmt.Sprint(w))}, Next: "/next"}
						errs[w] = errors.Join(errs[w], listErr, st.Put(ctx, r, part))
					}
				})
			}
			wg.Wait()
			s.step("write", func() error { return errors.Join(errs...) })
			return s.want("groups", writers*each+1, len(s.ids(directory.Query{Limit: 7}))).want("counted", 2*writers*each, s.state().Groups).err
		},
	},
	{
		name: "context",
		text: "a context that ends makes a call return soon, with the context's error, and a write that returns an error has changed nothing",
		check: func(ctx context.Context, st directory.Store) error {
			r := fullRound("run-1", 0)
			s := onGroups(ctx, st).begin(r).put(r, named("g1", "A"))
			before := s.state()
			ended, cancel := context.WithCancel(ctx)
			cancel()
			for what, call := range map[string]func() error{
				"lookup": func() error { _, err := st.Lookup(ended, acme, []string{"g1"}); return err },
				"list":   func() error { _, err := st.List(ended, directory.Query{Tenant: acme}); return err },
				"state":  func() error { _, err := st.State(ended, acme); return err },
				"begin":  func() error { return st.Begin(ended, fullRound("run-2", 1)) },
				"put":    func() error { return st.Put(ended, r, directory.Part{Changes: []directory.Change{named("g2", "B")}}) },
				"finish": func() error { _, err := st.Finish(ended, r, "/link"); return err },
			} {
				s.wantErr(what, context.Canceled, call)
			}
			return s.want("state", before, s.state()).want("groups", []string{"g1"}, s.ids(directory.Query{})).err
		},
	},
}
