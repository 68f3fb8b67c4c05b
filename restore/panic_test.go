package restore_test

import (
	"context"
	"encoding/json"
	"iter"
	"testing"
	"testing/synctest"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/runs"
)

// broken is a target with a defect in one of its methods.
type broken struct {
	restore.Target
	in string
}

func (b broken) List(ctx context.Context, c *contract.Collection) iter.Seq2[inventory.ListPage, error] {
	if b.in == "list" {
		panic("a defect")
	}
	return b.Target.List(ctx, c)
}

func (b broken) Read(ctx context.Context, wants []inventory.Want) iter.Seq2[int, inventory.Reading] {
	if b.in == "read" {
		panic("a defect")
	}
	return b.Target.Read(ctx, wants)
}

func (b broken) Send(ctx context.Context, c restore.Call) (restore.Reply, error) {
	if b.in == "send" {
		panic("a defect")
	}
	return b.Target.Send(ctx, c)
}

// A defect in what reaches the tenant ends the run, not the process.
func TestTargetThatPanics(t *testing.T) {
	for _, method := range []string{"list", "read", "send"} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, graphtest.Document{policies: {json.RawMessage(`{"id":"p1","name":"P","platforms":"windows10","technologies":"mdm","settings":[],"assignments":[]}`)}})
				set := w.backup("configurationPolicy")
				if method == "send" {
					w.wipe()
				}
				r := w.plan(contoso, set.ID)
				typ, params := restore.PreviewType, any(restore.PreviewInput{Restore: r.ID})
				if method == "send" {
					w.run(contoso, typ, params)
					dry := false
					typ, params = restore.ExecuteType, restore.ExecuteInput{Restore: r.ID, DryRun: &dry, Acknowledge: true, Confirm: contoso}
				}
				cfg, target := w.cfg, w.cfg.Target
				cfg.Target = func(ctx context.Context, tenant string) (restore.Target, error) {
					at, err := target(ctx, tenant)
					return broken{at, method}, err
				}
				w.tracker = w.newTracker(cfg)
				got := w.run(contoso, typ, params)
				if got.Outcome != runs.OutcomeFailed || got.Failure.Reason != runs.ReasonPanic {
					t.Errorf("run is %s %+v %+v, want failed because of a panic", got.Outcome, got.Failure, got.Failures)
				}
			})
		})
	}
}
