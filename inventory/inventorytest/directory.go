package inventorytest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/inventory/directory"
)

// TestDirectory checks that the stores open returns keep every promise made by
// [directory.Store] and [directory.Cache]. It calls open once for each promise;
// every store must be empty.
func TestDirectory(t *testing.T, open func(t testing.TB) directory.Store) {
	for _, p := range directoryPromises() {
		t.Run(p.name, func(t *testing.T) {
			if err := p.check(t.Context(), open(t)); err != nil {
				t.Errorf("%v\nbroken promise: %s", err, p.text)
			}
		})
	}
}

// A directoryPromise is a promise of [directory.Store].
type directoryPromise struct {
	name, text string
	check      func(ctx context.Context, s directory.Store) error
}

func directoryPromises() []directoryPromise {
	return slices.Concat(roundPromises, groupPromises, forgetGroupPromises, groupListPromises, sharedGroupPromises)
}

// fullRound and deltaRound return rounds of acme's that begin so many days after the
// first.
func fullRound(run string, days int) directory.Round {
	return directory.Round{Tenant: acme, Run: run, Full: true, At: day(days)}
}

func deltaRound(run string, days int) directory.Round {
	r := fullRound(run, days)
	r.Full = false
	return r
}

func day(n int) time.Time { return at(0).Add(time.Duration(n) * 24 * time.Hour) }

// named returns a change that says that a group is there.
func named(id, name string) directory.Change {
	return directory.Change{Group: directory.Group{ID: id, Name: name, Type: directory.Security}}
}

func removed(id string) directory.Change {
	return directory.Change{Group: directory.Group{ID: id}, Removed: true}
}

// A groupScript calls a store step by step until one fails.
type groupScript struct {
	directory.Store
	ctx context.Context //nolint:containedctx // lives as long as one check
	err error
}

func onGroups(ctx context.Context, s directory.Store) *groupScript {
	return &groupScript{Store: s, ctx: ctx}
}

func (s *groupScript) step(name string, do func() error) *groupScript {
	if s.err == nil {
		if err := do(); err != nil {
			s.err = fmt.Errorf("%s: %w", name, err)
		}
	}
	return s
}

func (s *groupScript) begin(r directory.Round) *groupScript {
	return s.step("begin", func() error { return s.Begin(s.ctx, r) })
}

func (s *groupScript) put(r directory.Round, changes ...directory.Change) *groupScript {
	return s.step("put", func() error { return s.Put(s.ctx, r, directory.Part{Changes: changes, Next: "/next"}) })
}

func (s *groupScript) finish(r directory.Round) (sum directory.Summary) {
	s.step("finish", func() (err error) {
		sum, err = s.Finish(s.ctx, r, "/link")
		return err
	})
	return sum
}

// round begins a round, puts the changes and finishes it.
func (s *groupScript) round(r directory.Round, changes ...directory.Change) *groupScript {
	s.begin(r).put(r, changes...).finish(r)
	return s
}

func (s *groupScript) state() (st directory.State) {
	s.step("state", func() (err error) {
		st, err = s.State(s.ctx, acme)
		return err
	})
	return st
}

// group returns one of acme's groups; a zero one if it is not there.
func (s *groupScript) group(id string) directory.Group {
	var found map[string]directory.Group
	s.step("look up", func() (err error) {
		found, err = s.Lookup(s.ctx, acme, []string{id})
		return err
	})
	return found[id]
}

func (s *groupScript) want(what string, want, got any) *groupScript {
	return s.step(what, func() error {
		if reflect.DeepEqual(want, got) {
			return nil
		}
		return fmt.Errorf("got %s, want %s", text(got), text(want))
	})
}

func (s *groupScript) wantErr(what string, want error, do func() error) {
	s.step(what, func() error {
		if err := do(); !errors.Is(err, want) {
			return fmt.Errorf("got error %w, want %w", err, want)
		}
		return nil
	})
}

// ids returns the ids of what q finds, over all pages.
func (s *groupScript) ids(q directory.Query) []string {
	q.Tenant = acme
	ids := []string{}
	s.step("list", func() error {
		for range 100 {
			page, err := s.List(s.ctx, q)
			if err != nil {
				return err
			}
			if len(page.Groups) > q.PageSize() {
				return fmt.Errorf("a page has %d groups, want at most %d", len(page.Groups), q.PageSize())
			}
			for _, g := range page.Groups {
				ids = append(ids, g.ID)
			}
			if q.After = page.Next; q.After == "" {
				return nil
			}
		}
		return errors.New("there are more than 100 pages")
	})
	return ids
}

