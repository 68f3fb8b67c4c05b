package inventorytest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tenantatlas/tenantatlas/inventory"
)

var sharedPromises = []promise{
	{
		name: "get-not-found",
		text: "Get, Content and Hide report ErrNotFound for what is not there",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1, full())
			for _, ref := range []inventory.Ref{{Kind: policy, ID: "p2"}, {Kind: filter, ID: "p1"}, {}} {
				s.wantErr("get", inventory.ErrNotFound, func() error { _, err := s.Get(ctx, acme, ref, ""); return err })
				s.wantErr("hide", inventory.ErrNotFound, func() error { return s.Hide(ctx, acme, ref, true) })
			}
			return s.wantErr("content", inventory.ErrNotFound, func() error { _, err := s.Content(ctx, acme, "h9"); return err }).err
		},
	},
	{
		name: "content",
		text: "Content returns the content or the assignments with this hash, as they were put",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1, full())
			for hash, want := range map[string]string{"h1": string(full().Content), "a1": string(full().Assignments)} {
				s.step(hash, func() error {
					got, err := s.Content(ctx, acme, hash)
					return cmpErr(err, want, string(got))
				})
			}
			return s.err
		},
	},
	{
		name: "tenants",
		text: "tenants are invisible to each other; one that is unknown has an empty inventory",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1, full()).run(sync1, 1)
			foreign := inventory.Sync{Tenant: globex, Run: "run-9", Selection: "everything"}
			s.nothing("before")
			e := item("p1", "Theirs", "h9")
			e.LastSeenAt = at(3)
			s.put(foreign, e).run(foreign, 4, "p1")
			doc := s.get(policy, "p1", "")
			return s.want("item", full().Name, doc.Name).want("missing", false, doc.Missing).
				want("last seen", at(1), doc.LastSeenAt).want("links", 3, len(s.links(inventory.LinkQuery{}))).
				wantErr("their content", inventory.ErrNotFound, func() error { _, err := s.Content(ctx, acme, "h9"); return err }).err
		},
	},
	{
		name: "concurrent",
		text: "all methods are safe for concurrent use, and no write is lost",
		check: func(ctx context.Context, st inventory.Store) error {
			const writers, each = 4, 10
			var wg sync.WaitGroup
			errs := make([]error, writers)
			for w := range writers {
				wg.Go(func() {
					for i := range each {
						e := linked(item(fmt.Sprintf("p-%d-%d", w, i), "Same", "h1"), uses("f1", ""))
						kind := fmt.Sprint("kind-", w)
						c := covered(kind, i+1)
						_, listErr := st.List(ctx, inventory.Query{Tenant: acme})
						errs[w] = errors.Join(errs[w], listErr, st.Put(ctx, sync1, []inventory.Entry{e, of(kind, item("k", "K", "h1"))}), st.Cover(ctx, sync1, c, nil))
					}
				})
			}
			wg.Wait()
			s := on(ctx, st).step("write", func() error { return errors.Join(errs...) })
			s.want("items", writers*each, len(s.ids(inventory.Query{Kind: policy, Limit: 7})))
			for w := range writers {
				s.want("last seen", at(each), s.get(fmt.Sprint("kind-", w), "k", "").LastSeenAt)
			}
			return s.want("links", writers*each, len(s.links(inventory.LinkQuery{To: inventory.Ref{Kind: filter, ID: "f1"}}))).err
		},
	},
	{
		name: "context",
		text: "a context that ends makes a call return soon, with the context's error, and a write that returns an error has changed nothing",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1, full())
			ended, cancel := context.WithCancel(ctx)
			cancel()
			ref := inventory.Ref{Kind: policy, ID: "p1"}
			for what, call := range map[string]func() error{
				"list":     func() error { _, err := st.List(ended, inventory.Query{Tenant: acme}); return err },
				"get":      func() error { _, err := st.Get(ended, acme, ref, ""); return err },
				"links":    func() error { _, err := st.Links(ended, inventory.LinkQuery{Tenant: acme}); return err },
				"coverage": func() error { _, err := st.Coverage(ended, inventory.CoverageQuery{Tenant: acme}); return err },
				"content":  func() error { _, err := st.Content(ended, acme, "h1"); return err },
				"known":    func() error { _, err := st.Known(ended, acme, policy); return err },
				"put":      func() error { return st.Put(ended, sync1, []inventory.Entry{item("p2", "B", "h2")}) },
				"cover":    func() error { return st.Cover(ended, sync1, covered(policy, 9), []string{"p1"}) },
				"finish":   func() error { return st.Finish(ended, sync1, at(9)) },
				"hide":     func() error { return st.Hide(ended, acme, ref, true) },
			} {
				s.wantErr(what, context.Canceled, call)
			}
			return s.want("items", []inventory.Item{full().Item}, s.all(inventory.Query{})).
				knows(acme, policy, inventory.Known{Items: map[string]inventory.Trace{"p1": {Hash: "h1", AssignmentsHash: "a1", Stamp: "stamp", Linked: true}}}).err
		},
	},
}

// nothing expects that the other tenant has an empty inventory.
func (s *script) nothing(when string) *script {
	ref := inventory.Ref{Kind: policy, ID: "p1"}
	s.step(when, func() error {
		items, err := s.List(s.ctx, inventory.Query{Tenant: globex})
		links, err2 := s.Links(s.ctx, inventory.LinkQuery{Tenant: globex})
		if n := len(items.Items) + len(links.Links); n > 0 {
			return fmt.Errorf("another tenant has %d items and links", n)
		}
		return errors.Join(err, err2)
	})
	s.knows(globex, policy, inventory.Known{})
	for what, call := range map[string]func() error{
		"get":     func() error { _, err := s.Get(s.ctx, globex, ref, ""); return err },
		"content": func() error { _, err := s.Content(s.ctx, globex, "h1"); return err },
		"coverage": func() error {
			_, err := s.Coverage(s.ctx, inventory.CoverageQuery{Tenant: globex, Run: "run-1"})
			return err
		},
		"hide": func() error { return s.Hide(s.ctx, globex, ref, true) },
	} {
		s.wantErr(when+": "+what, inventory.ErrNotFound, call)
	}
	return s
}
