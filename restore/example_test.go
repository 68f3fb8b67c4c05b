package restore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/graphsource"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/restore/graphtarget"
	"github.com/tenantatlas/tenantatlas/restore/memrestore"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/pondruns"
)

// A tenant is backed up, loses an object, and gets it back.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	check := func(err error) {
		if err != nil {
			log.Fatal(err)
		}
	}

	// A Graph in this process stands in for the real one.
	graph, err := graphtest.New(graphtest.Config{Tenants: []string{"contoso"}})
	check(err)
	filters := "deviceManagement/assignmentFilters"
	check(graph.Tenant("contoso").LoadDocument(graphtest.Document{filters: {
		json.RawMessage(`{"id":"f1","displayName":"Pilot devices","platform":"windows10AndLater","rule":"(device.model -eq \"X\")"}`),
	}}))
	token, err := graph.IssueToken(graphtest.Grant{Tenant: "contoso"})
	check(err)
	client, err := graphclient.New(graphclient.Config{Tenant: "contoso", Tokens: fixedToken(token), Transport: graph.Transport()})
	check(err)

	// Payloads are encrypted with a key that is not in the store.
	dir, err := os.MkdirTemp("", "backup-")
	check(err)
	defer os.RemoveAll(dir)
	key, err := backup.OpenKeyFile(filepath.Join(dir, "backup.key"))
	check(err)
	store := memrestore.New() // or bunrestore.New(db)
	vault, err := backup.NewVault(key, store)
	check(err)

	backups := backup.Config{
		Store: store, Vault: vault,
		Source: func(context.Context, string) (inventory.Source, error) { return graphsource.New(client), nil },
	}
	restores := restore.Config{
		Store: store, Backups: store, Vault: vault,
		Target: func(context.Context, string) (restore.Target, error) { return graphtarget.New(client), nil },
	}
	kept := memruns.New()
	tracker, err := runs.New(runs.Config{
		Store: kept, Items: kept, Dispatcher: pondruns.New(pondruns.Config{}),
		Operations: []runs.Operation{
			backup.AddOperation(backups), restore.PreviewOperation(restores), restore.ExecuteOperation(restores),
		},
	})
	check(err)
	go func() { _ = tracker.Run(ctx) }()
	run := func(typ runs.Type, params any) {
		started, err := tracker.Start(ctx, runs.Request{Tenant: "contoso", Type: typ, Params: params, Initiator: dana})
		check(err)
		r, err := tracker.Wait(ctx, started.Run.Ref())
		check(err)
		fmt.Println(r.Type, r.Outcome, r.Counts.Succeeded)
	}

	set, err := backup.NewSet(ctx, store, "contoso", "before the change", "", dana, time.Now())
	check(err)
	run(backup.AddType, backup.AddInput{Set: set.ID, All: true, Selection: &inventory.Selection{PolicyTypes: []string{"assignmentFilter"}}})

	check(graph.Tenant("contoso").Delete(filters, "f1")) // somebody makes a mistake

	planner, err := restore.NewPlanner(restores)
	check(err)
	plan, err := planner.New(ctx, "contoso", set.ID, dana)
	check(err)
	run(restore.PreviewType, restore.PreviewInput{Restore: plan.ID})
	plan, err = store.Get(ctx, "contoso", plan.ID)
	check(err)
	fmt.Println("preview:", plan.Preview.Decisions)

	dry := false // whoever confirms has read the preview
	run(restore.ExecuteType, restore.ExecuteInput{Restore: plan.ID, DryRun: &dry, Acknowledge: true, Confirm: "contoso"})
	for _, id := range graph.Tenant("contoso").IDs(filters) {
		fmt.Println("it is there again, with another id:", id != "f1")
	}
	// Output:
	// backup_set.add_policies succeeded 1
	// restore.preview succeeded 1
	// preview: map[create:1]
	// restore.execute succeeded 1
	// it is there again, with another id: true
}
