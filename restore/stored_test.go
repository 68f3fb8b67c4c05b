package restore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
	"github.com/tenantatlas/tenantatlas/inventory/meminventory"
	"github.com/tenantatlas/tenantatlas/restore"
)

// What references lead to is found in the stores, as far as it is there.
func TestStored(t *testing.T) {
	groups, items := meminventory.NewDirectory(), meminventory.New()
	ctx := t.Context()
	fill := func(run string, full bool, days int, changes ...directory.Change) {
		t.Helper()
		r := directory.Round{Tenant: "contoso", Run: run, Full: full, At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).AddDate(0, 0, days)}
		if err := groups.Begin(ctx, r); err != nil {
			t.Fatal(err)
		}
		if err := groups.Put(ctx, r, directory.Part{Changes: changes}); err != nil {
			t.Fatal(err)
		}
		if _, err := groups.Finish(ctx, r, "/link"); err != nil {
			t.Fatal(err)
		}
	}
	group := func(id, name string) directory.Change {
		return directory.Change{Group: directory.Group{ID: id, Name: name, Type: directory.Security}}
	}
	gone := group("g3", "")
	gone.Removed = true
	fill("run-1", true, 0, group("g1", "Pilots"), group("g2", "pilots"), group("g3", "Pilots"), group("g4", "Pilots"), group("g5", "Pilots 2"))
	fill("run-2", false, 1, gone)
	var entries []inventory.Entry
	for i, name := range []string{"Filter", "filter", "Filter", "Filter B"} {
		entries = append(entries, inventory.Entry{
			Item:    inventory.Item{Kind: "assignmentFilter", ID: fmt.Sprint("f", i), Name: name, Hash: "h", LastSeenAt: time.Unix(1, 0).UTC()},
			Content: []byte(`{}`),
		})
	}
	if err := items.Put(ctx, inventory.Sync{Tenant: "contoso", Run: "run-3"}, entries); err != nil {
		t.Fatal(err)
	}
	s := restore.Stored{Items: items, Groups: groups}
	for _, c := range []struct {
		kind, name string
		limit      int
		want       []restore.Candidate
	}{
		{"group", "Pilots", 20, []restore.Candidate{{ID: "g1", Name: "Pilots"}, {ID: "g4", Name: "Pilots"}}},
		{"group", "Pilots", 1, []restore.Candidate{{ID: "g1", Name: "Pilots"}}},
		{"group", "Pilot", 20, nil},
		{"assignmentFilter", "Filter", 20, []restore.Candidate{{ID: "f0", Name: "Filter"}, {ID: "f2", Name: "Filter"}}},
		{"assignmentFilter", "Filter", 1, []restore.Candidate{{ID: "f0", Name: "Filter"}}},
	} {
		got, err := s.ByName(ctx, "contoso", c.kind, c.name, c.limit)
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s %q, %d at most: %v\n%s", c.kind, c.name, c.limit, err, diff)
		}
	}
	for kind, want := range map[string]map[string]string{
		"group":            {"g1": "Pilots", "g5": "Pilots 2"},
		"assignmentFilter": {"f1": "filter"},
		"user":             {},
	} {
		got, err := s.ByID(ctx, "contoso", kind, []string{"g1", "g3", "g5", "f1", "none"})
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%ss by id: %v\n%s", kind, err, diff)
		}
	}
	ref := func(kind, id string) inventory.Ref { return inventory.Ref{Kind: kind, ID: id} }
	got, err := s.Names(ctx, "contoso", []inventory.Ref{ref("group", "g3"), ref("group", "g1"), ref("group", "none"), ref("assignmentFilter", "f1"), ref("user", "g1")})
	want := map[inventory.Ref]string{ref("group", "g3"): "Pilots", ref("group", "g1"): "Pilots", ref("assignmentFilter", "f1"): "filter"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("names: %v\n%s", err, diff)
	}
}
