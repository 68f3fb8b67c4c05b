package inventorytest

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantatlas/inventory"
)

var coverPromises = []promise{
	{
		name: "cover-seen",
		text: "if the status is succeeded, every item of the kind is marked as seen except for those in missed, which stay as they are",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st)
			foreign := item("p1", "Filter", "h1")
			foreign.Kind = filter
			s.put(sync1, item("p1", "A", "h1"), item("p2", "B", "h1"), item("p3", "C", "h1"), foreign)
			s.cover(sync2, covered(policy, 5), "p2", "p-unknown")
			for id, want := range map[string]inventory.Item{"p1": seenBy(sync2, 5), "p2": seenBy(sync1, 0), "p3": seenBy(sync2, 5)} {
				got := s.get(policy, id, "").Item
				s.want("last seen of "+id, want, inventory.Item{LastSeenAt: got.LastSeenAt, LastSeenRun: got.LastSeenRun})
			}
			return s.want("another kind", at(0), s.get(filter, "p1", "").LastSeenAt).err
		},
	},
	{
		name: "cover-not-back",
		text: "what was last seen never moves back, although syncs overlap",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st)
			late, early := item("p1", "A", "h1"), item("p1", "A", "h2")
			late.LastSeenAt, late.LastSeenRun = at(5), sync2.Run
			early.LastSeenAt, early.LastSeenRun = at(3), sync1.Run
			s.put(sync2, late).put(sync1, early)
			got := s.get(policy, "p1", "").Item
			s.want("after an earlier Put", seenBy(sync2, 5), inventory.Item{LastSeenAt: got.LastSeenAt, LastSeenRun: got.LastSeenRun})
			s.cover(sync1, covered(policy, 4))
			got = s.get(policy, "p1", "").Item
			return s.want("after an earlier Cover", seenBy(sync2, 5), inventory.Item{LastSeenAt: got.LastSeenAt, LastSeenRun: got.LastSeenRun}).
				want("hash", "h2", got.Hash).err
		},
	},
	{
		name: "cover-only-seen",
		text: "Cover changes nothing of an item but when and by which run it was last seen",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st)
			s.put(sync1, full()).run(sync1, 1).run(sync2, 5)
			want := full()
			want.LastSeenAt, want.LastSeenRun = at(5), "run-2"
			return s.want("document", inventory.Document{Item: want.Item, Content: want.Content, Assignments: want.Assignments}, s.get(policy, "p1", "")).
				want("links", 3, len(s.links(inventory.LinkQuery{}))).err
		},
	},
	{
		name: "cover-not-succeeded",
		text: "if the status is not succeeded, no item is touched",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st)
			skipped := failedCover(policy, 6)
			skipped.Status = "skipped"
			s.put(sync1, full()).cover(sync2, failedCover(policy, 5)).cover(sync3, skipped)
			return s.want("item", full().Item, s.get(policy, "p1", "").Item).err
		},
	},
	{
		name: "coverage-of-run",
		text: "Coverage returns the coverage of the run that is named, finished or not, by kind and as it was recorded",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st)
			c := inventory.Coverage{
				Kind: policy, Status: "succeeded", Pages: 1, Listed: 2, Objects: 3, New: 4, Changed: 5, Unchanged: 6,
				Repeated: 7, Vanished: 8, ChildrenExpected: 9, ChildrenRead: 10, Warnings: 11, Full: true, At: at(1),
			}
			s.cover(sync1, c).cover(sync1, failedCover(filter, 2))
			want := inventory.Report{Run: "run-1", Selection: "everything", Kinds: []inventory.Coverage{failedCover(filter, 2), c}}
			s.covers(inventory.CoverageQuery{Run: "run-1"}, want)
			want.CompletedAt = at(3)
			return s.finish(sync1, 3).covers(inventory.CoverageQuery{Run: "run-1"}, want).err
		},
	},
	{
		name: "cover-replaces",
		text: "Cover replaces what the run had recorded about the kind before",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).cover(sync1, failedCover(policy, 1)).cover(sync1, covered(policy, 2))
			want := inventory.Report{Run: "run-1", Selection: "everything", Kinds: []inventory.Coverage{covered(policy, 2)}}
			return s.covers(inventory.CoverageQuery{Run: "run-1"}, want).err
		},
	},
	{
		name: "coverage-latest",
		text: "without a run, Coverage returns the one that was finished last, of that selection or of any, and ErrNotFound if there is none",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).cover(sync1, covered(policy, 1))
			s.wantErr("nothing is finished", inventory.ErrNotFound, s.coverage(inventory.CoverageQuery{}))
			s.finish(sync1, 2).run(sync2, 3).run(other, 4).cover(sync3, covered(policy, 5))
			for query, run := range map[inventory.CoverageQuery]string{
				{}: "run-4", {Selection: "everything"}: "run-2", {Selection: "less"}: "run-4", {Run: "run-1"}: "run-1",
			} {
				s.step(fmt.Sprint(query), func() error {
					query.Tenant = acme
					got, err := s.Coverage(ctx, query)
					return cmpErr(err, run, got.Run)
				})
			}
			return s.wantErr("unknown run", inventory.ErrNotFound, s.coverage(inventory.CoverageQuery{Run: "run-9"})).
				wantErr("unknown selection", inventory.ErrNotFound, s.coverage(inventory.CoverageQuery{Selection: "nothing"})).err
		},
	},
}

