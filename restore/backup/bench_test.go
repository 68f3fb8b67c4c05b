//go:build unix

package backup_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/internal/graphbench"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/graphsource"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/restore/bunrestore"
	"github.com/tenantatlas/tenantatlas/restore/memrestore"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/pondruns"
)

func TestMain(m *testing.M) {
	os.Exit(graphbench.Main(m, func(t *graphtest.Tenant, _ string, n int) error {
		return t.Grow(graphtest.Scale{Policies: n, Groups: 100})
	}))
}

// A bench is a tracker that backs up settings catalog policies of 4 KB from a
// server in another process.
type bench struct {
	*graphbench.Server
	objects int
	tenants int // that were backed up
	store   backup.Store
	tracker *runs.Tracker
}

// newBench returns a bench whose stores are in memory, or in one SQLite file.
func newBench(b *testing.B, objects int, disk bool) *bench {
	b.Helper()
	w := &bench{Server: graphbench.Start(b, "catalog", objects), objects: objects, store: memrestore.New()}
	log := memruns.New()
	cfg := runs.Config{Store: log, Items: log, Dispatcher: pondruns.New(pondruns.Config{}), Logger: slog.New(slog.DiscardHandler)}
	if disk {
		db := sqltest.SQLite(b).DB
		store, err := bunrestore.New(db)
		if err != nil {
			b.Fatal(err)
		}
		log, err := bunruns.New(db)
		if err != nil {
			b.Fatal(err)
		}
		for _, s := range []interface {
			Migrate(ctx context.Context) error
		}{store, log} {
			if err := s.Migrate(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		w.store, cfg.Store, cfg.Items = store, log, log
	}
	vault, err := backup.NewVault(&fixedKey{}, w.store)
	if err != nil {
		b.Fatal(err)
	}
	cfg.Operations = []runs.Operation{backup.AddOperation(backup.Config{
		Store: w.store, Vault: vault,
		Source: func(context.Context, string) (inventory.Source, error) { return graphsource.New(w.Client), nil },
	})}
	if w.tracker, err = runs.New(cfg); err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.Context()))
	go func() { ended <- w.tracker.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	return w
}

// backup makes a set of all objects. The store takes them for those of a tenant
// that it has nothing of yet.
func (w *bench) backup(b *testing.B) {
	b.Helper()
	w.tenants++
	tenant := fmt.Sprint("tenant", w.tenants)
	set, err := backup.NewSet(b.Context(), w.store, tenant, "bench", "", dana, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	started, err := w.tracker.Start(b.Context(), runs.Request{
		Tenant: tenant, Type: backup.AddType, Initiator: dana,
		Params: backup.AddInput{Set: set.ID, All: true, Selection: &inventory.Selection{PolicyTypes: []string{"configurationPolicy"}}},
	})
	if err != nil {
		b.Fatal(err)
	}
	run, err := w.tracker.Wait(b.Context(), started.Run.Ref())
	if err != nil || run.Outcome != runs.OutcomeSucceeded || run.Counts.Succeeded != int64(w.objects) {
		b.Fatalf("backup: %v, %s %+v %+v", err, run.Outcome, run.Counts, run.Failure)
	}
}

// BenchmarkCapture measures the processor time for each object that is captured:
// fetched with its settings, redacted, hashed, compressed, encrypted and stored.
func BenchmarkCapture(b *testing.B) {
	for _, disk := range []bool{false, true} {
		b.Run(fmt.Sprint("disk=", disk), func(b *testing.B) {
			w := newBench(b, 2000, disk)
			graphbench.ReportCPU(b, w.objects, func() { w.backup(b) })
		})
	}
}

// BenchmarkMemory measures the most memory that a backup holds, above what the idle
// process has.
func BenchmarkMemory(b *testing.B) {
	for _, objects := range []int{1000, 10_000} {
		b.Run(fmt.Sprint("objects=", objects), func(b *testing.B) {
			w := newBench(b, objects, true)
			graphbench.ReportMemory(b, func() {}, func() { w.backup(b) })
		})
	}
}
