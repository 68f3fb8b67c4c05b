package inventorytest

import (
	"context"
	"encoding/json"

	"github.com/tenantatlas/tenantatlas/inventory"
)

var putPromises = []promise{
	{
		name: "put-then-get",
		text: "Put adds the entries, together with their contents; a read that begins afterwards sees it",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st)
			e := full()
			got := s.put(sync1, e).get(policy, "p1", "")
			return s.want("document", inventory.Document{Item: e.Item, Content: e.Content, Assignments: e.Assignments}, got).
				want("list", []inventory.Item{e.Item}, s.all(inventory.Query{})).err
		},
	},
	{
		name: "put-little",
		text: "an entry without name, assignments, times and links is kept as it is",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st)
			e := item("p1", "", "h1")
			got := s.put(sync1, e).get(policy, "p1", "")
			return s.want("document", inventory.Document{Item: e.Item, Content: e.Content}, got).err
		},
	},
	{
		name: "put-replaces",
		text: "Put replaces the entries that are there",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st)
			e := item("p1", "New", "h2")
			e.LastSeenAt, e.LastSeenRun = at(5), "run-2"
			got := s.put(sync1, full()).put(sync2, e).get(policy, "p1", "")
			return s.want("document", inventory.Document{Item: e.Item, Content: e.Content}, got).
				want("list", []inventory.Item{e.Item}, s.all(inventory.Query{})).err
		},
	},
	{
		name: "put-first-seen",
		text: "FirstSeenAt is kept from the first Put",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st)
			again := full()
			again.FirstSeenAt = at(7)
			got := s.put(sync1, full()).put(sync2, again).get(policy, "p1", "")
			return s.want("first seen", at(0), got.FirstSeenAt).err
		},
	},
	{
		name: "put-hidden",
		text: "Put keeps Hidden as it is; Hide sets it, and nothing else",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st)
			set := full()
			set.Hidden = true
			s.put(sync1, set)
			s.want("hidden by a put", false, s.get(policy, "p1", "").Hidden)
			s.step("hide", func() error { return s.Hide(ctx, acme, inventory.Ref{Kind: policy, ID: "p1"}, true) })
			want := full().Item
			want.Hidden = true
			s.want("hidden item", want, s.get(policy, "p1", "").Item)
			s.put(sync2, full())
			s.want("hidden after a put", true, s.get(policy, "p1", "").Hidden)
			s.step("unhide", func() error { return s.Hide(ctx, acme, inventory.Ref{Kind: policy, ID: "p1"}, false) })
			return s.want("unhidden item", full().Item, s.get(policy, "p1", "").Item).err
		},
	},
	{
		name: "put-derived",
		text: "Put ignores Missing and Confidence",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st)
			e := full()
			e.Missing, e.Confidence = true, inventory.ConfidenceHigh
			return s.put(sync1, e).want("item", full().Item, s.get(policy, "p1", "").Item).err
		},
	},
	{
		name: "put-content-once",
		text: "A content is stored once per hash; the first one stays",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st)
			twin := item("p2", "B", "h1")
			twin.Content = json.RawMessage(`{"other":true}`)
			s.put(sync1, item("p1", "A", "h1")).put(sync1, twin)
			return s.want("content of the first", content("h1"), s.get(policy, "p1", "").Content).
				want("content of the second", content("h1"), s.get(policy, "p2", "").Content).err
		},
	},
	{
		name: "put-content-known",
		text: "Content and Assignments may be nil if the store has them already, or another entry of the same call brings them",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st)
			again := full()
			again.Name, again.Content, again.Assignments = "New", nil, nil
			twin := item("p2", "B", "h2")
			twin.Content = nil
			s.put(sync1, full()).put(sync2, again).put(sync2, twin, item("p3", "C", "h2"))
			got := s.get(policy, "p1", "")
			return s.want("name", "New", got.Name).
				want("content", full().Content, got.Content).
				want("assignments", full().Assignments, got.Assignments).
				want("content of the twin", content("h2"), s.get(policy, "p2", "").Content).err
		},
	},
	{
		name: "put-invalid",
		text: "Put reports ErrInvalid for an entry without kind, id or hash, or whose content is neither there nor brought, and changes nothing",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st)
			noKind, noID, noHash, noContent, noAssignments := full(), full(), full(), full(), full()
			noKind.Kind, noID.ID, noHash.Hash, noContent.Content, noAssignments.Assignments = "", "", "", nil, nil
			for what, e := range map[string]inventory.Entry{
				"no kind": noKind, "no id": noID, "no hash": noHash, "no content": noContent, "no assignments": noAssignments,
			} {
				s.wantErr(what, inventory.ErrInvalid, func() error {
					return s.Put(ctx, sync1, []inventory.Entry{item("p9", "Good", "h9"), e})
				})
			}
			return s.want("items", []string{}, s.ids(inventory.Query{})).
				wantErr("content", inventory.ErrNotFound, func() error { _, err := s.Content(ctx, acme, "h9"); return err }).err
		},
	},
	{
		name: "put-links",
		text: "Links replace those from the item if Linked is true; otherwise the stored links stay",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st)
			unlinked, relinked := full(), full()
			unlinked.Linked, unlinked.Links = false, nil
			relinked.Links = relinked.Links[:1]
			neighbour := item("p2", "B", "h1")
			neighbour.Linked, neighbour.Links = true, full().Links[2:]
			s.put(sync1, full(), neighbour)
			s.want("links", 4, len(s.links(inventory.LinkQuery{})))
			s.put(sync2, unlinked)
			s.want("links after an entry that is not linked", 4, len(s.links(inventory.LinkQuery{})))
			s.put(sync2, relinked)
			s.want("links after an entry with one", 2, len(s.links(inventory.LinkQuery{})))
			relinked.Links = nil
			s.put(sync2, relinked)
			return s.want("links after an entry with none", 1, len(s.links(inventory.LinkQuery{}))).err
		},
	},
	{
		name: "put-holds-nothing",
		text: "nothing that was passed is kept hold of, and the caller owns what it gets",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st)
			e := full()
			s.put(sync1, e)
			scribble(&e.Item, e.Content, e.Assignments)
			e.Links[0].To.Name = "scribbled"
			want := inventory.Document{Item: full().Item, Content: full().Content, Assignments: full().Assignments}
			got := s.get(policy, "p1", "")
			s.want("document after the entry was written to", want, got)
			if s.err != nil {
				return s.err
			}
			scribble(&got.Item, got.Content, got.Assignments)
			s.want("document after an answer was written to", want, s.get(policy, "p1", ""))
			for _, i := range s.all(inventory.Query{}) {
				scribble(&i)
			}
			return s.want("document after a list was written to", want, s.get(policy, "p1", "")).
				want("name of a link", "Pilots", s.links(inventory.LinkQuery{To: inventory.Ref{Kind: "group", ID: "g1"}})[0].To.Name).err
		},
	},
}

