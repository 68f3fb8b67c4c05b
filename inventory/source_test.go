package inventory_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/meminventory"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A bentSource changes what a source gives.
type bentSource struct {
	inventory.Source
	page    func(c *contract.Collection, p inventory.ListPage, err error) (inventory.ListPage, error)
	reading func(w inventory.Want, r inventory.Reading) inventory.Reading
}

func (s bentSource) List(ctx context.Context, c *contract.Collection) iter.Seq2[inventory.ListPage, error] {
	if s.page == nil {
		return s.Source.List(ctx, c)
	}
	return func(yield func(inventory.ListPage, error) bool) {
		for p, err := range s.Source.List(ctx, c) {
			if !yield(s.page(c, p, err)) {
				return
			}
		}
	}
}

func (s bentSource) Read(ctx context.Context, wants []inventory.Want) iter.Seq2[int, inventory.Reading] {
	if s.reading == nil {
		return s.Source.Read(ctx, wants)
	}
	return func(yield func(int, inventory.Reading) bool) {
		for i, r := range s.Source.Read(ctx, wants) {
			if !yield(i, s.reading(wants[i], r)) {
				return
			}
		}
	}
}

func TestRepeatedObjects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, options{doc: small(), source: func(s inventory.Source) inventory.Source {
			return bentSource{Source: s, page: func(_ *contract.Collection, p inventory.ListPage, err error) (inventory.ListPage, error) {
				p.Objects = append(p.Objects, p.Objects...)
				return p, err
			}}
		}})
		run := w.sync(both, runs.OutcomeSucceeded)
		want := figures(5, 5, 0, 0)
		want[inventory.CountRepeated] = 5
		if diff := cmp.Diff(want, run.Counts.Extra); diff != "" {
			t.Errorf("figures (-want +got):\n%s", diff)
		}
		c := w.coverage()["configurationPolicy"]
		if c.Listed != 6 || c.Objects != 3 || c.Repeated != 3 || !c.Inconsistent() {
			t.Errorf("coverage = %+v, want 3 of 6 repeated", c)
		}
	})
}

func TestObjectsThatCannotBeRead(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil  func(r inventory.Reading) inventory.Reading
		reason runs.Reason
	}{
		"too few children": {func(r inventory.Reading) inventory.Reading { r.Read--; return r }, runs.ReasonInconsistentRead},
		"an error":         {func(inventory.Reading) inventory.Reading { return inventory.Reading{Err: errors.New("odd")} }, runs.ReasonInternal},
		"a public error": {func(inventory.Reading) inventory.Reading {
			return inventory.Reading{Err: runs.Public(nil, runs.ReasonThrottled, "")}
		}, runs.ReasonThrottled},
		"not JSON":   {func(r inventory.Reading) inventory.Reading { r.Content = []byte(`{"a":`); return r }, runs.ReasonBadResponse},
		"same twice": {func(r inventory.Reading) inventory.Reading { r.Content = []byte(`{"a":1,"a":2}`); return r }, runs.ReasonBadResponse},
		"not a list": {func(r inventory.Reading) inventory.Reading { r.Content = []byte(`[]`); return r }, runs.ReasonBadResponse},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var spoil atomic.Bool
				w := newWorld(t, options{doc: small(), source: func(s inventory.Source) inventory.Source {
					return bentSource{Source: s, reading: func(want inventory.Want, r inventory.Reading) inventory.Reading {
						if spoil.Load() && want.ID == "p2" {
							return tt.spoil(r)
						}
						return r
					}}
				}})
				w.sync(both, runs.OutcomeSucceeded)
				before := w.get("configurationPolicy", "p2")
				must(t, w.tenant.Patch(policies, "p2", json.RawMessage(`{"description":"x"}`)))
				spoil.Store(true)
				run := w.sync(both, runs.OutcomePartiallySucceeded)
				if diff := cmp.Diff(map[string]runs.Reason{"configurationPolicy": tt.reason}, failed(run)); diff != "" {
					t.Errorf("failed kinds (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(before, w.get("configurationPolicy", "p2")); diff != "" {
					t.Errorf("the item changed (-before +after):\n%s", diff)
				}
			})
		})
	}
}

