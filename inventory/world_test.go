package inventory_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/graphsource"
	"github.com/tenantatlas/tenantatlas/inventory/meminventory"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
)

const contoso = "contoso"

var dana = runs.User("dana", "Dana")

// A world is a tenant at an in-process Graph, and a tracker that syncs it. It
// is made for synctest bubbles, in which pacing and waiting cost no time.
type world struct {
	t       *testing.T
	server  *graphtest.Server
	tenant  *graphtest.Tenant
	store   inventory.Store
	runs    *memruns.Store
	tracker *runs.Tracker
	client  *graphclient.Client
	stop    func() // ends the process
}

// A doorbell is a dispatcher that executes two runs at a time.
type doorbell chan runs.Ref

func (d doorbell) Dispatch(_ context.Context, ref runs.Ref) error {
	select {
	case d <- ref:
		return nil
	default:
		return runs.ErrFull
	}
}

func (d doorbell) Work(ctx context.Context, claim runs.Claim) error {
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case ref := <-d:
					if execute, err := claim(ctx, ref); err == nil && execute != nil {
						execute(context.WithoutCancel(ctx))
					}
				}
			}
		})
	}
	group.Wait()
	return nil
}

// options change how a world is made.
type options struct {
	graph  graphtest.Config
	doc    graphtest.Document
	store  inventory.Store
	config inventory.Config // Source and Store are set
	source func(inventory.Source) inventory.Source
	items  bool // whether items of runs are kept
	runs   *memruns.Store
}

func newWorld(t *testing.T, o options) *world {
	t.Helper()
	o.graph.Tenants = []string{contoso}
	server, err := graphtest.New(o.graph)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, server: server, tenant: server.Tenant(contoso), store: o.store, runs: o.runs}
	if w.runs == nil {
		w.runs = memruns.New()
	}
	if w.store == nil {
		w.store = meminventory.New()
	}
	if err := w.tenant.LoadDocument(o.doc); err != nil {
		t.Fatal(err)
	}
	w.client = newClient(t, server)
	o.config.Store = w.store
	o.config.Source = func(_ context.Context, tenant string) (inventory.Source, error) {
		if tenant != contoso {
			return nil, runs.Public(nil, runs.ReasonNotReady, "The tenant is not connected.")
		}
		var source inventory.Source = graphsource.New(w.client)
		if o.source != nil {
			source = o.source(source)
		}
		return source, nil
	}
	cfg := runs.Config{
		Store:      w.runs,
		Dispatcher: make(doorbell, 10),
		Operations: []runs.Operation{inventory.Operation(o.config)},
		Logger:     slog.New(slog.DiscardHandler),
	}
	if o.items {
		cfg.Items = w.runs
	}
	if w.tracker, err = runs.New(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.tracker.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if n := server.Writes(); n != 0 {
			t.Errorf("Graph got %d writes, want none", n)
		}
	})
	t.Cleanup(w.stop)
	return w
}

// newClient returns a client for the tenant of server.
func newClient(t testing.TB, server *graphtest.Server) *graphclient.Client {
	t.Helper()
	token, err := server.IssueToken(graphtest.Grant{Tenant: contoso, Lifetime: 1000 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	client, err := graphclient.New(graphclient.Config{
		Tenant:    contoso,
		Tokens:    staticToken(token),
		Transport: server.Transport(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

type staticToken string

func (s staticToken) Token(context.Context, graphclient.TokenRequest) (graphclient.Token, error) {
	return graphclient.Token{Value: graphclient.NewSecret(string(s))}, nil
}

// start starts a sync.
func (w *world) start(params string) runs.Started {
	w.t.Helper()
	started, err := w.tracker.Start(w.t.Context(), runs.Request{
		Tenant: contoso, Type: inventory.SyncType, Params: json.RawMessage(params), Initiator: dana,
	})
	if err != nil {
		w.t.Fatalf("Start(%s): %v", params, err)
	}
	return started
}

// wait returns the run when it has ended.
func (w *world) wait(started runs.Started) *runs.Run {
	w.t.Helper()
	run, err := w.tracker.Wait(w.t.Context(), started.Run.Ref())
	if err != nil {
		w.t.Fatalf("Wait: %v", err)
	}
	return run
}

// sync runs a sync to its end, which has to be the given outcome.
func (w *world) sync(params string, want runs.Outcome) *runs.Run {
	w.t.Helper()
	time.Sleep(time.Second) // in the bubble: runs differ in time
	run := w.wait(w.start(params))
	if run.Outcome != want {
		w.t.Fatalf("outcome = %s %+v %+v, want %s", run.Outcome, run.Failure, run.Failures, want)
	}
	return run
}

// items returns everything in the inventory, by ref.
func (w *world) items(q inventory.Query) map[inventory.Ref]inventory.Item {
	w.t.Helper()
	all := make(map[inventory.Ref]inventory.Item)
	q.Tenant, q.Limit = contoso, inventory.MaxLimit
	for {
		page, err := w.store.List(w.t.Context(), q)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, i := range page.Items {
			if _, double := all[i.Ref()]; double {
				w.t.Errorf("%v is listed twice", i.Ref())
			}
			all[i.Ref()] = i
		}
		if q.After = page.Next; q.After == "" {
			return all
		}
	}
}

// get returns one item with its contents.
func (w *world) get(kind, id string) inventory.Document {
	w.t.Helper()
	doc, err := w.store.Get(w.t.Context(), contoso, inventory.Ref{Kind: kind, ID: id}, "")
	if err != nil {
		w.t.Fatalf("Get(%s, %s): %v", kind, id, err)
	}
	return doc
}

// links returns all links.
func (w *world) links() []inventory.Link {
	w.t.Helper()
	var all []inventory.Link
	q := inventory.LinkQuery{Tenant: contoso, Limit: inventory.MaxLimit}
	for {
		page, err := w.store.Links(w.t.Context(), q)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, page.Links...)
		if q.After = page.Next; q.After == "" {
			return all
		}
	}
}

// coverage returns the coverage of the latest run, by kind.
func (w *world) coverage() map[string]inventory.Coverage {
	w.t.Helper()
	report, err := w.store.Coverage(w.t.Context(), inventory.CoverageQuery{Tenant: contoso})
	if err != nil {
		w.t.Fatal(err)
	}
	kinds := make(map[string]inventory.Coverage)
	for _, c := range report.Kinds {
		kinds[c.Kind] = c
	}
	return kinds
}

// realTenant returns the objects of a real tenant, if they are at hand.
func realTenant(t testing.TB) graphtest.Document {
	t.Helper()
	dir := os.Getenv("TENANTATLAS_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "tenant", "tenant.json.gz"))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("real data is missing: %v", err)
		}
		t.Skip("no real data here; set TENANTATLAS_DATA")
	}
	doc, err := graphtest.ReadDocument(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}
