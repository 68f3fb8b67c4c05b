package restore_test

import (
	"testing"
	"testing/synctest"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/restore"
)

// What was backed up can be restored into the tenant that has lost it, and a
// second execution changes nothing.
func TestRestoreAfterWipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, graphtest.DemoTenant(1, 1))
		set := w.backup()
		w.wipe()
		r := w.plan(contoso, set.ID)
		if p := w.preview(contoso, r.ID).Preview; p.Decisions[restore.Create] < 80 || len(p.Blockers) > 0 {
			t.Errorf("decisions %v, blockers %v, want at least 80 to create, and none", p.Decisions, p.Blockers)
		}
		w.execute(contoso, r.ID)
		first := w.items(contoso, r.ID)
		for ref, i := range first {
			if i.Decision.Writes() && i.Result != restore.Verified {
				t.Errorf("%v %q: %s, %s %s %s %+v", ref, i.Name, i.Decision, i.Result, i.Reason, i.Message, i.Changes)
			}
		}

		again := w.plan(contoso, set.ID)
		w.preview(contoso, again.ID)
		for ref, i := range w.items(contoso, again.ID) {
			if was := first[ref]; was.Decision.Writes() && i.Decision != restore.Unchanged {
				t.Errorf("a second preview says %v %q: %s %s %s %+v, want unchanged", ref, i.Name, i.Decision, i.Reason, i.Message, i.Changes)
			}
		}
		before := w.server.Writes()
		w.execute(contoso, again.ID)
		if n := w.server.Writes() - before; n > 0 {
			t.Errorf("a second execution has sent %d writes, want none", n)
		}
	})
}
