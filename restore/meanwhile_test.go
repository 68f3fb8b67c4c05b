package restore_test

import (
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
)

var smallKinds = []string{"assignmentFilter", "configurationPolicy", "notificationMessageTemplate", "termsAndConditions"}

// Two restores that are planned to create the same objects create them once, also
// while lists lag behind: the second one leaves them alone.
func TestPlansThatCross(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, small())
		set := w.backup(smallKinds...)
		w.wipe()
		first, second := w.plan(contoso, set.ID), w.plan(contoso, set.ID)
		w.preview(contoso, first.ID)
		w.preview(contoso, second.ID)
		w.execute(contoso, first.ID)
		for _, what := range w.amiss(first.ID, wiped()) {
			t.Errorf("first: %s", what)
		}
		w.server.SetQuirks(graphtest.Quirks{ListLag: time.Hour})
		w.execute(contoso, second.ID)
		for _, what := range w.once() {
			t.Errorf("second: %s", what)
		}
		for ref, i := range w.items(contoso, second.ID) {
			if i.Result != restore.Conflicted && i.Reason != restore.ReasonPending {
				t.Errorf("%v is %s (%s), want a conflict", ref, i.Result, i.Message)
			}
		}
		w.server.SetQuirks(graphtest.Quirks{})
		again, err := w.planner.Rerun(t.Context(), contoso, second.ID, dana)
		if err != nil {
			t.Fatal(err)
		}
		w.preview(contoso, again.ID)
		for ref, i := range w.items(contoso, again.ID) {
			if i.Decision != restore.Unchanged {
				t.Errorf("in the rerun %v is %s, want unchanged", ref, i.Decision)
			}
		}
	})
}

// A preview after an execution replaces its results: until there are others, it is
// not known what a rerun would be of.
func TestPreviewedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, small())
		set := w.backup(smallKinds...)
		w.wipe()
		r := w.plan(contoso, set.ID)
		w.preview(contoso, r.ID)
		w.execute(contoso, r.ID)
		w.preview(contoso, r.ID)
		if again, err := w.planner.Rerun(t.Context(), contoso, r.ID, dana); !errors.Is(err, runs.ErrInvalid) {
			t.Errorf("a rerun of what has no results: %+v, %v", again, err)
		}
		before := w.server.Writes()
		w.execute(contoso, r.ID)
		if n := w.server.Writes() - before; n > 0 {
			t.Errorf("a second execution has sent %d writes", n)
		}
		if again, err := w.planner.Rerun(t.Context(), contoso, r.ID, dana); !errors.Is(err, runs.ErrInvalid) {
			t.Errorf("a rerun of what has succeeded: %+v, %v", again, err)
		}
	})
}

// Restores of one tenant are not previewed and executed at the same time: each has
// to see what the other one has made.
func TestOneRestoreAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, small())
		set := w.backup(smallKinds...)
		lanes := make(map[string]bool)
		for range 2 {
			r := w.plan(contoso, set.ID)
			w.preview(contoso, r.ID)
			lanes[w.run(contoso, restore.PreviewType, restore.PreviewInput{Restore: r.ID}).Lane] = true
			lanes[w.execute(contoso, r.ID).Lane] = true
		}
		if len(lanes) != 1 || lanes[""] {
			t.Errorf("the runs are in the lanes %v, want one", lanes)
		}
	})
}

// Runs are about a set, or about a restore that is called like its set.
func TestTargetsHaveNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, small())
		set := w.backup(smallKinds...)
		r := w.plan(contoso, set.ID)
		ofSet, ofRestore := runs.Target{Kind: "backup_set", ID: set.ID, Name: set.Name}, runs.Target{Kind: "restore", ID: r.ID, Name: set.Name}
		for _, tt := range []struct {
			typ    runs.Type
			params any
			want   runs.Target
		}{
			{backup.AddType, backup.AddInput{Set: set.ID, All: true}, ofSet},
			{backup.VerifyType, backup.VerifyInput{Set: set.ID}, ofSet},
			{restore.PreviewType, restore.PreviewInput{Restore: r.ID}, ofRestore},
			{restore.ExecuteType, restore.ExecuteInput{Restore: r.ID}, ofRestore},
		} {
			if got := w.run(contoso, tt.typ, tt.params).Target; got != tt.want || set.Name == "" {
				t.Errorf("a run of %s is about %+v, want %+v", tt.typ, got, tt.want)
			}
		}
	})
}

// What somebody has made since the preview is not made once more.
func TestMadeMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, small())
		set := w.backup(smallKinds...)
		w.wipe()
		r := w.plan(contoso, set.ID)
		w.preview(contoso, r.ID)
		if _, err := w.server.Tenant(contoso).Add("deviceManagement/termsAndConditions",
			json.RawMessage(`{"displayName":"Rules","title":"by hand","bodyText":"B","acceptanceStatement":"A","roleScopeTagIds":["0"]}`)); err != nil {
			t.Fatal(err)
		}
		w.execute(contoso, r.ID)
		for _, what := range w.once() {
			t.Error(what)
		}
		for ref, i := range w.items(contoso, r.ID) {
			want := restore.Verified
			if ref.Kind == "termsAndConditions" {
				want = restore.Conflicted
			}
			if i.Result != want {
				t.Errorf("%v is %s (%s), want %s", ref, i.Result, i.Message, want)
			}
		}
	})
}

