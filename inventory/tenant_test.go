package inventory_test

import (
	"testing"
	"testing/synctest"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/runs"
)

func TestDemoTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, options{doc: graphtest.DemoTenant(1, 1)})
		run := w.sync(`{}`, runs.OutcomeSucceeded)
		t.Logf("%+v %v", run.Counts, run.Context)
		for k, c := range w.coverage() {
			t.Logf("%s %+v", k, c)
		}
		t.Log(len(w.items(inventory.Query{})), len(w.links()), w.server.Stats())
	})
}
