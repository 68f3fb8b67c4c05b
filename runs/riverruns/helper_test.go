package riverruns_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/riverruns"
)

// openPool opens db for River.
func openPool(t testing.TB, db sqltest.DB) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(db.DSN)
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 16
	config.ConnConfig.RuntimeParams["application_name"] = "river"
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// configOf has the tables of River in the schema that is the test's own.
func configOf(t testing.TB, db sqltest.DB) riverruns.Config {
	t.Helper()
	u, err := url.Parse(db.DSN)
	if err != nil {
		t.Fatal(err)
	}
	return riverruns.Config{Pool: openPool(t, db), Schema: u.Query().Get("search_path"), Workers: 8}
}

// open returns a Dispatcher whose tables are there.
func open(t testing.TB, cfg riverruns.Config) *riverruns.Dispatcher {
	t.Helper()
	d, err := riverruns.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

// work calls Work until the function it returns is called, which waits for it.
func work(t testing.TB, d *riverruns.Dispatcher, claim runs.Claim) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Work(ctx, claim) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Work: %v", err)
		}
	})
}

func dispatch(t testing.TB, d *riverruns.Dispatcher, all ...runs.Ref) {
	t.Helper()
	for _, ref := range all {
		if err := d.Dispatch(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
	}
}

func ref(n int) runs.Ref { return runs.Ref{Tenant: "acme", ID: fmt.Sprint("r", n), Type: "test.run"} }

// await asks until f holds, with pauses.
func await(t testing.TB, what string, f func() bool) {
	t.Helper()
	pause := time.NewTicker(5 * time.Millisecond)
	defer pause.Stop()
	for deadline := time.Now().Add(20 * time.Second); !f(); <-pause.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not happen", what)
		}
	}
}

// receive is <-c, but not forever.
func receive[T any](t testing.TB, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s does not happen", what)
	}
	return v
}

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

// A logbook is a log that can be read while it is written.
type logbook struct {
	mu  sync.Mutex
	all strings.Builder
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}
