package directory_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/inventory/directory"
	"github.com/tenantatlas/tenantatlas/inventory/meminventory"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

const contoso = "contoso"

var dana = runs.User("dana", "Dana")

// script is a source that gives what stands at each link.
type script map[string]answer

type answer struct {
	part directory.Part
	err  error
}

func (s script) Groups(_ context.Context, link string) iter.Seq2[directory.Part, error] {
	return func(yield func(directory.Part, error) bool) {
		for {
			a, ok := s[link]
			if !ok {
				a.err = fmt.Errorf("nothing is at %q", link)
			}
			if !yield(a.part, a.err) || a.err != nil || a.part.Next == "" {
				return
			}
			link = a.part.Next
		}
	}
}

// there and gone return changes.
func there(id string) directory.Change {
	return directory.Change{Group: directory.Group{ID: id, Name: "Group " + id, Type: directory.Security}}
}

func gone(id string) directory.Change {
	return directory.Change{Group: directory.Group{ID: id}, Removed: true}
}

func page(next, link string, changes ...directory.Change) answer {
	return answer{part: directory.Part{Changes: changes, Next: next, Link: link}}
}

// A world is a tracker that syncs contoso from a source into a store.
type world struct {
	*runstest.Tracker
	t     *testing.T
	store directory.Store
}

func newWorld(t *testing.T, source directory.Source, store directory.Store) *world {
	t.Helper()
	return &world{t: t, store: store, Tracker: runstest.New(t, runs.Config{Operations: []runs.Operation{
		directory.Operation(directory.Config{
			Store:  store,
			Source: func(context.Context, string) (directory.Source, error) { return source, nil },
		}),
	}})}
}

func request() runs.Request {
	return runs.Request{Tenant: contoso, Type: directory.SyncType, Params: struct{}{}, Initiator: dana}
}

func (w *world) sync() *runs.Run {
	w.t.Helper()
	return w.Execute(request())
}

func (w *world) state() directory.State {
	w.t.Helper()
	s, err := w.store.State(w.t.Context(), contoso)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// check compares the outcome and the counts of a run.
func check(t *testing.T, r *runs.Run, outcome runs.Outcome, reason runs.Reason, extra map[string]int64) {
	t.Helper()
	if r.Outcome != outcome || r.Failure.Reason != reason {
		t.Errorf("the run is %s: %+v, want %s: %s", r.Outcome, r.Failure, outcome, reason)
	}
	for name, n := range extra {
		if r.Counts.Extra[name] != n {
			t.Errorf("%s is %d, want %d", name, r.Counts.Extra[name], n)
		}
	}
}

func TestSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, script{
			"":   page("p2", "", there("a"), there("b"), there("b")),
			"p2": page("p3", ""),
			"p3": page("", "d1", there("b"), there("c")),
			"d1": page("", "d2", gone("a"), there("d")),
			"d2": page("", "d3"),
		}, meminventory.NewDirectory())
		r := w.sync()
		check(t, r, runs.OutcomeSucceeded, "", map[string]int64{directory.CountGroups: 4})
		if r.Counts.Succeeded != 4 || r.Counts.Total != 4 || r.Context["enumeration"] != "all groups" {
			t.Errorf("the first run has %+v and says %v", r.Counts, r.Context)
		}
		time.Sleep(time.Hour)
		r = w.sync()
		check(t, r, runs.OutcomeSucceeded, "", map[string]int64{directory.CountGroups: 1, directory.CountRemoved: 1})
		if r.Context["enumeration"] != "what has changed" {
			t.Errorf("the second run says %v", r.Context)
		}
		if r = w.sync(); r.Outcome != runs.OutcomeSucceeded || w.state().Link != "d3" {
			t.Errorf("a sync without changes is %s and ends with the link %q", r.Outcome, w.state().Link)
		}
		found, err := w.store.Lookup(t.Context(), contoso, []string{"a", "b", "c", "d"})
		if err != nil || !found["a"].Missing || found["b"].Missing || found["d"].Name != "Group d" || len(found) != 4 {
			t.Errorf("found %+v, %v", found, err)
		}
	})
}

// A link that is no longer good leads to a full enumeration, in the same run;
// what that does not have is missing.
func TestResync(t *testing.T) {
	for name, source := range map[string]script{
		"at once": {"": page("", "d1", there("a"), there("b")), "d1": {err: fmt.Errorf("%w: too old", directory.ErrResync)}},
		"halfway": {
			"": page("", "d1", there("a"), there("b")), "d1": page("p2", "", there("b")),
			"p2": {err: directory.ErrResync},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, source, meminventory.NewDirectory())
				w.sync()
				source[""] = page("", "d9", there("b"))
				check(t, w.sync(), runs.OutcomeSucceeded, "", map[string]int64{directory.CountMissed: 1})
				if s := w.state(); s.Link != "d9" || !s.Round.Full || !s.FullAt.Equal(s.SyncedAt) {
					t.Errorf("the state is %+v", s)
				}
			})
		})
	}
}