// An object that cannot be an item is one that was known, or none: its kind is not
// covered, and nothing of it is missing. The others are brought up to date.
func TestObjectsThatAreNone(t *testing.T) {
	for name, doc := range map[string]string{
		"no id": `{"name":"x"}`, "an empty id": `{"id":"","name":"x"}`, "a number for an id": `{"id":7,"name":"x"}`,
		"null for an id": `{"id":null,"name":"x"}`, "no object": `7`, "broken": `{"id":`,
		// No store keeps these, and what a store refuses ends the whole run.
		"endless id": `{"id":"` + strings.Repeat("x", 513) + `"}`, "id with a NUL": `{"id":"a\u0000b"}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var spoil atomic.Bool
				w := newWorld(t, options{doc: small(), source: func(s inventory.Source) inventory.Source {
					return bentSource{Source: s, page: func(c *contract.Collection, p inventory.ListPage, err error) (inventory.ListPage, error) {
						if spoil.Load() && c.Path[1:] == policies { // p1 is what is damaged
							p.Objects = slices.DeleteFunc(p.Objects, func(o inventory.Listed) bool { return bytes.Contains(o.Doc, []byte(`"id":"p1"`)) })
							p.Objects = append([]inventory.Listed{{Doc: json.RawMessage(doc)}}, p.Objects...)
						}
						return p, err
					}}
				}})
				w.sync(both, runs.OutcomeSucceeded)
				before := w.get("configurationPolicy", "p1")
				must(t, w.tenant.Patch(policies, "p2", json.RawMessage(`{"description":"x"}`)))
				spoil.Store(true)
				run := w.sync(both, runs.OutcomePartiallySucceeded)
				if diff := cmp.Diff(map[string]runs.Reason{"configurationPolicy": runs.ReasonBadResponse}, failed(run)); diff != "" {
					t.Errorf("failed kinds (-want +got):\n%s", diff)
				}
				if c := w.coverage()["configurationPolicy"]; c.Status != runs.ItemFailed || c.Reason != runs.ReasonBadResponse || c.Objects != 2 || c.Changed != 1 {
					t.Errorf("coverage = %+v, want it failed, with the 2 others and what has changed", c)
				}
				if diff := cmp.Diff(before, w.get("configurationPolicy", "p1")); diff != "" {
					t.Errorf("the damaged item changed (-before +after):\n%s", diff)
				}
				is := w.get("configurationPolicy", "p2")
				if says := string(contract.Member(is.Content, "description")); is.LastSeenRun != run.ID || says != `"x"` {
					t.Errorf("another one was last seen by %s and says %s, want it as it is now", is.LastSeenRun, says)
				}
				if i := w.items(inventory.Query{})[inventory.Ref{Kind: "configurationPolicy", ID: "p1"}]; i.Missing {
					t.Error("the damaged item is missing, want it not to be known")
				}
			})
		})
	}
}

// A list that breaks off is never a short inventory.
func TestTruncatedList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := false
		w := newWorld(t, options{doc: small(), source: func(s inventory.Source) inventory.Source {
			return bentSource{Source: s, page: func(c *contract.Collection, p inventory.ListPage, err error) (inventory.ListPage, error) {
				if broken && c.Path[1:] == policies {
					return inventory.ListPage{}, runs.Public(nil, runs.ReasonUnreachable, "")
				}
				return p, err
			}}
		}})
		w.sync(both, runs.OutcomeSucceeded)
		before := w.dump()
		broken = true
		w.sync(both, runs.OutcomePartiallySucceeded)
		w.sync(both, runs.OutcomePartiallySucceeded)
		if diff := cmp.Diff(before, w.dump()); diff != "" {
			t.Errorf("the inventory changed (-before +after):\n%s", diff)
		}
	})
}

func TestNoSuchCollection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, options{doc: small(), graph: graphtest.Config{Faults: []graphtest.Fault{{Prefix: "/" + policies, Kind: graphtest.FaultNotFound}}}})
		run := w.sync(both, runs.OutcomeSucceeded)
		if run.Counts.Skipped != 1 || run.Counts.Succeeded != 1 {
			t.Errorf("counts = %+v, want one kind skipped", run.Counts)
		}
		c := w.coverage()["configurationPolicy"]
		if c.Status != runs.ItemSkipped || c.Reason != runs.ReasonUnsupported {
			t.Errorf("coverage = %+v, want it skipped", c)
		}
	})
}

func TestUnknownCollection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const path = "/deviceManagement/novelties"
		doc := small()
		doc[path[1:]] = []json.RawMessage{json.RawMessage(`{"id":"n1","displayName":"Brand new","depth":{"x":[1,2]}}`)}
		w := newWorld(t, options{doc: doc, config: inventory.Config{Collections: []string{path}}})
		run := w.sync(`{}`, runs.OutcomeSucceeded)
		if run.Counts.Total != 67 {
			t.Errorf("total = %d kinds, want 67", run.Counts.Total)
		}
		got := w.get("unknown:"+path, "n1")
		if got.Name != "Brand new" || string(got.Content) != `{"depth":{"x":[1,2]},"displayName":"Brand new"}` {
			t.Errorf("item = %+v %s", got.Item, got.Content)
		}
		if run := w.sync(`{"policy_types":["unknown:/deviceManagement/novelties"]}`, runs.OutcomeSucceeded); run.Counts.Total != 1 {
			t.Errorf("total = %d kinds, want 1", run.Counts.Total)
		}
	})
}

func TestLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		doc := small()
		linked := strings.Replace(string(policy("p4", "Linked", 1)), `"assignments":[]`, `"assignments":[`+
			`{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"g1","deviceAndAppManagementAssignmentFilterId":"f1","deviceAndAppManagementAssignmentFilterType":"include"}},`+
			`{"target":{"@odata.type":"#microsoft.graph.exclusionGroupAssignmentTarget","groupId":"g2"}},`+
			`{"target":{"@odata.type":"#microsoft.graph.allDevicesAssignmentTarget","deviceAndAppManagementAssignmentFilterId":"f9","deviceAndAppManagementAssignmentFilterType":"exclude"}}]`, 1)
		doc[policies] = []json.RawMessage{json.RawMessage(linked)}
		w := newWorld(t, options{doc: doc})

		w.sync(`{"policy_types":["configurationPolicy","assignmentFilter"],"include_dependencies":false}`, runs.OutcomeSucceeded)
		if got := w.links(); len(got) > 0 {
			t.Errorf("links of a sync without them: %v", got)
		}
		w.sync(both, runs.OutcomeSucceeded)
		from := inventory.Ref{Kind: "configurationPolicy", ID: "p4"}
		to := func(kind, id, name string) inventory.LinkTarget {
			return inventory.LinkTarget{Kind: kind, ID: id, Name: name}
		}
		want := []inventory.Link{
			{From: from, Type: "assigned_to", To: to("all_devices", "", "")},
			{From: from, Type: "assigned_to", To: to("group", "g1", "")},
			{From: from, Type: "assigned_to", To: to("group", "g2", ""), Exclude: true},
			{From: from, Type: "scoped_by", To: to("roleScopeTag", "0", "")},
			{From: from, Type: "uses_filter", To: to("assignmentFilter", "f1", "Pilots")},
			{From: from, Type: "uses_filter", To: to("assignmentFilter", "f9", ""), Exclude: true, Missing: true},
		}
		got := w.links()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("links (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(inventory.Assigned{Groups: 1, Excluded: 1, AllDevices: true, Filters: 2}, w.get("configurationPolicy", "p4").Assigned); diff != "" {
			t.Errorf("assigned (-want +got):\n%s", diff)
		}
		// A sync without links neither removes them nor takes them for current.
		const without = `{"policy_types":["configurationPolicy"],"include_dependencies":false}`
		must(t, w.tenant.Patch(policies, "p4", json.RawMessage(`{"assignments":[]}`)))
		w.sync(without, runs.OutcomeSucceeded)
		if got := len(w.links()); got != len(want) {
			t.Errorf("%d links after a sync without them, want %d as before", got, len(want))
		}
		w.sync(both, runs.OutcomeSucceeded)
		if got := w.links(); len(got) != 1 || got[0].Type != contract.ScopedBy {
			t.Errorf("links after the assignments went: %v", got)
		}
	})
}

// brokenStore fails its writes.
type brokenStore struct {
	inventory.Store
	put, cover, finish error
}

func (s brokenStore) Put(ctx context.Context, sync inventory.Sync, e []inventory.Entry) error {
	return errors.Join(s.put, s.Store.Put(ctx, sync, e))
}

func (s brokenStore) Cover(ctx context.Context, sync inventory.Sync, c inventory.Coverage, missed []string) error {
	return errors.Join(s.cover, s.Store.Cover(ctx, sync, c, missed))
}

func (s brokenStore) Finish(ctx context.Context, sync inventory.Sync, at time.Time) error {
	return errors.Join(s.finish, s.Store.Finish(ctx, sync, at))
}

func TestStoreFails(t *testing.T) {
	for name, store := range map[string]brokenStore{
		"put":    {put: inventory.ErrStoreUnavailable},
		"cover":  {cover: inventory.ErrStoreUnavailable},
		"finish": {finish: inventory.ErrStoreUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store.Store = meminventory.New()
				w := newWorld(t, options{doc: small(), store: store})
				run := w.sync(both, runs.OutcomeFailed)
				if run.Failure.Reason != runs.ReasonUnreachable {
					t.Errorf("failure = %+v, want %s", run.Failure, runs.ReasonUnreachable)
				}
			})
		})
	}
}

func TestNoSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, options{doc: small()})
		started, err := w.tracker.Start(t.Context(), runs.Request{Tenant: "fabrikam", Type: inventory.SyncType, Initiator: dana})
		if err != nil {
			t.Fatal(err)
		}
		if run := w.wait(started); run.Outcome != runs.OutcomeFailed || run.Failure.Reason != runs.ReasonNotReady {
			t.Errorf("outcome = %s, %+v; want the source's reason", run.Outcome, run.Failure)
		}
	})
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, options{doc: small(), graph: graphtest.Config{Faults: []graphtest.Fault{{Prefix: "/" + policies, Delay: time.Hour}}}})
		started := w.start(both)
		time.Sleep(5 * time.Second)
		if _, err := w.tracker.RequestCancel(t.Context(), started.Run.Ref(), dana, "Not needed."); err != nil {
			t.Fatal(err)
		}
		if run := w.wait(started); run.Outcome != runs.OutcomeCanceled {
			t.Errorf("outcome = %s %+v, want %s", run.Outcome, run.Failure, runs.OutcomeCanceled)
		}
		if _, err := w.store.Coverage(t.Context(), inventory.CoverageQuery{Tenant: contoso}); !errors.Is(err, inventory.ErrNotFound) {
			t.Errorf("coverage after a run that was canceled: %v, want it not to count", err)
		}
	})
}

// A run whose process stops goes on with the kinds that are left.
func TestResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fault := graphtest.Fault{Prefix: "/" + policies, Delay: time.Hour}
		first := newWorld(t, options{doc: small(), items: true, graph: graphtest.Config{Faults: []graphtest.Fault{fault}}})
		started := first.start(both)
		time.Sleep(5 * time.Second)
		first.stop()

		second := newWorld(t, options{doc: small(), items: true, store: first.store, runs: first.runs})
		run := second.wait(started)
		if run.Outcome != runs.OutcomeSucceeded || run.Attempt != 2 || run.Counts.Succeeded != 2 {
			t.Fatalf("run = %s %+v after %d attempts with %+v", run.Outcome, run.Failure, run.Attempt, run.Counts)
		}
		if diff := cmp.Diff(figures(5, 5, 0, 0), run.Counts.Extra); diff != "" {
			t.Errorf("figures (-want +got):\n%s", diff)
		}
		if n := second.server.Counts()["GET "+filters]; n != 0 {
			t.Errorf("filters were listed again %d times", n)
		}
		if got := len(second.coverage()); got != 2 {
			t.Errorf("coverage of %d kinds, want 2", got)
		}
	})
}
