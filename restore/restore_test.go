package restore_test

import (
	"testing"
	"testing/synctest"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
)

// What was backed up can be restored into the tenant that has lost it, and a
// second execution changes nothing.
func TestRestoreAfterWipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, graphtest.DemoTenant(1, 1))
		set := w.backup()
		w.wipe(contoso)
		r, err := w.planner.New(t.Context(), contoso, set.ID, dana)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range r.Mapping {
			if m.State == restore.Unmapped || m.State == restore.Several {
				r, err = w.planner.Change(t.Context(), contoso, r.ID, restore.Patch{Mapping: []restore.Choice{{Kind: m.Kind, ID: m.ID, Skip: true}}}, dana)
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		previewed := w.preview(contoso, r.ID)
		t.Logf("%+v %+v", previewed.Preview.Decisions, previewed.Preview.Blockers)
		run := w.execute(contoso, r.ID)
		t.Logf("%s %+v", run.Outcome, run.Failure)
		byDecision := make(map[restore.Decision]map[restore.Result][]inventory.Ref)
		for ref, i := range w.items(contoso, r.ID) {
			if byDecision[i.Decision] == nil {
				byDecision[i.Decision] = make(map[restore.Result][]inventory.Ref)
			}
			byDecision[i.Decision][i.Result] = append(byDecision[i.Decision][i.Result], ref)
			if i.Decision.Writes() && i.Result != restore.Verified {
				t.Logf("%v %q: %s, %s %s %s %+v", ref, i.Name, i.Decision, i.Result, i.Reason, i.Message, i.Changes)
			}
		}
		for d, results := range byDecision {
			for r, refs := range results {
				t.Logf("%s %s: %d", d, r, len(refs))
			}
		}
	})
}
