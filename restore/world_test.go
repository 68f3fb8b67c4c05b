package restore_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
	"github.com/tenantatlas/tenantatlas/inventory/graphsource"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/restore/graphtarget"
	"github.com/tenantatlas/tenantatlas/restore/memrestore"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

const (
	contoso  = "contoso"
	fabrikam = "fabrikam"
)

var dana = runs.User("dana", "Dana")

// A world is two tenants at an in-process Graph, and a tracker that backs up and
// restores. It is made for synctest bubbles, in which pacing and waiting cost no
// time.
type world struct {
	t       *testing.T
	stores  stores
	server  *graphtest.Server
	tracker *runstest.Tracker
	backups backup.Config
	cfg     restore.Config
	planner *restore.Planner
	clients map[string]*graphclient.Client
}

type fixedToken string

func (f fixedToken) Token(context.Context, graphclient.TokenRequest) (graphclient.Token, error) {
	return graphclient.Token{Value: graphclient.NewSecret(string(f))}, nil
}

// plainKeys protect nothing, and need no file.
type plainKeys struct{}

func (plainKeys) Wrap(_ context.Context, _ string, key []byte) ([]byte, error) { return key, nil }

func (plainKeys) Unwrap(_ context.Context, _ string, wrapped []byte) ([]byte, error) {
	return wrapped, nil
}

// stores are where a world keeps everything. One without an inventory and a
// directory finds what references lead to at the server.
type stores struct {
	runs      runStore
	inventory inventory.Store
	directory directory.Store
	backups   backup.Store
	restores  restore.Store
}

// A runStore keeps runs and their items.
type runStore interface {
	runs.Store
	runs.ItemStore
}

// memory returns stores that end with their test.
func memory(*testing.T) stores {
	kept := memrestore.New()
	return stores{runs: memruns.New(), backups: kept, restores: kept}
}

// newWorld returns a world that keeps everything in memory.
func newWorld(t *testing.T, doc graphtest.Document) *world {
	t.Helper()
	return newWorldIn(t, doc, memory(t))
}

// newWorldIn returns a world that keeps everything in s.
func newWorldIn(t *testing.T, doc graphtest.Document, s stores) *world {
	t.Helper()
	vault, err := backup.NewVault(plainKeys{}, s.backups)
	if err != nil {
		t.Fatal(err)
	}
	w := openWorld(t, doc, s, vault)
	w.tracker = w.newTracker(w.cfg)
	return w
}

// worlds is how many there are by now.
var worlds atomic.Uint64