// A source that never has a link that is good fails the run, once and for all.
func TestResyncEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := runs.Public(directory.ErrResync, runs.ReasonGone, "")
		w := newWorld(t, script{"": {err: refused}}, meminventory.NewDirectory())
		check(t, w.sync(), runs.OutcomeFailed, runs.ReasonGone, nil)
		w = newWorld(t, script{"": page("p2", ""), "p2": {err: refused}}, meminventory.NewDirectory())
		check(t, w.sync(), runs.OutcomeFailed, runs.ReasonGone, nil)
	})
}

// What a lost worker has recorded is not enumerated again, and counts.
func TestResume(t *testing.T) {
	rest := script{"p2": page("", "d1", there("b")), "d0": page("", "d1", there("b"))}
	for name, c := range map[string]struct {
		source script
		put    []directory.Part // by the worker that was lost
		finish bool
		groups int64
	}{
		"behind the first page":   {rest, []directory.Part{{Changes: []directory.Change{there("a")}, Next: "p2"}}, false, 2},
		"before the first page":   {script{"": page("", "d1", there("a"), there("b"))}, nil, false, 2},
		"after the end":           {nil, []directory.Part{{Changes: []directory.Change{there("a"), there("b")}}}, true, 2},
		"behind a page too old":   {script{"": page("", "d1", there("a"), there("b")), "p2": {err: directory.ErrResync}}, []directory.Part{{Changes: []directory.Change{there("a")}, Next: "p2"}}, false, 3},
		"behind an empty page":    {rest, []directory.Part{{Changes: []directory.Change{there("a")}, Next: "px"}, {Next: "p2"}}, false, 2},
		"behind a page with more": {rest, []directory.Part{{Changes: []directory.Change{there("a"), there("a")}, Next: "p2"}}, false, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, c.source, meminventory.NewDirectory())
				started, err := w.Start(t.Context(), request())
				if err != nil {
					t.Fatal(err)
				}
				round := directory.Round{Tenant: contoso, Run: started.Run.ID, Full: true, At: runs.Instant(time.Now())}
				err = w.store.Begin(t.Context(), round)
				for _, p := range c.put {
					err = errors.Join(err, w.store.Put(t.Context(), round, p))
				}
				if c.finish {
					_, finishErr := w.store.Finish(t.Context(), round, "d1")
					err = errors.Join(err, finishErr)
				}
				if err != nil {
					t.Fatal(err)
				}
				w.Drain()
				r, err := w.Get(t.Context(), started.Run.Ref())
				if err != nil {
					t.Fatal(err)
				}
				check(t, r, runs.OutcomeSucceeded, "", map[string]int64{directory.CountGroups: c.groups})
				found, err := w.store.Lookup(t.Context(), contoso, []string{"a", "b"})
				if err != nil || len(found) != 2 || found["a"].Missing || w.state().Link != "d1" {
					t.Errorf("found %+v, %v", found, err)
				}
			})
		})
	}
}

// A run fails with the reason, and the next one begins where the last good one
// ended.
func TestFails(t *testing.T) {
	throttled := runs.Public(nil, runs.ReasonThrottled, "")
	for name, c := range map[string]struct {
		source script
		reason runs.Reason
	}{
		"source":        {script{"": page("p2", "", there("a")), "p2": {err: throttled}}, runs.ReasonThrottled},
		"without an id": {script{"": page("", "d1", there(""))}, runs.ReasonBadResponse},
		"not of ascii":  {script{"": page("", "d1", there("ä"))}, runs.ReasonBadResponse},
		"without end":   {script{"": page("p2", ""), "p2": page("p2", "")}, runs.ReasonConflict},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := meminventory.NewDirectory()
				var s directory.Store = store
				if c.reason == runs.ReasonConflict {
					s = &intruder{Directory: store}
				}
				w := newWorld(t, c.source, s)
				check(t, w.sync(), runs.OutcomeFailed, c.reason, nil)
				if !w.state().SyncedAt.IsZero() {
					t.Error("a round that failed counts as finished")
				}
				c.source[""], c.source["p2"] = page("", "d1", there("b")), answer{}
				w.store = store
				w = newWorld(t, c.source, store)
				time.Sleep(time.Minute)
				check(t, w.sync(), runs.OutcomeSucceeded, "", nil)
			})
		})
	}
}

// An intruder begins a round of another run as soon as a page was put.
type intruder struct{ *meminventory.Directory }

func (i *intruder) Put(ctx context.Context, r directory.Round, p directory.Part) error {
	err := i.Directory.Put(ctx, r, p)
	r.Run = "another"
	return errors.Join(err, i.Begin(ctx, r))
}