var roundPromises = []directoryPromise{
	{
		name: "begin",
		text: "Begin makes a round that of its tenant, of which no page was put yet",
		check: func(ctx context.Context, st directory.Store) error {
			r, again := fullRound("run-1", 0), fullRound("run-1", 1)
			s := onGroups(ctx, st).want("before", directory.State{}, onGroups(ctx, st).state())
			s.begin(r).want("begun", directory.State{Round: r}, s.state())
			s.put(r, named("g1", "A")).begin(again)
			return s.want("again", directory.State{Round: again}, s.state()).err
		},
	},
	{
		name: "begin-conflict",
		text: "Begin reports ErrConflict unless At is later than any that was finished, and not before that of the round before",
		check: func(ctx context.Context, st directory.Store) error {
			s := onGroups(ctx, st).round(fullRound("run-1", 5))
			begin := func(r directory.Round) func() error { return func() error { return st.Begin(ctx, r) } }
			s.wantErr("at the same time", directory.ErrConflict, begin(deltaRound("run-2", 5)))
			s.wantErr("before", directory.ErrConflict, begin(deltaRound("run-2", 4)))
			s.begin(deltaRound("run-3", 7)).wantErr("before one that is under way", directory.ErrConflict, begin(fullRound("run-4", 6)))
			return s.begin(fullRound("run-3", 7)).want("the last one", fullRound("run-3", 7), s.state().Round).err
		},
	},
	{
		name: "put-next",
		text: "Put records that the round goes on at Next, byte for byte, and how many groups the pages had",
		check: func(ctx context.Context, st directory.Store) error {
			r := fullRound("run-1", 0)
			s := onGroups(ctx, st).begin(r)
			next := "/pages?$skiptoken=" + oddLink
			s.step("put", func() error {
				changes := []directory.Change{named("g1", "A"), named("g2", "B"), named("g1", "C"), removed("g3")}
				return st.Put(ctx, r, directory.Part{Changes: changes, Next: next})
			})
			s.want("first", directory.State{Round: r, Next: next, Groups: 2, Removed: 1}, s.state())
			return s.put(r, named("g4", "D")).want("second", directory.State{Round: r, Next: "/next", Groups: 3, Removed: 1}, s.state()).err
		},
	},
	{
		name: "put-conflict",
		text: "Put reports ErrConflict, and changes nothing, if the round is not the tenant's or was finished",
		check: func(ctx context.Context, st directory.Store) error {
			r := fullRound("run-1", 0)
			s := onGroups(ctx, st)
			put := func(r directory.Round) func() error {
				return func() error {
					return st.Put(ctx, r, directory.Part{Changes: []directory.Change{named("g1", "Wrong")}, Next: "/wrong"})
				}
			}
			s.wantErr("none", directory.ErrConflict, put(r))
			s.begin(r).put(r, named("g1", "A"))
			s.wantErr("another run", directory.ErrConflict, put(fullRound("run-0", 0)))
			s.wantErr("another kind", directory.ErrConflict, put(deltaRound("run-1", 0)))
			s.want("state", directory.State{Round: r, Next: "/next", Groups: 1}, s.state())
			s.finish(r)
			s.wantErr("finished", directory.ErrConflict, put(r))
			return s.want("name", "A", s.group("g1").Name).want("next", "", s.state().Next).err
		},
	},
	{
		name: "finish-state",
		text: "Finish records the link for the next round, byte for byte, and when the last round and the last full one was",
		check: func(ctx context.Context, st directory.Store) error {
			r1, r2 := fullRound("run-1", 0), deltaRound("run-2", 1)
			s := onGroups(ctx, st).begin(r1).put(r1, named("g1", "A"))
			finish := func(r directory.Round, link string) {
				s.step("finish", func() error {
					_, err := st.Finish(ctx, r, link)
					return err
				})
			}
			finish(r1, oddLink)
			s.want("full", directory.State{SyncedAt: day(0), FullAt: day(0), Link: oddLink, Round: r1, Groups: 1}, s.state())
			s.begin(r2)
			finish(r2, "/link")
			return s.want("delta", directory.State{SyncedAt: day(1), FullAt: day(0), Link: "/link", Round: r2}, s.state()).err
		},
	},
	{
		name: "finish-again",
		text: "to finish again changes nothing",
		check: func(ctx context.Context, st directory.Store) error {
			r1, r2 := fullRound("run-1", 0), fullRound("run-2", 1)
			s := onGroups(ctx, st).round(r1, named("g1", "A"), named("g2", "B")).round(r2, named("g1", "A"))
			before, gone := s.state(), s.group("g2")
			s.step("again", func() error {
				sum, err := st.Finish(ctx, r2, "/other")
				if sum != (directory.Summary{}) {
					return fmt.Errorf("it says that it has changed %+v", sum)
				}
				return err
			})
			return s.want("state", before, s.state()).want("missing", gone, s.group("g2")).err
		},
	},
	{
		name: "finish-conflict",
		text: "Finish reports ErrConflict, and changes nothing, if the round is not the tenant's",
		check: func(ctx context.Context, st directory.Store) error {
			s := onGroups(ctx, st)
			finish := func(r directory.Round) func() error {
				return func() error {
					_, err := st.Finish(ctx, r, "/wrong")
					return err
				}
			}
			s.wantErr("none", directory.ErrConflict, finish(fullRound("run-1", 0)))
			s.round(fullRound("run-1", 0), named("g1", "A")).begin(deltaRound("run-2", 1))
			s.wantErr("the one before", directory.ErrConflict, finish(fullRound("run-1", 0)))
			s.wantErr("another kind", directory.ErrConflict, finish(fullRound("run-2", 1)))
			return s.want("link", "/link", s.state().Link).want("missing", false, s.group("g1").Missing).err
		},
	},
}

