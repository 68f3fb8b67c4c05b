package restore_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A restore into a tenant in which a second administrator approves changes waits,
// goes on with what was approved byte by byte, and writes nothing else.
func TestApproval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, small())
		set := w.backup("assignmentFilter", "configurationPolicy")
		w.wipe()
		r := w.plan(contoso, set.ID)
		w.preview(contoso, r.ID)
		w.server.SetQuirks(graphtest.Quirks{Protected: []string{"/deviceManagement/configurationPolicies"}})

		dry := false
		started, err := w.tracker.Start(t.Context(), runs.Request{Tenant: contoso, Type: restore.ExecuteType, Initiator: dana, Params: restore.ExecuteInput{
			Restore: r.ID, DryRun: &dry, Acknowledge: true, Confirm: contoso,
		}})
		if err != nil {
			t.Fatal(err)
		}
		tenant := w.server.Tenant(contoso)
		refused := false
		for n := 0; ; n++ {
			w.tracker.Drain()
			run, err := w.tracker.Get(t.Context(), started.Run.Ref())
			if err != nil {
				t.Fatal(err)
			}
			if run.Ended() {
				break
			}
			if run.Waiting.Reason != runs.ReasonApproval || n > 50 {
				t.Fatalf("the run is %s, waiting for %q, want for the approval", run.Status, run.Waiting.Reason)
			}
			if pause := time.Until(run.NotBefore); n == 0 && pause > 15*time.Second || pause > 5*time.Minute {
				t.Errorf("the run waits for %v, want 15 s at first and 5 minutes at most", pause)
			}
			for ref, i := range w.items(contoso, r.ID) {
				until := i.ApprovalAt.Add(72 * time.Hour).Format("2006-01-02 15:04 UTC")
				if i.Result == restore.Waiting && (i.Approval == "" || i.Message != "A second administrator has to approve the change before "+until+".") {
					t.Errorf("%v waits for %q until %s: %s", ref, i.Approval, until, i.Message)
				}
			}
			for _, code := range tenant.Approvals() {
				if err := tenant.Answer(code, refused); err != nil { // the first is refused
					t.Fatal(err)
				}
				refused = true
			}
			time.Sleep(10 * time.Minute)
		}
		results := make(map[restore.Result]int)
		for _, i := range w.items(contoso, r.ID) {
			if results[i.Result]++; i.Result == restore.Verified && (i.Message != "" || i.Approval != "") {
				t.Errorf("what was approved says %q %q, want nothing", i.Message, i.Approval)
			}
		}
		if results[restore.Verified] != 2 || results[restore.Failed] != 1 {
			t.Errorf("results %v, want two verified and the one that was refused", results)
		}
		if n := len(tenant.IDs("deviceManagement/configurationPolicies")); n != 1 {
			t.Errorf("there are %d policies, want the one that was approved", n)
		}
	})
}

// What somebody else has changed since the preview is left as it is.
func TestConflict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, small())
		set := w.backup("configurationPolicy")
		tenant := w.server.Tenant(contoso)
		const path = "deviceManagement/configurationPolicies"
		change := func(name string) {
			if err := tenant.Patch(path, "p1", []byte(`{"description":"`+name+`"}`)); err != nil {
				t.Fatal(err)
			}
		}
		change("changed before the preview")
		r := w.plan(contoso, set.ID)
		w.preview(contoso, r.ID)
		change("changed after the preview")
		w.execute(contoso, r.ID)
		i := w.items(contoso, r.ID)[inventory.Ref{Kind: "configurationPolicy", ID: "p1"}]
		if i.Decision != restore.Update || i.Result != restore.Conflicted {
			t.Errorf("the policy was to be %s and is %s, want an update that is a conflict", i.Decision, i.Result)
		}
		if n := w.server.Writes(); n != 0 {
			t.Errorf("%d writes were sent, want none", n)
		}
	})
}

// What the preview has found unchanged is looked at again: an execution does not
// say that something is there which has been deleted or changed since.
func TestUnchangedIsLookedAtAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, small())
		set := w.backup("configurationPolicy")
		r := w.plan(contoso, set.ID)
		w.preview(contoso, r.ID)
		for ref, i := range w.items(contoso, r.ID) {
			if i.Decision != restore.Unchanged {
				t.Fatalf("%v is to be %s, want it unchanged", ref, i.Decision)
			}
		}
		tenant := w.server.Tenant(contoso)
		const path = "deviceManagement/configurationPolicies"
		if err := tenant.Delete(path, "p1"); err != nil {
			t.Fatal(err)
		}
		if err := tenant.Patch(path, "p2", []byte(`{"description":"changed"}`)); err != nil {
			t.Fatal(err)
		}
		w.execute(contoso, r.ID)
		got := make(map[string]restore.Result)
		for ref, i := range w.items(contoso, r.ID) {
			if i.Result != restore.Same {
				got[ref.ID] = i.Result
			}
		}
		if diff := cmp.Diff(map[string]restore.Result{"p1": restore.Conflicted, "p2": restore.Conflicted}, got); diff != "" {
			t.Errorf("what is not the same (-want +got):\n%s", diff)
		}
		if n := w.server.Writes(); n != 0 {
			t.Errorf("%d writes were sent, want none", n)
		}
	})
}
