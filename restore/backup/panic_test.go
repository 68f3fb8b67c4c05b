package backup_test

import (
	"context"
	"iter"
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

// broken is a source with a defect, in lists or in what reads the rest.
type broken struct {
	inventory.Source
	lists bool
}

func (b broken) List(ctx context.Context, c *contract.Collection) iter.Seq2[inventory.ListPage, error] {
	if b.lists {
		panic("a defect")
	}
	return b.Source.List(ctx, c)
}

func (broken) Read(context.Context, []inventory.Want) iter.Seq2[int, inventory.Reading] {
	panic("a defect")
}

// A defect in what reads a tenant ends the run, not the process.
func TestSourceThatPanics(t *testing.T) {
	for name, lists := range map[string]bool{"list": true, "read": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, graphtest.Document{"deviceManagement/configurationPolicies": {[]byte(`{"id":"p1","name":"P"}`)}})
			cfg, source := w.cfg, w.cfg.Source
			cfg.Source = func(ctx context.Context, tenant string) (inventory.Source, error) {
				s, err := source(ctx, tenant)
				return broken{s, lists}, err
			}
			tracker := runstest.New(t, runs.Config{Operations: []runs.Operation{backup.AddOperation(cfg)}})
			r := tracker.Execute(runs.Request{Tenant: contoso, Type: backup.AddType, Initiator: dana, Params: backup.AddInput{
				Set: w.set("a").ID, Items: []inventory.Ref{{Kind: "configurationPolicy", ID: "p1"}},
			}})
			if r.Outcome != runs.OutcomeFailed || r.Failure.Reason != runs.ReasonPanic {
				t.Errorf("run is %s %+v %+v, want failed because of a panic", r.Outcome, r.Failure, r.Failures)
			}
		})
	}
}
