package backup_test

import (
	"encoding/json"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
)

// certificate returns what is stored for a set.
func (w *world) certificate(set string) *backup.Certificate {
	w.t.Helper()
	sealing, err := w.cfg.Store.GetSealing(w.t.Context(), contoso, set)
	if err != nil {
		w.t.Fatal(err)
	}
	c := new(backup.Certificate)
	if err := json.Unmarshal(sealing.Certificate, c); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// report returns what a certificate says of a kind.
func report(c *backup.Certificate, kind string) backup.KindReport {
	i := slices.IndexFunc(c.Kinds, func(k backup.KindReport) bool { return k.Kind == kind })
	if i < 0 {
		return backup.KindReport{}
	}
	return c.Kinds[i]
}

// A certificate says of each kind what was listed, what is in the set, and what
// is not and why, over all runs that have added to the set.
func TestCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, graphtest.DemoTenant(1, 1))
		const filters, policies = "assignmentFilter", "configurationPolicy"
		at := w.server.Tenant(contoso)
		some := at.IDs("deviceManagement/assignmentFilters")
		s := w.set("set")
		execute := func(in backup.AddInput, want runs.Outcome) *backup.Certificate {
			t.Helper()
			in.Set = s.ID
			run := w.tracker.Execute(runs.Request{Tenant: contoso, Type: backup.AddType, Params: in, Initiator: dana})
			if run.Outcome != want {
				t.Fatalf("the run %s: %+v, want %s", run.Outcome, run.Failures, want)
			}
			return w.certificate(s.ID)
		}

		// Of two chosen objects one is not there.
		gone := inventory.Ref{Kind: filters, ID: "00000000-0000-0000-0000-000000000000"}
		c := execute(backup.AddInput{Items: []inventory.Ref{{Kind: filters, ID: some[0]}, gone}}, runs.OutcomePartiallySucceeded)
		if diff := cmp.Diff([]backup.Missing{{ID: gone.ID, Reason: runs.ReasonNotFound}}, report(c, filters).Missing); diff != "" {
			t.Errorf("missing (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]runs.Reason{runs.ReasonNotFound}, c.Reasons); diff != "" || c.Status != backup.Partial {
			t.Errorf("the set is %s, because of (-want +got):\n%s", c.Status, diff)
		}
		if r := report(c, filters); r.Whole || r.Captured != 1 || r.Listed != len(some) || r.Pages == 0 {
			t.Errorf("the report on filters is %+v, want one captured of %d listed, and not whole", r, len(some))
		}

		// It comes to be, and another kind cannot be listed.
		doc, err := at.Get("deviceManagement/assignmentFilters", some[0])
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		if err := json.Unmarshal(doc, &fields); err != nil {
			t.Fatal(err)
		}
		fields["id"], fields["displayName"] = gone.ID, "there now"
		if doc, err = json.Marshal(fields); err != nil {
			t.Fatal(err)
		}
		if _, err := at.Add("deviceManagement/assignmentFilters", doc); err != nil {
			t.Fatal(err)
		}
		w.server.SetFaults(graphtest.Fault{Kind: graphtest.FaultForbidden, Prefix: "/deviceManagement/configurationPolicies"})
		c = execute(backup.AddInput{All: true}, runs.OutcomePartiallySucceeded)
		if r := report(c, filters); r.Missing != nil || r.Captured != len(some)+1 || !r.Whole {
			t.Errorf("the report on filters is %+v, want all of them", r)
		}
		if r := report(c, policies); r.Reason != runs.ReasonPermissionDenied || r.Captured != 0 {
			t.Errorf("the report on policies is %+v, want %s", r, runs.ReasonPermissionDenied)
		}
		if c.Status != backup.Partial || !slices.Contains(c.Reasons, runs.ReasonPermissionDenied) {
			t.Errorf("the set is %s because of %v, want partial because of %s", c.Status, c.Reasons, runs.ReasonPermissionDenied)
		}

		// Without faults, nothing is missing any more.
		w.server.SetFaults()
		c = execute(backup.AddInput{All: true}, runs.OutcomeSucceeded)
		if r := report(c, policies); r.Reason != "" || r.Captured != len(at.IDs("deviceManagement/configurationPolicies")) || r.Children == 0 || r.Assignments != r.Captured {
			t.Errorf("the report on policies is %+v, want all of them, with children and assignments", r)
		}
		if c.Status != backup.Complete || len(c.Reasons) > 0 {
			t.Errorf("the set is %s because of %v, want complete", c.Status, c.Reasons)
		}
	})
}