// Rounds follow each other although a clock steps back.
func TestClockStepsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := meminventory.NewDirectory()
		ahead := directory.Round{Tenant: contoso, Run: "before", Full: true, At: time.Now().Add(time.Hour).UTC()}
		if err := store.Begin(t.Context(), ahead); err != nil {
			t.Fatal(err)
		}
		source := script{"": page("", "d1", there("a")), "d1": {err: directory.ErrResync}}
		w := newWorld(t, source, store)
		check(t, w.sync(), runs.OutcomeSucceeded, "", nil)
		check(t, w.sync(), runs.OutcomeSucceeded, "", nil)
		if s := w.state(); !s.SyncedAt.After(ahead.At) {
			t.Errorf("synced at %v, want later than %v", s.SyncedAt, ahead.At)
		}
	})
}

// long is a source of many groups that keeps none of them.
type long struct{ pages, each int }

func (l long) Groups(context.Context, string) iter.Seq2[directory.Part, error] {
	return func(yield func(directory.Part, error) bool) {
		for i := range l.pages {
			p := directory.Part{Next: fmt.Sprint(i + 1)}
			if i == l.pages-1 {
				p.Next, p.Link = "", "d1"
			}
			for j := range l.each {
				p.Changes = append(p.Changes, there(fmt.Sprintf("%08d-0000-4000-8000-000000000000", i*l.each+j)))
			}
			if !yield(p, nil) {
				return
			}
		}
	}
}

// weighed is a store that keeps no group, and looks at the memory in use.
type weighed struct {
	*meminventory.Directory
	pages  int
	before uint64
	most   uint64
}

func (w *weighed) Put(_ context.Context, _ directory.Round, _ directory.Part) error {
	if w.pages++; w.pages%100 != 0 {
		return nil
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if w.before == 0 {
		w.before = m.HeapAlloc
	}
	w.most = max(w.most, m.HeapAlloc)
	return nil
}

// A sync of 100,000 groups needs no more memory than one of a few.
func TestMemory(t *testing.T) {
	store := &weighed{Directory: meminventory.NewDirectory()}
	w := newWorld(t, long{1000, 100}, store)
	check(t, w.sync(), runs.OutcomeSucceeded, "", map[string]int64{directory.CountGroups: 100_000})
	if store.pages != 1000 || store.most > store.before+4<<20 {
		t.Errorf("the heap grew from %d to %d bytes over %d pages", store.before, store.most, store.pages)
	}
}

func TestOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, script{"": page("", "d1")}, meminventory.NewDirectory())
		first, err := w.Start(t.Context(), request())
		if err != nil {
			t.Fatal(err)
		}
		other := request()
		other.Initiator = runs.User("eve", "Eve")
		second, err := w.Start(t.Context(), other)
		if err != nil || second.Created || second.Run.ID != first.Run.ID {
			t.Errorf("a second start gives %+v, %v; want to join the first", second, err)
		}
		refused := request()
		refused.Params = map[string]any{"everything": true}
		if _, err := w.Start(t.Context(), refused); !errors.Is(err, runs.ErrInvalid) {
			t.Errorf("params are accepted: %v", err)
		}
	})
}

func TestUnresolved(t *testing.T) {
	for id, want := range map[string]string{
		"4f8c0000-0000-4000-8000-0000deadbeef": "Unresolved (…deadbeef)",
		"12345678":                             "Unresolved (…12345678)",
		"short":                                "Unresolved (…short)",
		"":                                     "Unresolved (…)",
		"ääääääääää":                           "Unresolved (…ääääääää)",
		"\xff12345678":                         "Unresolved (…12345678)",
	} {
		if got := directory.Unresolved(id); got != want {
			t.Errorf("%q is %q, want %q", id, got, want)
		}
	}
}

func TestStale(t *testing.T) {
	seen := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	g := directory.Group{LastSeenAt: seen}
	for days, want := range map[int]bool{0: false, 29: false, 30: true, 400: true} {
		if got := g.Stale(seen.AddDate(0, 0, days)); got != want {
			t.Errorf("after %d days it is stale: %v, want %v", days, got, want)
		}
	}
}

func TestRecords(t *testing.T) {
	long := strings.Repeat("Ⱥ", 300)
	odd := there("a")
	odd.Name = " A\x00\xff "
	wide := there("b")
	wide.Name = long
	got, err := directory.Records([]directory.Change{wide, odd, gone("c"), gone("a"), odd})
	if err != nil {
		t.Fatal(err)
	}
	odd.Name, wide.Name = " A\uFFFD\uFFFD ", strings.Repeat("Ⱥ", 256)
	want := []directory.Record{{Change: odd, Fold: "a\uFFFD\uFFFD"}, {Change: wide, Fold: strings.Repeat("ⱥ", 256)}, {Change: gone("c")}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := directory.Records([]directory.Change{there(strings.Repeat("x", 129))}); !errors.Is(err, directory.ErrInvalid) {
		t.Errorf("an id of 129 bytes: %v", err)
	}
}
