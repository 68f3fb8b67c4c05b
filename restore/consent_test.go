package restore_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A preview names the kinds that need consent. What nobody has agreed to fails and
// says so, everything else is restored, and a rerun that names it does the rest. A
// dry run changes nothing, not even the status.
func TestConsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, graphtest.DemoTenant(1, 1))
		set := w.backup()
		w.wipe()
		r := w.plan(contoso, set.ID)
		w.preview(contoso, r.ID)
		r = w.get(contoso, r.ID)
		if diff := cmp.Diff([]string{"operationApprovalPolicy", "roleAssignment"}, r.Preview.Consent); diff != "" {
			t.Errorf("kinds that need consent (-want +got):\n%s", diff)
		}
		w.run(contoso, restore.ExecuteType, restore.ExecuteInput{Restore: r.ID})
		if r = w.get(contoso, r.ID); r.Status() != "previewed" || r.Execution == nil || !r.Execution.DryRun {
			t.Errorf("after a dry run the restore is %s, %+v", r.Status(), r.Execution)
		}
		dry := false
		in := restore.ExecuteInput{Restore: r.ID, DryRun: &dry, Acknowledge: true, Confirm: contoso}
		for _, wrong := range []string{"roleAssignments", "assignmentFilter", ""} {
			in.Consent = []string{wrong}
			_, err := w.tracker.Start(t.Context(), runs.Request{Tenant: contoso, Type: restore.ExecuteType, Params: in, Initiator: dana})
			if f, _ := runs.FailureOf(err); f.Reason != runs.ReasonInvalidInput {
				t.Errorf("consent to %q: %v, want invalid input", wrong, err)
			}
		}
		in.Consent = nil
		w.run(contoso, restore.ExecuteType, in)
		failed := 0
		for ref, i := range w.items(contoso, r.ID) {
			switch {
			case slices.Contains(r.Preview.Consent, ref.Kind):
				failed++
				if i.Result != restore.Failed || i.Reason != restore.ReasonConsent {
					t.Errorf("%v is %s, %s, want it to need consent", ref, i.Result, i.Reason)
				}
			case i.Decision.Writes() && i.Result != restore.Verified:
				t.Errorf("%v is %s, %s, want verified", ref, i.Result, i.Message)
			}
		}
		again, err := w.planner.Rerun(t.Context(), contoso, r.ID, dana)
		if err != nil {
			t.Fatal(err)
		}
		w.preview(contoso, again.ID)
		w.execute(contoso, again.ID)
		verified := 0
		for ref, i := range w.items(contoso, again.ID) {
			if slices.Contains(r.Preview.Consent, ref.Kind) && i.Result == restore.Verified {
				verified++
			}
		}
		if failed == 0 || verified != failed {
			t.Errorf("%d of %d are verified when somebody has agreed", verified, failed)
		}
	})
}

// breaksOff is a store that fails when a preview has decided.
type breaksOff struct{ restore.Store }

func (s breaksOff) Put(ctx context.Context, tenant, id string, fence int64, items []restore.Item) error {
	for _, i := range items {
		if i.Decision != "" {
			return errors.New("power failure")
		}
	}
	return s.Store.Put(ctx, tenant, id, fence, items)
}

// While a preview is under way every item is there without a decision, and nothing
// is executed by a preview that broke off.
func TestPreviewBreaksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, graphtest.DemoTenant(1, 1))
		set := w.backup("assignmentFilter")
		w.wipe()
		r := w.plan(contoso, set.ID)
		w.preview(contoso, r.ID)
		cfg := w.cfg
		cfg.Store = breaksOff{w.cfg.Store}
		whole := w.tracker
		w.tracker = w.newTracker(cfg)
		if run := w.run(contoso, restore.PreviewType, restore.PreviewInput{Restore: r.ID}); run.Outcome != runs.OutcomeFailed {
			t.Fatalf("the preview is %s", run.Outcome)
		}
		w.tracker = whole
		items := w.items(contoso, r.ID)
		if len(items) == 0 {
			t.Error("no items are there")
		}
		for ref, i := range items {
			want := restore.Item{Ref: ref, Name: i.Name, Version: i.Version, Step: restore.Planned}
			if diff := cmp.Diff(want, i); diff != "" || i.Name == "" {
				t.Errorf("an item that is not decided (-want +got):\n%s", diff)
			}
		}
		before := w.server.Writes()
		run := w.run(contoso, restore.ExecuteType, restore.ExecuteInput{Restore: r.ID})
		if run.Outcome != runs.OutcomeFailed || run.Failure.Reason != runs.ReasonConflict || w.server.Writes() != before {
			t.Errorf("the execution is %s, %+v, with %d writes", run.Outcome, run.Failure, w.server.Writes()-before)
		}
	})
}

// A preview of a set that lacks something says so.
func TestPartialSetWarns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, small())
		for _, forbidden := range [][]string{nil, {"deviceManagement/termsAndConditions"}} {
			s, err := backup.NewSet(t.Context(), w.backups.Store, contoso, "everything", "", dana, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			w.server.SetQuirks(graphtest.Quirks{Forbidden: forbidden})
			w.run(contoso, backup.AddType, backup.AddInput{Set: s.ID, All: true, Selection: &inventory.Selection{PolicyTypes: []string{"assignmentFilter", "termsAndConditions"}}})
			r := w.plan(contoso, s.ID)
			w.preview(contoso, r.ID)
			if got := w.get(contoso, r.ID).Preview.Warnings; (len(got) == 1) != (forbidden != nil) {
				t.Errorf("without %q, the preview warns %q", forbidden, got)
			}
		}
	})
}