func seenBy(sync inventory.Sync, minutes int) inventory.Item {
	return inventory.Item{LastSeenAt: at(minutes), LastSeenRun: sync.Run}
}

func cmpErr(err error, want, got string) error {
	if err == nil && got != want {
		err = fmt.Errorf("got %s, want %s", got, want)
	}
	return err
}

// covers expects a report of acme's.
func (s *script) covers(q inventory.CoverageQuery, want inventory.Report) *script {
	q.Tenant = acme
	return s.step("coverage", func() error {
		got, err := s.Coverage(s.ctx, q)
		if err == nil {
			s.want("coverage", want, got)
		}
		return err
	})
}

func (s *script) coverage(q inventory.CoverageQuery) func() error {
	q.Tenant = acme
	return func() error { _, err := s.Coverage(s.ctx, q); return err }
}

// missing expects whether the policy p1 is missing, in the item and in lists.
func (s *script) missing(when, selection string, want inventory.Confidence) *script {
	doc := s.get(policy, "p1", selection)
	s.want(when+": missing", want != "", doc.Missing).want(when+": confidence", want, doc.Confidence)
	found := []string{}
	if want != "" {
		found = append(found, "p1")
	}
	return s.want(when+": missing items", found, s.ids(inventory.Query{Missing: true, Selection: selection}))
}

var missingPromises = []promise{
	{
		name: "missing-when-finished",
		text: "an item is missing once a run with a succeeded coverage of its kind is finished that covered the kind later than the item was last seen",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1, item("p1", "A", "h1"), item("p2", "B", "h1"))
			s.missing("never covered", "", "").run(sync1, 1).missing("seen", "", "")
			s.cover(sync2, covered(policy, 2), "p1").missing("not finished", "", "")
			s.finish(sync2, 3).missing("missed", "", inventory.ConfidenceLow)
			return s.run(sync3, 4).missing("seen again", "", "").err
		},
	},
	{
		name: "missing-not-covered",
		text: "a run that failed to cover the kind, or did not try, makes nothing missing",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1, item("p1", "A", "h1")).run(sync1, 1)
			s.cover(sync2, failedCover(policy, 2)).finish(sync2, 2).missing("failed", "", "")
			return s.cover(sync3, covered(filter, 3)).finish(sync3, 3).missing("not tried", "", "").
				missing("failed", "everything", "").err
		},
	},
	{
		name: "missing-scope",
		text: "what decides is the latest finished run of the selection that the query names, or of any",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1, item("p1", "A", "h1")).run(sync1, 1).run(other, 2, "p1")
			return s.missing("in the selection that saw it", "everything", "").
				missing("in the one that missed it", "less", inventory.ConfidenceLow).
				missing("in any", "", inventory.ConfidenceLow).
				missing("in one without a run", "nothing", "").err
		},
	},
	{
		name: "missing-seen-elsewhere",
		text: "an item that a run of another selection has seen since is not missing",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1, item("p1", "A", "h1")).run(sync1, 1, "p1").run(other, 2)
			return s.missing("by the first", "everything", "").missing("by any", "", "").err
		},
	},
	{
		name: "missing-confidence",
		text: "Confidence is high if the coverage before it of the same scope, too, covered the kind later than the item was last seen",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1, item("p1", "A", "h1")).run(sync1, 1).run(sync2, 2, "p1")
			s.missing("missed once", "everything", inventory.ConfidenceLow)
			s.run(other, 3, "p1").missing("missed by another selection", "everything", inventory.ConfidenceLow).
				missing("missed by two of any", "", inventory.ConfidenceHigh)
			return s.run(sync3, 4, "p1").missing("missed twice", "everything", inventory.ConfidenceHigh).err
		},
	},
	{
		name: "missing-inconsistent",
		text: "Confidence is low if the list changed while it was read",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1, item("p1", "A", "h1")).run(sync1, 1).run(sync2, 2, "p1")
			for minute, change := range []inventory.Coverage{{Repeated: 1}, {Vanished: 1}} {
				c := covered(policy, 3+minute)
				c.Repeated, c.Vanished = change.Repeated, change.Vanished
				sync := inventory.Sync{Tenant: acme, Run: fmt.Sprint("odd-", minute), Selection: "everything"}
				s.cover(sync, c, "p1").finish(sync, 3+minute).missing("list changed", "everything", inventory.ConfidenceLow)
			}
			return s.run(sync3, 9, "p1").missing("list did not change", "everything", inventory.ConfidenceHigh).err
		},
	},
	{
		name: "finish-again",
		text: "to finish again changes nothing",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1, item("p1", "A", "h1")).run(sync1, 1).run(sync2, 2, "p1")
			s.finish(sync2, 5).missing("missed once", "everything", inventory.ConfidenceLow)
			want := inventory.Report{Run: "run-2", Selection: "everything", CompletedAt: at(2), Kinds: []inventory.Coverage{covered(policy, 2)}}
			return s.covers(inventory.CoverageQuery{Run: "run-2"}, want).err
		},
	},
	{
		name: "finish-late",
		text: "a run that is finished after a later one does not decide in its place",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1, item("p1", "A", "h1")).cover(sync1, covered(policy, 1), "p1")
			s.cover(sync2, covered(policy, 2), "p1").cover(sync3, covered(policy, 3)).finish(sync3, 3)
			return s.finish(sync2, 4).missing("seen by the latest", "everything", "").
				run(other, 5, "p1").missing("missed by another", "", inventory.ConfidenceLow).
				finish(sync1, 6).missing("missed by another", "", inventory.ConfidenceLow).err
		},
	},
}