// oddLink has what a driver could change on the way.
const oddLink = `/link?$deltatoken=a%2Bb+c%20'd"\e\u0041?$1&x=%zz ~ `

var groupPromises = []directoryPromise{
	{
		name: "put-fields",
		text: "Put records every field of a group, and that it was seen when the round began",
		check: func(ctx context.Context, st directory.Store) error {
			r := fullRound("run-1", 0)
			want := directory.Group{ID: "4f-A", Name: "Größe “A” \\ %_", Type: directory.Microsoft365, Dynamic: true, Synced: true}
			c := directory.Change{Group: want}
			c.LastSeenAt, c.Missing = day(9), true
			s := onGroups(ctx, st).begin(r).put(r, c)
			want.LastSeenAt = day(0)
			return s.want("put", want, s.group("4f-A")).
				put(r, named("4f-A", "New")).want("replaced", directory.Group{ID: "4f-A", Name: "New", Type: directory.Security, LastSeenAt: day(0)}, s.group("4f-A")).err
		},
	},
	{
		name: "put-last-change",
		text: "the last change of a group in a page counts",
		check: func(ctx context.Context, st directory.Store) error {
			s := onGroups(ctx, st).round(fullRound("run-1", 0), named("g1", "A"), named("g2", "B"), named("g1", "Newer"), removed("g2"), removed("g3"), named("g3", "Back"))
			return s.want("name", "Newer", s.group("g1").Name).want("removed", directory.Group{}, s.group("g2")).want("back", "Back", s.group("g3").Name).err
		},
	},
	{
		name: "put-removed",
		text: "a group that was removed is missing, and keeps everything else and when it was last seen; one that was not known is not added",
		check: func(ctx context.Context, st directory.Store) error {
			s := onGroups(ctx, st).round(fullRound("run-1", 0), named("g1", "A"), named("g2", "B")).round(deltaRound("run-2", 3))
			s.round(deltaRound("run-3", 5), removed("g1"), removed("g9")).round(deltaRound("run-4", 6), removed("g1"))
			return s.want("removed", directory.Group{ID: "g1", Name: "A", Type: directory.Security, LastSeenAt: day(3), Missing: true}, s.group("g1")).
				want("the other one", false, s.group("g2").Missing).want("unknown", directory.Group{}, s.group("g9")).err
		},
	},
	{
		name: "put-back",
		text: "a group that is there again is not missing any more",
		check: func(ctx context.Context, st directory.Store) error {
			s := onGroups(ctx, st).round(fullRound("run-1", 0), named("g1", "A")).round(deltaRound("run-2", 1), removed("g1")).round(deltaRound("run-3", 2), named("g1", "A"))
			return s.want("back", directory.Group{ID: "g1", Name: "A", Type: directory.Security, LastSeenAt: day(2)}, s.group("g1")).err
		},
	},
	{
		name: "put-invalid",
		text: "Put reports ErrInvalid for a group without an id, and records nothing of the page",
		check: func(ctx context.Context, st directory.Store) error {
			r := fullRound("run-1", 0)
			s := onGroups(ctx, st).begin(r)
			for _, id := range []string{"", "a b", "ü", "\x00"} {
				s.wantErr(id, directory.ErrInvalid, func() error {
					return st.Put(ctx, r, directory.Part{Changes: []directory.Change{named("g1", "A"), named(id, "B")}, Next: "/next"})
				})
			}
			return s.want("nothing", directory.Group{}, s.group("g1")).want("state", directory.State{Round: r}, s.state()).err
		},
	},
	{
		name: "finish-seen",
		text: "groups that are not missing count as seen at the round that was finished last",
		check: func(ctx context.Context, st directory.Store) error {
			s := onGroups(ctx, st).round(fullRound("run-1", 0), named("g1", "A"), named("g2", "B"))
			s.begin(deltaRound("run-2", 4)).want("not finished", day(0), s.group("g1").LastSeenAt)
			s.put(deltaRound("run-2", 4), named("g2", "B")).finish(deltaRound("run-2", 4))
			s.want("finished", day(4), s.group("g1").LastSeenAt)
			s.step("list", func() error {
				page, err := st.List(ctx, directory.Query{Tenant: acme})
				if err == nil && (len(page.Groups) != 2 || !page.Groups[0].LastSeenAt.Equal(day(4))) {
					err = fmt.Errorf("it has %s", text(page.Groups))
				}
				return err
			})
			return s.err
		},
	},
}

