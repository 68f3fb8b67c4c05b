package restore_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/restore"
)

// A target is one entry of an object's assignments.
type target struct {
	Type       string `json:"@odata.type"`
	Group      string `json:"groupId,omitempty"`
	Filter     string `json:"deviceAndAppManagementAssignmentFilterId,omitempty"`
	FilterType string `json:"deviceAndAppManagementAssignmentFilterType,omitempty"`
}

const (
	groups    = "groups"
	filters   = "deviceManagement/assignmentFilters"
	policies  = "deviceManagement/configurationPolicies"
	include   = "#microsoft.graph.groupAssignmentTarget"
	exclude   = "#microsoft.graph.exclusionGroupAssignmentTarget"
	everybody = "#microsoft.graph.allDevicesAssignmentTarget"
)

// Whatever has a counterpart and whatever is given up: nobody gets an object who
// was not to have it, and no exclusion or filter is lost.
func TestNoTargetBecomesBroader(t *testing.T) {
	rounds := 20
	if os.Getenv("TENANTATLAS_LONG") != "" {
		rounds = 1000
	}
	assigned := 0
	for seed := range rounds {
		synctest.Test(t, func(t *testing.T) {
			assigned += broaden(t, rand.New(rand.NewPCG(1, uint64(seed)))) //nolint:gosec // repeatable
		})
	}
	if all := rounds * objects; assigned < all/16 {
		t.Errorf("only %d objects of %d were assigned: the property holds for want of cases", assigned, all)
	}
}

const (
	objects = 20 // policies that one round restores
	targets = 8  // groups that they can be assigned to, and filters
)

