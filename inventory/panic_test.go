package inventory_test

import (
	"context"
	"iter"
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/meminventory"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

// broken is a source with a defect.
type broken struct{ inventory.Source }

func (broken) List(context.Context, *contract.Collection) iter.Seq2[inventory.ListPage, error] {
	panic("a defect")
}

// A defect in what reads a tenant ends the run, not the process.
func TestSourceThatPanics(t *testing.T) {
	tracker := runstest.New(t, runs.Config{Operations: []runs.Operation{inventory.Operation(inventory.Config{
		Store:  meminventory.New(),
		Source: func(context.Context, string) (inventory.Source, error) { return broken{}, nil },
	})}})
	r := tracker.Execute(runs.Request{Tenant: contoso, Type: inventory.SyncType, Initiator: dana})
	if r.Outcome != runs.OutcomeFailed || r.Failure.Reason != runs.ReasonPanic {
		t.Errorf("run is %s %+v, want failed because of a panic", r.Outcome, r.Failure)
	}
}