// openWorld returns a world without a tracker, in which contoso has what doc
// says.
func openWorld(t *testing.T, doc graphtest.Document, s stores, vault *backup.Vault) *world {
	t.Helper()
	w := &world{t: t, stores: s, clients: make(map[string]*graphclient.Client)}
	var err error
	// What two services create never has one id: a store may know of both.
	if w.server, err = graphtest.New(graphtest.Config{Tenants: []string{contoso, fabrikam}, NoGzip: true, Seed: worlds.Add(1)}); err != nil {
		t.Fatal(err)
	}
	if err := w.server.Tenant(contoso).LoadDocument(doc); err != nil {
		t.Fatal(err)
	}
	for _, tenant := range []string{contoso, fabrikam} {
		token, err := w.server.IssueToken(graphtest.Grant{Tenant: tenant, Lifetime: 10000 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		w.clients[tenant], err = graphclient.New(graphclient.Config{Tenant: tenant, Tokens: fixedToken(token), Transport: w.server.Transport()})
		if err != nil {
			t.Fatal(err)
		}
	}
	w.backups = backup.Config{
		Store: s.backups, Vault: vault, Names: w.names,
		Source: func(_ context.Context, tenant string) (inventory.Source, error) {
			return graphsource.New(w.clients[tenant]), nil
		},
	}
	w.cfg = restore.Config{
		Store: s.restores, Backups: s.backups, Vault: vault, Finder: finder{w},
		Target: func(_ context.Context, tenant string) (restore.Target, error) {
			return graphtarget.New(w.clients[tenant]), nil
		},
	}
	if s.inventory != nil {
		stored := restore.Stored{Items: s.inventory, Groups: s.directory}
		w.backups.Names, w.cfg.Finder = stored.Names, stored
	}
	if w.planner, err = restore.NewPlanner(w.cfg); err != nil {
		t.Fatal(err)
	}
	return w
}

// newTracker returns a tracker that backs up, restores by cfg, and syncs if there
// are stores for that.
func (w *world) newTracker(cfg restore.Config) *runstest.Tracker {
	w.t.Helper()
	var logger *slog.Logger
	if testing.Verbose() && os.Getenv("RESTORE_LOG") != "" {
		logger = slog.New(slog.NewTextHandler(w.t.Output(), nil))
	}
	ops := []runs.Operation{
		backup.AddOperation(w.backups), backup.VerifyOperation(w.backups), restore.PreviewOperation(cfg), restore.ExecuteOperation(cfg),
	}
	if w.stores.inventory != nil {
		ops = append(ops, inventory.Operation(inventory.Config{Store: w.stores.inventory, Source: w.backups.Source}),
			directory.Operation(directory.Config{Store: w.stores.directory, Source: func(_ context.Context, tenant string) (directory.Source, error) {
				return graphsource.New(w.clients[tenant]), nil
			}}))
	}
	// Nobody has to be found, and much of the time passes in a bubble.
	return runstest.New(w.t, runs.Config{Store: w.stores.runs, Items: w.stores.runs, Logger: logger, Operations: ops, Sweep: time.Hour})
}

// run has a run executed and returns it.
func (w *world) run(tenant string, typ runs.Type, params any) *runs.Run {
	w.t.Helper()
	return w.tracker.Execute(runs.Request{Tenant: tenant, Type: typ, Params: params, Initiator: dana})
}

// backup captures what contoso has of the kinds, or of all.
func (w *world) backup(kinds ...string) *backup.Set {
	w.t.Helper()
	return w.backupOf(contoso, kinds...)
}

// backupOf does the same for a tenant.
func (w *world) backupOf(tenant string, kinds ...string) *backup.Set {
	w.t.Helper()
	s, err := backup.NewSet(w.t.Context(), w.backups.Store, tenant, "everything", "", dana, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	r := w.run(tenant, backup.AddType, backup.AddInput{
		Set: s.ID, All: true, Selection: &inventory.Selection{PolicyTypes: kinds},
	})
	if r.Outcome != runs.OutcomeSucceeded {
		w.t.Fatalf("backup %s: %+v %+v", r.Outcome, r.Failure, r.Failures)
	}
	return s
}

// wipe deletes everything that contoso has but groups, and what the service makes
// itself.
func (w *world) wipe() {
	w.t.Helper()
	at := w.server.Tenant(contoso)
	for _, path := range at.Paths() {
		if path == "groups" {
			continue
		}
		for _, id := range at.IDs(path) {
			doc, err := at.Get(path, id)
			if err != nil {
				w.t.Fatal(err)
			}
			typ := contract.Classify("/"+path, odata(doc))
			if typ == nil || typ.Lists[0].Singleton {
				continue
			}
			if s, err := typ.Summarize(doc); err != nil || s.Provided {
				continue
			}
			if err := at.Delete(path, id); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

func odata(doc []byte) string {
	var s string
	if json.Unmarshal(contract.Member(doc, "@odata.type"), &s) != nil {
		return ""
	}
	return strings.TrimPrefix(s, "#microsoft.graph.")
}

// plan makes a restore of some items of a set, or of all if none are named, and
// gives up what has no counterpart.
func (w *world) plan(tenant, set string, items ...inventory.Ref) *restore.Restore {
	w.t.Helper()
	r, err := w.planner.New(w.t.Context(), tenant, set, dana)
	if err != nil {
		w.t.Fatal(err)
	}
	var patch restore.Patch
	if items != nil {
		patch.Scope = &restore.Scope{Items: items}
	}
	for _, m := range r.Mapping {
		if m.To == "" && m.State != restore.InSet && m.State != restore.Everywhere {
			patch.Mapping = append(patch.Mapping, restore.Choice{Kind: m.Kind, ID: m.ID, Skip: true})
		}
	}
	if r, err = w.planner.Change(w.t.Context(), tenant, r.ID, patch, dana); err != nil {
		w.t.Fatal(err)
	}
	return r
}

// imported brings a set of contoso's to fabrikam.
func (w *world) imported(set string) *backup.Set {
	w.t.Helper()
	var archive bytes.Buffer
	if err := backup.Export(w.t.Context(), w.backups.Store, w.backups.Vault, contoso, set, &archive); err != nil {
		w.t.Fatal(err)
	}
	s, err := w.backups.Import(w.t.Context(), fabrikam, "", dana, bytes.NewReader(archive.Bytes()), int64(archive.Len()))
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// get returns a restore as it is stored.
func (w *world) get(tenant, id string) *restore.Restore {
	w.t.Helper()
	r, err := w.cfg.Store.Get(w.t.Context(), tenant, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// preview has a restore previewed.
func (w *world) preview(tenant, id string) {
	w.t.Helper()
	run := w.run(tenant, restore.PreviewType, restore.PreviewInput{Restore: id})
	r := w.get(tenant, id)
	if r.Preview == nil || r.Preview.Run != run.ID {
		w.t.Fatalf("preview %s: %+v", run.Outcome, run.Failure)
	}
}

// execute has a restore executed for real.
func (w *world) execute(tenant, id string) *runs.Run {
	w.t.Helper()
	dry := false
	return w.run(tenant, restore.ExecuteType, restore.ExecuteInput{
		Restore: id, DryRun: &dry, Acknowledge: true, Confirm: tenant,
		Consent: []string{"roleAssignment", "operationApprovalPolicy"},
	})
}

// items returns the items of a restore.
func (w *world) items(tenant, id string) map[inventory.Ref]restore.Item {
	w.t.Helper()
	all := make(map[inventory.Ref]restore.Item)
	q := restore.ItemQuery{Tenant: tenant, Restore: id, Limit: runs.MaxLimit}
	for {
		page, err := w.cfg.Store.Items(w.t.Context(), q)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, i := range page.Items {
			all[i.Ref] = i
		}
		if q.After = page.Next; q.After == "" {
			return all
		}
	}
}

// names knows the names of everything that the tenant has.
func (w *world) names(_ context.Context, tenant string, refs []inventory.Ref) (map[inventory.Ref]string, error) {
	names := make(map[inventory.Ref]string)
	for _, ref := range refs {
		if name, ok := (finder{w}).all(tenant, ref.Kind)[ref.ID]; ok {
			names[ref] = name
		}
	}
	return names, nil
}

// A finder finds things as the server has them.
type finder struct{ w *world }

// all returns the names of the things of a kind by their ids.
func (f finder) all(tenant, kind string) map[string]string {
	paths := []string{"groups"}
	name := "displayName"
	if t, ok := contract.Lookup(kind); ok {
		paths = nil
		for _, l := range t.Lists {
			paths = append(paths, l.Path[1:])
		}
		name = t.Name
	} else if kind != contract.TargetGroup {
		return nil
	}
	names := make(map[string]string)
	at := f.w.server.Tenant(tenant)
	for _, path := range paths {
		for _, id := range at.IDs(path) {
			doc, err := at.Get(path, id)
			if err != nil {
				f.w.t.Fatal(err)
			}
			var s string
			if json.Unmarshal(contract.Member(doc, name), &s) == nil {
				names[id] = s
			}
		}
	}
	return names
}

func (f finder) ByID(_ context.Context, tenant, kind string, ids []string) (map[string]string, error) {
	names := f.all(tenant, kind)
	for id := range names {
		if !slices.Contains(ids, id) {
			delete(names, id)
		}
	}
	return names, nil
}

func (f finder) ByName(_ context.Context, tenant, kind, name string, limit int) ([]restore.Candidate, error) {
	var found []restore.Candidate
	for id, is := range f.all(tenant, kind) {
		if is == name && len(found) < limit {
			found = append(found, restore.Candidate{ID: id, Name: is})
		}
	}
	return found, nil
}