// broaden restores policies with assignments at random into a tenant that has
// only some of the groups and filters, and returns how many of them were
// assigned.
func broaden(t *testing.T, r *rand.Rand) (assigned int) {
	doc := graphtest.Document{}
	for i := range targets {
		doc[groups] = append(doc[groups], json.RawMessage(fmt.Sprintf(`{"id":"g%d","displayName":"Group %d","securityEnabled":true}`, i, i)))
		doc[filters] = append(doc[filters], json.RawMessage(fmt.Sprintf(`{"id":"f%d","displayName":"Filter %d","platform":"windows10AndLater","rule":"r"}`, i, i)))
	}
	intended := make(map[string][]target) // by the name of the policy
	for i := range objects {
		name := fmt.Sprintf("Policy %d", i)
		intended[name] = someTargets(r)
		var entries []map[string]any
		for _, to := range intended[name] {
			entries = append(entries, map[string]any{"target": to})
		}
		body, err := json.Marshal(map[string]any{
			"id": fmt.Sprintf("p%d", i), "name": name, "platforms": "windows10", "technologies": "mdm",
			"roleScopeTagIds": []string{"0"}, "settings": []any{}, "assignments": entries,
		})
		if err != nil {
			t.Fatal(err)
		}
		doc[policies] = append(doc[policies], body)
	}
	w := newWorld(t, doc)
	other := w.server.Tenant(fabrikam)
	for _, path := range []string{groups, filters} {
		w.copyTo(other, path, func(id string) string { return "x" + id })
		for _, id := range other.IDs(path) {
			if r.IntN(4) == 0 {
				if err := other.Delete(path, id); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	set := w.imported(w.backup("configurationPolicy").ID)
	plan, err := w.planner.New(t.Context(), fabrikam, set.ID, dana)
	if err != nil {
		t.Fatal(err)
	}
	mapped := make(map[string]string) // ids of groups and filters
	var givenUp []restore.Choice
	for _, m := range plan.Mapping {
		if m.State == restore.Everywhere {
			continue
		}
		if m.To != "" && r.IntN(4) > 0 {
			mapped[m.ID] = m.To
			continue
		}
		givenUp = append(givenUp, restore.Choice{Kind: m.Kind, ID: m.ID, Skip: true})
	}
	if _, err := w.planner.Change(t.Context(), fabrikam, plan.ID, restore.Patch{Mapping: givenUp}, dana); err != nil {
		t.Fatal(err)
	}
	w.preview(fabrikam, plan.ID)
	w.execute(fabrikam, plan.ID)
	for _, id := range other.IDs(policies) {
		doc, err := other.Get(policies, id)
		if err != nil {
			t.Fatal(err)
		}
		var is struct {
			Name        string `json:"name"`
			Assignments []struct {
				Target target `json:"target"`
			} `json:"assignments"`
		}
		if err := json.Unmarshal(doc, &is); err != nil {
			t.Fatal(err)
		}
		var got []target
		for _, a := range is.Assignments {
			got = append(got, a.Target)
		}
		if len(got) > 0 {
			assigned++
		}
		if why := broader(got, intended[is.Name], mapped); why != "" {
			t.Errorf("%s was to be assigned to %+v with %v, and is to %+v: %s", is.Name, intended[is.Name], mapped, got, why)
		}
	}
	return assigned
}

func someTargets(r *rand.Rand) []target {
	var all []target
	seen := make(map[string]bool)
	for range r.IntN(4) {
		to := target{Type: include, Group: fmt.Sprintf("g%d", r.IntN(targets))}
		switch r.IntN(4) {
		case 0:
			to.Type = exclude
		case 1:
			to.Type, to.Group = everybody, ""
		}
		if to.Type != exclude && r.IntN(2) == 0 {
			to.Filter, to.FilterType = fmt.Sprintf("f%d", r.IntN(targets)), []string{"include", "exclude"}[r.IntN(2)]
		}
		if !seen[to.Group] {
			seen[to.Group] = true
			all = append(all, to)
		}
	}
	return all
}

// broader says in what the assignments are more than was intended, in terms of
// the other tenant.
func broader(got, intended []target, mapped map[string]string) string {
	want := make(map[target]bool)
	exclusions := 0
	for _, to := range intended {
		if to.Group != "" {
			to.Group = mapped[to.Group]
		}
		if to.Filter != "" {
			to.Filter = mapped[to.Filter]
		}
		want[to] = true
		if to.Type == exclude {
			exclusions++
		}
	}
	kept := 0
	for _, to := range got {
		if !want[to] || to.Type != everybody && to.Group == "" || to.FilterType != "" && to.Filter == "" {
			return fmt.Sprintf("nobody wanted %+v", to)
		}
		if to.Type == exclude {
			kept++
		}
	}
	if len(got) > 0 && kept != exclusions {
		return "an exclusion is lost"
	}
	return ""
}

// Who reads a preview learns what is left out because the mapping gives it up.
func TestGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const tags = "deviceManagement/roleScopeTags"
		assigned := func(more string) string {
			return `{"target":{"@odata.type":"` + include + `",` + more + `}}`
		}
		w := newWorld(t, graphtest.Document{
			groups:  docs(groups, `{"id":"g1","displayName":"Pilots"}`, `{"id":"g2","displayName":"Testers"}`)[groups],
			filters: docs(filters, `{"id":"f1","displayName":"Laptops","platform":"windows10AndLater","rule":"(device.model -eq \"X\")","roleScopeTags":["0"]}`)[filters],
			tags:    docs(tags, `{"id":"0","displayName":"Default","isBuiltIn":true}`, `{"id":"7","displayName":"Berlin"}`)[tags],
			policies: docs(policies, `{"id":"p1","name":"P","platforms":"windows10","technologies":"mdm","roleScopeTagIds":["0","7","8"],"settings":[],"assignments":[`+
				assigned(`"groupId":"g1"`)+","+assigned(`"groupId":"g2"`)+","+assigned(`"groupId":"12345678-0000-0000-0000-0000deadbeef"`)+`]}`,
				`{"id":"p2","name":"Q","platforms":"windows10","technologies":"mdm","roleScopeTagIds":["0"],"settings":[],"assignments":[`+
					assigned(`"groupId":"g1","deviceAndAppManagementAssignmentFilterId":"f1","deviceAndAppManagementAssignmentFilterType":"include"`)+`]}`)[policies],
		})
		r, err := w.planner.New(t.Context(), contoso, w.backup("configurationPolicy").ID, dana)
		if err != nil {
			t.Fatal(err)
		}
		var skip []restore.Choice
		for _, m := range r.Mapping {
			if m.Name != "Pilots" && m.State != restore.Everywhere {
				skip = append(skip, restore.Choice{Kind: m.Kind, ID: m.ID, Skip: true})
			}
		}
		if _, err := w.planner.Change(t.Context(), contoso, r.ID, restore.Patch{Mapping: skip}, dana); err != nil {
			t.Fatal(err)
		}
		got := make(map[string]string)
		for _, step := range []func(){func() { w.preview(contoso, r.ID) }, func() { w.execute(contoso, r.ID) }} {
			step()
			for ref, i := range w.items(contoso, r.ID) {
				got[ref.ID] = i.Message
			}
			want := map[string]string{
				"p1": "It is written without what the mapping gives up: the scope tag “Berlin”, the scope tag Unresolved (…8), assignments to “Testers”, assignments to Unresolved (…deadbeef).",
				"p2": "It is written without what the mapping gives up: assignments with the filter “Laptops”.",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		}
	})
}