var forgetPromises = []promise{
	{
		name: "forget-contents",
		text: "Finish forgets contents that no item refers to, if a Finish has found that ContentGrace or longer before",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1, full()).run(sync1, 1)
			s.put(sync2, item("p1", "A", "h2")).run(sync2, 2)
			day := int(inventory.ContentGrace / time.Minute)
			s.run(sync3, 2+day-1).holds("h1", true).holds("a1", true)
			s.run(inventory.Sync{Tenant: acme, Run: "run-5", Selection: "everything"}, 2+day)
			return s.holds("h1", false).holds("a1", false).holds("h2", true).err
		},
	},
	{
		name: "forget-put-again",
		text: "contents that were put since are not forgotten",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1, item("p1", "A", "h1")).put(sync1, item("p1", "A", "h2")).run(sync1, 1)
			s.put(sync2, item("p1", "A", "h1")).put(sync2, item("p1", "A", "h2"))
			day := int(inventory.ContentGrace / time.Minute)
			s.finish(sync2, 1+day).holds("h1", true)
			return s.finish(sync3, 1+2*day).holds("h1", false).err
		},
	},
	{
		name: "forget-not-others",
		text: "Finish forgets nothing of another tenant",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st)
			foreign := inventory.Sync{Tenant: globex, Run: "run-9", Selection: "everything"}
			day := int(inventory.ContentGrace / time.Minute)
			s.put(sync1, item("p1", "A", "h1")).put(sync1, item("p1", "A", "h2")).run(sync1, 1)
			s.put(foreign, item("p1", "A", "h1")).finish(foreign, 1).finish(foreign, 1+2*day)
			return s.holds("h1", true).err
		},
	},
	{
		name: "forget-reports",
		text: "Finish forgets coverage except that of the newest KeptReports runs of each selection, and what is missing does not depend on it",
		check: func(ctx context.Context, st inventory.Store) error {
			s := on(ctx, st).put(sync1, item("p1", "A", "h1")).run(other, 1).run(sync1, 2, "p1").run(sync2, 3, "p1")
			for i := range inventory.KeptReports {
				sync := inventory.Sync{Tenant: acme, Run: fmt.Sprint("later-", i), Selection: "everything"}
				s.cover(sync, covered(filter, 10+i)).finish(sync, 10+i)
			}
			s.wantErr("run-1", inventory.ErrNotFound, s.coverage(inventory.CoverageQuery{Run: "run-1"}))
			s.wantErr("run-2", inventory.ErrNotFound, s.coverage(inventory.CoverageQuery{Run: "run-2"}))
			s.step("the oldest that is kept", s.coverage(inventory.CoverageQuery{Run: "later-0"}))
			s.step("another selection", s.coverage(inventory.CoverageQuery{Run: other.Run}))
			return s.missing("forgotten", "everything", inventory.ConfidenceHigh).err
		},
	},
}

// holds expects whether acme has a content.
func (s *script) holds(hash string, want bool) *script {
	return s.step("content "+hash, func() error {
		_, err := s.Content(s.ctx, acme, hash)
		if want {
			return err
		}
		return s.wantErr("content "+hash, inventory.ErrNotFound, func() error { return err }).err
	})
}
