package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
)

// demoTenants are the tenants that the demo makes up.
func demoTenants() []tenantOption {
	return []tenantOption{
		{"contoso", "c0475050-0000-4000-8000-000000000001"},
		{"fabrikam", "fab81ca3-0000-4000-8000-000000000002"},
	}
}

const rehearsalType runs.Type = "demo.rehearsal"

// A rehearsal is the input of the demo's own operation.
type rehearsal struct {
	Steps int    `json:"steps"`
	Name  string `json:"name"`
}

// demoOperations are what keeps something moving in the demo.
func demoOperations() []runs.Operation {
	return []runs.Operation{runs.Spec[rehearsal]{
		Type:        rehearsalType,
		Label:       "Rehearsal",
		Description: "Counts slowly, so that there is something to watch.",
		Expected:    5 * time.Minute,
		Target:      func(in rehearsal) runs.Target { return runs.Target{Kind: "rehearsal", ID: in.Name, Name: in.Name} },
		Handle: func(ctx context.Context, x *runs.Exec, in rehearsal) error {
			x.Total(int64(in.Steps))
			for i := range in.Steps {
				key := fmt.Sprintf("step %04d", i+1)
				if x.Done(key) {
					continue
				}
				select {
				case <-ctx.Done():
					return context.Cause(ctx)
				case <-time.After(time.Second):
				}
				if i%37 == 36 {
					x.Skip(key, runs.ReasonUnsupported)
					continue
				}
				x.Succeed(key)
			}
			return nil
		},
	}.Operation()}
}

// seed fills a fresh demo with a past, and begins something that takes its
// time.
func (h *host) seed(ctx context.Context) error {
	if !h.opts.demo || !h.stores.fresh {
		return nil
	}
	now := time.Now().UTC()
	for i, t := range h.opts.tenants {
		for j, past := range demoPast() {
			past.Tenant = t.name
			past.CreatedAt = now.Add(-time.Duration(j*j+j+i+1) * time.Hour)
			past.StartedAt = past.CreatedAt.Add(2 * time.Second)
			past.CompletedAt = past.StartedAt.Add(time.Duration(20+7*j) * time.Second)
			if past.Attempt == 0 {
				past.StartedAt, past.CompletedAt = time.Time{}, past.StartedAt
			}
			past.UpdatedAt = past.CompletedAt
			stored, err := h.tracker.Import(ctx, &past)
			if err != nil {
				return err
			}
			// Import tells nobody. The newest two are there to be read.
			if err := h.stores.inbox.Put(ctx, demoNote(stored, j >= 2)); err != nil {
				return err
			}
		}
	}
	if err := h.seedBackup(ctx, now); err != nil {
		return err
	}
	for _, in := range []rehearsal{{Steps: 900, Name: "short"}, {Steps: 7200, Name: "long"}} {
		_, err := h.tracker.Start(ctx, runs.Request{
			Tenant: h.opts.tenants[0].name, Type: rehearsalType, Params: in, Initiator: demoUsers[0],
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// seedBackup captures a first backup set, as everybody would.
func (h *host) seedBackup(ctx context.Context, now time.Time) error {
	tenant := h.opts.tenants[0].name
	set, err := backup.NewSet(ctx, h.stores.backups, tenant, "First backup", "Everything that the demo began with.", demoUsers[2], now)
	if err != nil {
		return err
	}
	_, err = h.tracker.Start(ctx, runs.Request{
		Tenant: tenant, Type: backup.AddType, Params: backup.AddInput{Set: set.ID, All: true}, Initiator: demoUsers[2],
	})
	return err
}

// demoNote tells the demo's first user, who is its visitor, of a run.
func demoNote(r *runs.Run, read bool) notify.Notification {
	n := notify.Of(r)
	n.Recipient = demoUsers[0]
	n.ID = n.Identify()
	if read {
		n.ReadAt = n.At.Add(time.Minute)
	}
	return n
}

// demoPast are runs of each outcome, the newest first.
func demoPast() []runs.Run {
	sync := func(o runs.Outcome, c runs.Counts, f runs.Failure, items ...runs.ItemFailure) runs.Run {
		return runs.Run{
			Type: inventory.SyncType, Status: runs.StatusCompleted, Outcome: o, Counts: c, Failure: f, Failures: items,
			Params:    json.RawMessage("{}"), // so that they can be retried
			Initiator: demoUsers[2], Attempt: 1, Context: map[string]string{"selection": "everything"},
		}
	}
	blocked := sync(runs.OutcomeBlocked, runs.Counts{}, runs.Because(runs.ReasonPermissionDenied))
	blocked.Attempt = 0 // it was never claimed
	return []runs.Run{
		sync(runs.OutcomeSucceeded, runs.Counts{Total: 66, Succeeded: 64, Skipped: 2}, runs.Failure{}),
		sync(runs.OutcomePartiallySucceeded, runs.Counts{Total: 66, Succeeded: 63, Failed: 1, Skipped: 2}, runs.Failure{},
			runs.ItemFailure{Key: "deviceHealthScript", Failure: runs.Because(runs.ReasonPermissionDenied)}),
		sync(runs.OutcomeFailed, runs.Counts{Total: 66}, runs.Because(runs.ReasonUnauthenticated)),
		sync(runs.OutcomeCanceled, runs.Counts{Total: 66, Succeeded: 12}, runs.Because(runs.ReasonCanceled)),
		blocked,
	}
}
