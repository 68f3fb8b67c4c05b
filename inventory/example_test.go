package inventory_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/graphsource"
	"github.com/tenantatlas/tenantatlas/inventory/meminventory"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/pondruns"
)

func ExampleOperation() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	// A Graph in this process stands in for the real one.
	graph, err := graphtest.New(graphtest.Config{Tenants: []string{"contoso"}})
	if err != nil {
		log.Fatal(err)
	}
	err = graph.Tenant("contoso").LoadDocument(graphtest.Document{
		"deviceManagement/assignmentFilters": {json.RawMessage(`{"id":"f1","displayName":"Pilot devices","platform":"windows10AndLater"}`)},
	})
	if err != nil {
		log.Fatal(err)
	}
	token, err := graph.IssueToken(graphtest.Grant{Tenant: "contoso"})
	if err != nil {
		log.Fatal(err)
	}
	client, err := graphclient.New(graphclient.Config{Tenant: "contoso", Tokens: staticToken(token), Transport: graph.Transport()})
	if err != nil {
		log.Fatal(err)
	}

	store := meminventory.New()
	tracker, err := runs.New(runs.Config{
		Store:      memruns.New(),
		Dispatcher: pondruns.New(pondruns.Config{}),
		Logger:     slog.New(slog.DiscardHandler),
		Operations: []runs.Operation{inventory.Operation(inventory.Config{
			Store:  store,
			Source: func(context.Context, string) (inventory.Source, error) { return graphsource.New(client), nil },
		})},
	})
	if err != nil {
		log.Fatal(err)
	}
	go func() { _ = tracker.Run(ctx) }()

	started, err := tracker.Start(ctx, runs.Request{
		Tenant:    "contoso",
		Type:      inventory.SyncType,
		Params:    inventory.Selection{PolicyTypes: []string{"assignmentFilter"}},
		Initiator: runs.User("dana", "Dana"),
	})
	if err != nil {
		log.Fatal(err)
	}
	run, err := tracker.Wait(ctx, started.Run.Ref())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.Outcome, run.Counts.Extra)

	page, err := store.List(ctx, inventory.Query{Tenant: "contoso"})
	if err != nil {
		log.Fatal(err)
	}
	for _, item := range page.Items {
		fmt.Println(item.Kind, item.ID, item.Name, item.Platform)
	}
	// Output:
	// succeeded map[new:1 objects:1]
	// assignmentFilter f1 Pilot devices windows
}
