package backup_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

// Each depth of a verification finds what the ones before it do, and more: the set,
// then the payloads, then what cannot be restored.
func TestDepths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, graphtest.DemoTenant(1, 1))
		set := w.set("everything")
		w.run(backup.AddType, backup.AddInput{Set: set.ID, All: true})
		page, err := w.cfg.Store.ListItems(t.Context(), backup.ItemQuery{Tenant: contoso, Set: set.ID, Limit: runs.MaxLimit})
		if err != nil {
			t.Fatal(err)
		}
		spoiled := page.Items[0].ID
		unplanned := int64(0)
		for _, i := range page.Items {
			p, err := backup.Open(t.Context(), w.cfg.Store, w.cfg.Vault, contoso, backup.ManifestItem{Kind: i.Kind, ID: i.Object, Version: i.ID})
			if err != nil {
				t.Fatal(err)
			}
			typ, _ := contract.Lookup(i.Kind)
			if support, _ := typ.Support(p.OData); support != contract.Restorable || slices.ContainsFunc(p.Secrets, backup.Secret.NeedsInput) {
				unplanned++
			}
		}
		damages := map[string]*tampered{
			"whole": {},
			"payload": {version: func(v *backup.Version, sealed *[]byte) {
				if v.ID == spoiled {
					(*sealed)[len(*sealed)/2] ^= 1
				}
			}},
			"item": {items: func(items []backup.Item) []backup.Item { return items[1:] }},
		}
		type found struct {
			failed  bool // the run
			damaged int64
			skipped int64 // what cannot be restored
		}
		for damage, want := range map[string]map[backup.Depth]found{
			"whole":   {backup.DepthStructure: {}, backup.DepthHashes: {}, backup.DepthPlan: {skipped: unplanned}, "": {skipped: unplanned}},
			"payload": {backup.DepthStructure: {}, backup.DepthHashes: {damaged: 1}, backup.DepthPlan: {damaged: 1, skipped: unplanned}, "": {damaged: 1, skipped: unplanned}},
			"item":    {backup.DepthStructure: {failed: true}, backup.DepthHashes: {failed: true}, backup.DepthPlan: {failed: true}, "": {failed: true}},
		} {
			cfg := w.cfg
			store := damages[damage]
			store.Store = w.cfg.Store
			cfg.Store = store
			tracker := runstest.New(t, runs.Config{Operations: []runs.Operation{backup.VerifyOperation(cfg)}})
			for depth, want := range want {
				run := tracker.Execute(runs.Request{Tenant: contoso, Type: backup.VerifyType, Initiator: dana, Params: backup.VerifyInput{Set: set.ID, Depth: depth}})
				got := found{run.Failure.Reason == backup.ReasonDamaged, run.Counts.Failed, run.Counts.Skipped}
				if got != want {
					t.Errorf("%s, by its %q: %+v, want %+v", damage, depth, got, want)
				}
			}
			_, err := tracker.Start(t.Context(), runs.Request{Tenant: contoso, Type: backup.VerifyType, Initiator: dana, Params: backup.VerifyInput{Set: set.ID, Depth: "deep"}})
			if !errors.Is(err, runs.ErrInvalid) {
				t.Errorf("a depth that there is not: %v, want ErrInvalid", err)
			}
		}
	})
}