var forgetGroupPromises = []directoryPromise{
	{
		name: "full-missed",
		text: "groups of which a full round has put nothing are missing from its end on, and keep when they were last seen",
		check: func(ctx context.Context, st directory.Store) error {
			r := fullRound("run-3", 5)
			s := onGroups(ctx, st).round(fullRound("run-1", 0), named("g1", "A"), named("g2", "B")).round(deltaRound("run-2", 3))
			s.begin(r).put(r, named("g1", "A")).want("not yet", false, s.group("g2").Missing)
			sum := s.finish(r)
			return s.want("summary", directory.Summary{Missed: 1}, sum).want("seen", false, s.group("g1").Missing).
				want("missed", directory.Group{ID: "g2", Name: "B", Type: directory.Security, LastSeenAt: day(3), Missing: true}, s.group("g2")).err
		},
	},
	{
		name: "delta-missed",
		text: "a group of which a round that is not full has put nothing is there as before",
		check: func(ctx context.Context, st directory.Store) error {
			s := onGroups(ctx, st).round(fullRound("run-1", 0), named("g1", "A"))
			s.begin(deltaRound("run-2", 3))
			return s.want("summary", directory.Summary{}, s.finish(deltaRound("run-2", 3))).want("missing", false, s.group("g1").Missing).err
		},
	},
	{
		name: "restart-missed",
		text: "what a full round has put before it was begun again does not count",
		check: func(ctx context.Context, st directory.Store) error {
			again := fullRound("run-2", 2)
			s := onGroups(ctx, st).round(fullRound("run-1", 0), named("g1", "A"), named("g2", "B"))
			s.begin(fullRound("run-2", 1)).put(fullRound("run-2", 1), named("g1", "A")).begin(again).put(again, named("g2", "B"))
			s.finish(again)
			return s.want("missing", true, s.group("g1").Missing).want("there", false, s.group("g2").Missing).err
		},
	},
	{
		name: "purge",
		text: "groups are forgotten 90 days after they were last seen, and not before",
		check: func(ctx context.Context, st directory.Store) error {
			s := onGroups(ctx, st).round(fullRound("run-1", 0), named("g1", "A"), named("g2", "B"), named("g3", "C"), named("g4", "D"))
			s.round(deltaRound("run-2", 1), removed("g1")).round(fullRound("run-3", 2), named("g3", "C"), named("g4", "D")).round(deltaRound("run-4", 3), removed("g4"))
			r := deltaRound("run-5", 89)
			s.begin(r).want("too early", directory.Summary{}, s.finish(r))
			r = deltaRound("run-6", 90)
			s.begin(r).want("one", directory.Summary{Purged: 1}, s.finish(r)) // g1 was last seen by the first round
			r = deltaRound("run-7", 91)
			s.begin(r).want("another one", directory.Summary{Purged: 1}, s.finish(r))
			return s.want("what is left", []string{"g3", "g4"}, s.ids(directory.Query{})).err
		},
	},
	{
		name: "purge-first-miss",
		text: "no group is forgotten by the round that is the first not to find it",
		check: func(ctx context.Context, st directory.Store) error {
			full, delta := fullRound("run-2", 200), deltaRound("run-3", 500)
			s := onGroups(ctx, st).round(fullRound("run-1", 0), named("g1", "A"), named("g2", "B"), named("g3", "C"))
			s.begin(full).put(full, named("g1", "A"), named("g2", "B")).want("missed", directory.Summary{Missed: 1}, s.finish(full))
			s.want("name", "C", s.group("g3").Name)
			s.begin(delta).put(delta, removed("g2")).want("the next round", directory.Summary{Purged: 1}, s.finish(delta))
			return s.want("removed", true, s.group("g2").Missing).want("forgotten", directory.Group{}, s.group("g3")).err
		},
	},
}