// One of two objects with a name that is gone is not restored over the other.
func TestNamesakeIsLeft(t *testing.T) {
	lost := inventory.Ref{Kind: "configurationPolicy", ID: "p1"}
	for name, restoreTo := range map[string]func(w *world, set string) (tenant, id string){
		"same tenant": func(w *world, set string) (string, string) {
			if err := w.server.Tenant(contoso).Delete(policies, lost.ID); err != nil {
				w.t.Fatal(err)
			}
			return contoso, w.plan(contoso, set, lost).ID
		},
		"other tenant": func(w *world, set string) (string, string) {
			to := w.imported(set)
			other := w.plan(fabrikam, to.ID, inventory.Ref{Kind: "configurationPolicy", ID: "p2"})
			w.preview(fabrikam, other.ID)
			w.execute(fabrikam, other.ID)
			return fabrikam, w.plan(fabrikam, to.ID, lost).ID
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, small())
				tenant, id := restoreTo(w, w.backup("configurationPolicy").ID)
				w.preview(tenant, id)
				if i := w.items(tenant, id)[lost]; i.Decision != restore.Create {
					t.Fatalf("%v is to be %s as %q, want create", lost, i.Decision, i.Object)
				}
				w.execute(tenant, id)
				if i := w.items(tenant, id)[lost]; i.Result != restore.Verified {
					t.Errorf("%v is %s (%s), want verified", lost, i.Result, i.Message)
				}
				if n := len(w.server.Tenant(tenant).IDs(policies)); n != 2 {
					t.Errorf("there are %d policies, want 2", n)
				}
			})
		})
	}
}

// A dry run of what was executed would hide what became of it.
func TestNoDryRunAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, small())
		set := w.backup(smallKinds...)
		w.wipe()
		r := w.plan(contoso, set.ID)
		w.preview(contoso, r.ID)
		w.run(contoso, restore.ExecuteType, restore.ExecuteInput{Restore: r.ID})
		w.execute(contoso, r.ID)
		_, err := w.tracker.Start(t.Context(), runs.Request{
			Tenant: contoso, Type: restore.ExecuteType, Params: restore.ExecuteInput{Restore: r.ID}, Initiator: dana,
		})
		if f, _ := runs.FailureOf(err); f.Reason != runs.ReasonInvalidInput {
			t.Errorf("a dry run of what was executed is answered with %v, want invalid input", err)
		}
		if is := w.get(contoso, r.ID).Status(); is != "executed" {
			t.Errorf("the restore is %s, want executed", is)
		}
	})
}

// What was restored without its assignments has not succeeded, and a rerun has it.
func TestRerunOfAssignments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, small())
		if _, err := w.server.Tenant(fabrikam).Add(groups, json.RawMessage(`{"displayName":"Pilots","securityEnabled":true}`)); err != nil {
			t.Fatal(err)
		}
		set := w.imported(w.backup("configurationPolicy").ID)
		item := inventory.Ref{Kind: "configurationPolicy", ID: "p1"}
		r, err := w.planner.New(t.Context(), fabrikam, set.ID, dana) // nothing is said of the filter
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.planner.Change(t.Context(), fabrikam, r.ID, restore.Patch{Scope: &restore.Scope{Items: []inventory.Ref{item}}}, dana); err != nil {
			t.Fatal(err)
		}
		w.preview(fabrikam, r.ID)
		run := w.execute(fabrikam, r.ID)
		if i := w.items(fabrikam, r.ID)[item]; run.Outcome != runs.OutcomeFailed || i.Result != restore.Verified || i.AssignmentsReason == "" {
			t.Fatalf("the run has %s, and the item is %s (%s)", run.Outcome, i.Result, i.AssignmentsReason)
		}
		w.server.SetQuirks(graphtest.Quirks{})
		again, err := w.planner.Rerun(t.Context(), fabrikam, r.ID, dana)
		if err != nil {
			t.Fatal(err)
		}
		if len(again.Scope.Items) != 1 || again.Scope.Items[0] != item {
			t.Errorf("the rerun has %v, want %v", again.Scope.Items, item)
		}
	})
}

// A set without anything in it is not one that is not there.
func TestNoRestoreOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, small())
		set, err := backup.NewSet(t.Context(), w.backups.Store, contoso, "empty", "", dana, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		for id, want := range map[string]error{set.ID: restore.ErrInvalid, "nowhere": restore.ErrNotFound} {
			if _, err := w.planner.New(t.Context(), contoso, id, dana); !errors.Is(err, want) {
				t.Errorf("a restore of %q is answered with %v, want %v", id, err, want)
			}
		}
	})
}