// scribble writes to everything that could be shared.
func scribble(i *inventory.Item, docs ...json.RawMessage) {
	i.ScopeTags[0] = "scribbled"
	i.Meta["scribbled"] = "yes"
	for _, d := range docs {
		d[0] = '!'
	}
}

var knownPromises = []promise{
	{
		name: "known-nothing",
		text: "of a kind that was never looked at nothing is known",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1, full()).run(sync1, 1)
			return s.knows(acme, filter, inventory.Known{}).knows(globex, policy, inventory.Known{}).err
		},
	},
	{
		name: "known-traces",
		text: "Known returns the traces of all items of the kind, missing ones included",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st)
			foreign := item("f1", "Filter", "h1")
			foreign.Kind = filter
			s.put(sync1, full(), item("p2", "B", "h2"), foreign).run(sync1, 1).run(sync2, 2, "p2")
			return s.knows(acme, policy, inventory.Known{CoveredAt: at(2), Items: map[string]inventory.Trace{
				"p1": {Hash: "h1", AssignmentsHash: "a1", Stamp: "stamp", Linked: true},
				"p2": {Hash: "h2"},
			}}).err
		},
	},
	{
		name: "known-trace-moves",
		text: "Stamp and Linked are what Known returns for the item from now on",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st)
			e := full()
			e.Stamp, e.Linked = "moved", false
			return s.put(sync1, full()).put(sync2, e).knows(acme, policy, inventory.Known{Items: map[string]inventory.Trace{
				"p1": {Hash: "h1", AssignmentsHash: "a1", Stamp: "moved"},
			}}).err
		},
	},
	{
		name: "known-times",
		text: "CoveredAt is the latest At of a coverage by any run, FullAt the latest of one that succeeded and was Full",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st)
			whole, part, broken := covered(policy, 3), covered(policy, 5), failedCover(policy, 7)
			whole.Full, broken.Full = true, true
			s.cover(sync1, whole).knows(acme, policy, inventory.Known{CoveredAt: at(3), FullAt: at(3)})
			s.cover(sync2, part).knows(acme, policy, inventory.Known{CoveredAt: at(5), FullAt: at(3)})
			s.cover(other, broken).knows(acme, policy, inventory.Known{CoveredAt: at(7), FullAt: at(3)})
			whole.At = at(2)
			return s.cover(sync3, whole).knows(acme, policy, inventory.Known{CoveredAt: at(7), FullAt: at(3)}).err
		},
	},
}

// knows expects what is known of a kind; nil and no Items are the same.
func (s *script) knows(tenant, kind string, want inventory.Known) *script {
	return s.step("known", func() error {
		got, err := s.Known(s.ctx, tenant, kind)
		if len(got.Items) == 0 {
			got.Items = nil
		}
		if err == nil {
			s.want("known", want, got)
		}
		return err
	})
}
