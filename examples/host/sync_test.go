package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

// A sync finds every object once, with all of its children, and a second one
// changes nothing but when they were last seen.
func TestSync(t *testing.T) {
	t.Parallel()
	eachDB(t, func(t *testing.T, db string) {
		graph, objects := loadTenant(t, graphtest.Config{})
		c := serveTenant(t, graph, db)
		first := c.sync(`{}`)
		if first.Outcome != "succeeded" {
			t.Fatalf("the first sync is %+v", first)
		}
		before := c.items()
		seen := make(map[string]bool)
		for _, it := range before {
			if key := it.Kind + " " + it.ID; seen[key] || it.Missing || it.Hash == "" {
				t.Errorf("item %s: seen before %v, missing %v, hash %q", key, seen[key], it.Missing, it.Hash)
			} else {
				seen[key] = true
			}
		}
		total := 0
		for path, n := range objects {
			total += n
			for _, id := range graph.Tenant(entraID).IDs(path) {
				if !hasID(before, id) {
					t.Errorf("%s/%s is not in the inventory", path, id)
				}
			}
		}
		if len(before) < total {
			t.Errorf("%d items, want at least the %d objects of the tenant", len(before), total)
		}
		checkSettings(t, c, graph, before)

		second := c.sync(`{}`)
		if second.Outcome != "succeeded" || second.Counts["new"] != 0 || second.Counts["changed"] != 0 || second.Counts["unchanged"] != len(before) {
			t.Errorf("the second sync is %+v, want %d unchanged and nothing else", second, len(before))
		}
		after := c.items()
		for i := range after {
			if i < len(before) && !after[i].LastSeen.After(before[i].LastSeen) {
				t.Errorf("%s %s was last seen at %v, want later than %v", after[i].Kind, after[i].ID, after[i].LastSeen, before[i].LastSeen)
			}
			after[i].LastSeen = time.Time{}
		}
		for i := range before {
			before[i].LastSeen = time.Time{}
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("the second sync has changed items (-before +after):\n%s", diff)
		}
		if n := graph.Writes(); n != 0 {
			t.Errorf("%d writes to Graph, want none", n)
		}
	})
}

func hasID(items []itemJSON, id string) bool {
	for _, it := range items {
		if it.ID == id {
			return true
		}
	}
	return false
}

// checkSettings compares the settings of every policy of the settings catalog
// with what the tenant has.
func checkSettings(t *testing.T, c *client, graph *graphtest.Server, items []itemJSON) {
	t.Helper()
	long := 0
	for _, it := range items {
		if it.Kind != "configurationPolicy" {
			continue
		}
		raw, err := graph.Tenant(entraID).Get("deviceManagement/configurationPolicies", it.ID)
		if err != nil {
			t.Fatal(err)
		}
		var want, got struct{ Settings []json.RawMessage }
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		var one itemJSON
		c.do("rosa", "GET", "/api/v1/t/contoso/inventory/items/"+it.Kind+"/"+it.ID, "", &one)
		if err := json.Unmarshal(one.Content, &got); err != nil {
			t.Fatalf("%s: %v", it.ID, err)
		}
		if len(got.Settings) != len(want.Settings) {
			t.Errorf("%s has %d settings, want %d", it.Name, len(got.Settings), len(want.Settings))
		}
		if len(want.Settings) > 25 {
			long++
		}
	}
	if long == 0 {
		t.Error("no policy has more than one page of settings, so this shows little")
	}
}

// With trouble on the way the rest is found, and what could not be read is
// named.
func TestSyncWithTrouble(t *testing.T) {
	t.Parallel()
	const forbidden = "deviceManagement/deviceCompliancePolicies"
	eachDB(t, func(t *testing.T, db string) {
		graph, objects := loadTenant(t, graphtest.Config{
			Seed:   3,
			Faults: append(graphtest.Flaky(0.02, 0.01), graphtest.Fault{Prefix: "/" + forbidden, Kind: graphtest.FaultForbidden}),
		})
		c := serveTenant(t, graph, db)
		got := c.sync(`{}`)
		if got.Outcome != "partially_succeeded" || len(got.Failures) != 1 ||
			got.Failures[0].Key != "deviceCompliancePolicy" || got.Failures[0].Reason != "permission_denied" {
			t.Fatalf("the sync is %+v, want it partial because of deviceCompliancePolicy", got)
		}
		items := c.items()
		for path := range objects {
			for _, id := range graph.Tenant(entraID).IDs(path) {
				if has := hasID(items, id); has != (path != forbidden) {
					t.Errorf("%s/%s is in the inventory: %v", path, id, has)
				}
			}
		}
		var coverage struct {
			Run   string
			Kinds []struct{ Kind, Status, Reason string }
		}
		c.do("rosa", "GET", "/api/v1/t/contoso/inventory/coverage", "", &coverage)
		if coverage.Run != got.ID || len(coverage.Kinds) != got.Counts["total"] {
			t.Errorf("coverage of run %s with %d kinds, want %s with %d", coverage.Run, len(coverage.Kinds), got.ID, got.Counts["total"])
		}
		for _, k := range coverage.Kinds {
			if want := k.Kind == "deviceCompliancePolicy"; (k.Status == "failed") != want {
				t.Errorf("%s is %s because of %q", k.Kind, k.Status, k.Reason)
			}
		}
	})
}

// What was deleted is missing, and not gone; what failed is neither.
func TestMissing(t *testing.T) {
	t.Parallel()
	eachDB(t, func(t *testing.T, db string) {
		graph := newGraph(t, graphtest.Config{}, madeUp())
		tenant := graph.Tenant(entraID)
		c := serveTenant(t, graph, db)
		c.sync(`{}`)
		const path = "deviceManagement/assignmentFilters"
		gone := tenant.IDs(path)[0]
		if err := tenant.Delete(path, gone); err != nil {
			t.Fatal(err)
		}
		graph.SetFaults(graphtest.Fault{Prefix: "/deviceManagement/configurationPolicies", Kind: graphtest.FaultForbidden})
		c.sync(`{}`)
		for _, it := range c.items() {
			if it.Missing != (it.ID == gone) {
				t.Errorf("%s %s is missing: %v", it.Kind, it.Name, it.Missing)
			}
		}
	})
}
