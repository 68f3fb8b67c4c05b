package backup_test

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/graphsource"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/restore/graphtarget"
	"github.com/tenantatlas/tenantatlas/restore/memrestore"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

const contoso = "contoso"

var dana = runs.User("dana", "Dana")

// A world is a tenant at an in-process Graph, and a tracker that backs it up.
// It is made for synctest bubbles, in which pacing and waiting cost no time.
type world struct {
	t         *testing.T
	server    *graphtest.Server
	tracker   *runstest.Tracker
	cfg       backup.Config
	key       backup.KeyWrapper
	documents restore.Store
	target    restore.Target
}

type fixedToken string

func (f fixedToken) Token(context.Context, graphclient.TokenRequest) (graphclient.Token, error) {
	return graphclient.Token{Value: graphclient.NewSecret(string(f))}, nil
}

func newWorld(t *testing.T, doc graphtest.Document) *world {
	t.Helper()
	return newWorldIn(t, doc, memrestore.New())
}

// A store keeps backups and restores.
type store interface {
	backup.Store
	restore.Store
}

// newWorldIn returns a world that keeps them in s.
func newWorldIn(t *testing.T, doc graphtest.Document, s store) *world {
	t.Helper()
	server, err := graphtest.New(graphtest.Config{Tenants: []string{contoso}})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Tenant(contoso).LoadDocument(doc); err != nil {
		t.Fatal(err)
	}
	token, err := server.IssueToken(graphtest.Grant{Tenant: contoso, Lifetime: 1000 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	client, err := graphclient.New(graphclient.Config{Tenant: contoso, Tokens: fixedToken(token), Transport: server.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	key, err := backup.OpenKeyFile(filepath.Join(t.TempDir(), "backup.key"))
	if err != nil {
		t.Fatal(err)
	}
	vault, err := backup.NewVault(key, s)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, server: server, key: key, documents: s, target: graphtarget.New(client), cfg: backup.Config{
		Store: s, Vault: vault,
		Source: func(context.Context, string) (inventory.Source, error) { return graphsource.New(client), nil },
	}}
	w.tracker = runstest.New(t, runs.Config{Operations: []runs.Operation{
		backup.AddOperation(w.cfg), backup.VerifyOperation(w.cfg), backup.ExportOperation(w.cfg),
	}})
	return w
}

// set creates an empty set.
func (w *world) set(name string) *backup.Set {
	w.t.Helper()
	s, err := backup.NewSet(w.t.Context(), w.cfg.Store, contoso, name, "", dana, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// run has a run executed, which has to succeed, and returns it.
func (w *world) run(typ runs.Type, params any) *runs.Run {
	w.t.Helper()
	r := w.tracker.Execute(runs.Request{Tenant: contoso, Type: typ, Params: params, Initiator: dana})
	if r.Outcome != runs.OutcomeSucceeded {
		w.t.Fatalf("%s %s (%+v, failures %+v), want succeeded", typ, r.Outcome, r.Failure, r.Failures)
	}
	return r
}

// A backup of everything is whole, verifies, exports and imports.
func TestDemoTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, graphtest.DemoTenant(1, 1))
		s := w.set("everything")
		run := w.run(backup.AddType, backup.AddInput{Set: s.ID, All: true})
		m, err := backup.Check(t.Context(), w.cfg.Store, w.cfg.Vault, contoso, s.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got := int64(len(m.Items)); got != run.Counts.Succeeded || got == 0 {
			t.Errorf("the manifest has %d items, want %d", got, run.Counts.Succeeded)
		}
		verified := w.run(backup.VerifyType, backup.VerifyInput{Set: s.ID})
		if got := verified.Counts.Succeeded + verified.Counts.Skipped; got != int64(len(m.Items)) || verified.Counts.Succeeded == 0 {
			t.Errorf("%+v were verified, want %d", verified.Counts, len(m.Items))
		}

		again := w.run(backup.AddType, backup.AddInput{Set: s.ID, All: true})
		if again.Counts.Skipped != run.Counts.Succeeded {
			t.Errorf("a second capture into the set skipped %d items, want %d", again.Counts.Skipped, run.Counts.Succeeded)
		}
		second := w.set("everything again")
		reused := w.run(backup.AddType, backup.AddInput{Set: second.ID, All: true})
		if got := reused.Counts.Extra[backup.CountReused]; got != run.Counts.Succeeded {
			t.Errorf("a second set reuses %d versions, want %d", got, run.Counts.Succeeded)
		}

		var archive, twice bytes.Buffer
		for _, out := range []*bytes.Buffer{&archive, &twice} {
			if err := backup.Export(t.Context(), w.cfg.Store, w.cfg.Vault, contoso, s.ID, out); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(archive.Bytes(), twice.Bytes()) {
			t.Error("two exports of one set differ")
		}
		imported, err := w.cfg.Import(t.Context(), "fabrikam", "", dana, bytes.NewReader(archive.Bytes()), int64(archive.Len()))
		if err != nil {
			t.Fatal(err)
		}
		there, err := backup.Check(t.Context(), w.cfg.Store, w.cfg.Vault, "fabrikam", imported.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m.Items, there.Items); diff != "" {
			t.Errorf("the imported set has other items (-exported +imported):\n%s", diff)
		}
	})
}
