package restore_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
	"github.com/tenantatlas/tenantatlas/inventory/meminventory"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
)

const pilots = "0a0b0c0d-1111-2222-3333-44445555abcd"

// spelled is a tenant in which a group is spelled in three ways.
func spelled() graphtest.Document {
	policy := func(id, group string) json.RawMessage {
		return json.RawMessage(fmt.Sprintf(`{"id":%q,"name":%[1]q,"platforms":"windows10","technologies":"mdm","settings":[],"assignments":[{"target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":%q}}]}`, id, group))
	}
	return graphtest.Document{
		"groups":   {json.RawMessage(`{"id":"` + pilots + `","displayName":"Pilots","securityEnabled":true}`)},
		catalog:    {policy("p1", strings.ToUpper(pilots)), policy("p2", pilots)},
		accessPath: {json.RawMessage(`{"id":"c1","displayName":"Require MFA","state":"enabled","conditions":{"clientAppTypes":["all"],"applications":{"includeApplications":["All"]},"users":{"includeUsers":["All"],"excludeGroups":["` + strings.ToUpper(pilots) + `"]}},"grantControls":{"operator":"OR","builtInControls":["mfa"]}}`)},
	}
}

const accessPath = "identity/conditionalAccess/policies"

// newStoredWorld returns a world that finds things in what was synced.
func newStoredWorld(t *testing.T, doc graphtest.Document) *world {
	s := memory(t)
	s.inventory, s.directory = meminventory.New(), meminventory.NewDirectory()
	return newWorldIn(t, doc, s)
}

// syncGroups fills the directory of a tenant.
func (w *world) syncGroups(tenant string) {
	w.t.Helper()
	if r := w.run(tenant, directory.SyncType, struct{}{}); r.Outcome != runs.OutcomeSucceeded {
		w.t.Fatalf("sync %s: %+v", r.Outcome, r.Failure)
	}
}

// assignedTo returns the group that a policy of a tenant is assigned to.
func (w *world) assignedTo(tenant, name string) string {
	w.t.Helper()
	at := w.server.Tenant(tenant)
	for _, id := range at.IDs(catalog) {
		doc, err := at.Get(catalog, id)
		if err != nil {
			w.t.Fatal(err)
		}
		if contract.Text(contract.Member(doc, "name")) != name {
			continue
		}
		var is struct {
			Assignments []struct{ Target struct{ GroupID string } }
		}
		if err := json.Unmarshal(doc, &is); err != nil || len(is.Assignments) != 1 {
			w.t.Fatalf("%v in %s", err, doc)
		}
		return is.Assignments[0].Target.GroupID
	}
	w.t.Fatalf("there is no policy %s", name)
	return ""
}

// groupsIn returns what a restore maps groups to.
func groupsIn(r *restore.Restore) (all []restore.Mapping) {
	return slices.DeleteFunc(slices.Clone(r.Mapping), func(m restore.Mapping) bool { return m.Kind != contract.TargetGroup })
}

// A group is the same however its id is spelled: it has its name, is one question,
// spares whom it spares, and is written as it was captured.
func TestSpellingsOfGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newStoredWorld(t, spelled())
		w.cfg.Emergency = pilots
		w.tracker = w.newTracker(w.cfg)
		w.syncGroups(contoso)
		set := w.backup("configurationPolicy", "conditionalAccessPolicy")
		page, err := w.backups.Store.ListItems(t.Context(), backup.ItemQuery{Tenant: contoso, Set: set.ID})
		if err != nil || len(page.Items) != 3 {
			t.Fatal(page.Items, err)
		}
		for _, i := range page.Items {
			if q := i.Quality(); slices.Contains(q, backup.QualityOrphaned) {
				t.Errorf("%v lacks %v, want all groups to be known", i.Ref(), q)
			}
		}
		w.wipe()
		r := w.plan(contoso, set.ID)
		if m := groupsIn(r); len(m) != 1 || m[0].State != restore.Found || m[0].Name != "Pilots" {
			t.Errorf("mapping = %+v, want the group found, once", m)
		}
		w.preview(contoso, r.ID)
		w.execute(contoso, r.ID)
		for ref, i := range w.items(contoso, r.ID) {
			if i.Result != restore.Verified || i.AssignmentsReason != "" || i.ReportOnly {
				t.Errorf("%v is %s (%s %q), report-only %t, want it verified and assigned", ref, i.Result, i.AssignmentsReason, i.Message, i.ReportOnly)
			}
		}
		if a, b := w.assignedTo(contoso, "p1"), w.assignedTo(contoso, "p2"); a != strings.ToUpper(pilots) || b != pilots {
			t.Errorf("the policies are assigned to %s and %s, want it spelled as it was", a, b)
		}
	})
}

// In another tenant a group is one question too, and its answer holds for all
// spellings, in later restores as well.
func TestSpellingsElsewhere(t *testing.T) {
	const first, second = "11111111-0000-0000-0000-00000000000a", "11111111-0000-0000-0000-00000000000b"
	synctest.Test(t, func(t *testing.T) {
		w := newStoredWorld(t, spelled())
		if err := w.server.Tenant(fabrikam).LoadDocument(docs("groups",
			`{"id":"`+first+`","displayName":"Pilots","securityEnabled":true}`, `{"id":"`+second+`","displayName":"Pilots","securityEnabled":true}`)); err != nil {
			t.Fatal(err)
		}
		w.syncGroups(contoso)
		w.syncGroups(fabrikam)
		set := w.imported(w.backup("configurationPolicy").ID)
		plan := func(items ...inventory.Ref) *restore.Restore {
			t.Helper()
			r, err := w.planner.New(t.Context(), fabrikam, set.ID, dana)
			if err == nil && items != nil {
				r, err = w.planner.Change(t.Context(), fabrikam, r.ID, restore.Patch{Scope: &restore.Scope{Items: items}}, dana)
			}
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		r := plan()
		if m := groupsIn(r); len(m) != 1 || m[0].State != restore.Several {
			t.Fatalf("mapping = %+v, want one question", m)
		}
		r, err := w.planner.Change(t.Context(), fabrikam, r.ID, restore.Patch{Mapping: []restore.Choice{
			{Kind: contract.TargetGroup, ID: strings.ToUpper(pilots), To: second},
		}}, dana)
		if err != nil {
			t.Fatal(err)
		}
		w.preview(fabrikam, r.ID)
		w.execute(fabrikam, r.ID)
		for _, name := range []string{"p1", "p2"} {
			if is := w.assignedTo(fabrikam, name); is != second {
				t.Errorf("%s is assigned to %s, want %s", name, is, second)
			}
		}
		for _, id := range []string{"p1", "p2"} {
			if m := groupsIn(plan(inventory.Ref{Kind: "configurationPolicy", ID: id})); len(m) != 1 || m[0].State != restore.Answered || m[0].To != second {
				t.Errorf("a later restore of %s maps %+v, want the answer", id, m)
			}
		}
	})
}
