// Package sqltest gives a test an empty database of its own: a fresh schema in
// PostgreSQL, a fresh file for SQLite.
//
// PostgreSQL is the one at the URL in the environment variable
// TENANTATLAS_POSTGRES, or else a throw-away cluster that the test binary
// starts from the installed binaries, a [Quick] one unless there are benchmarks
// to run. Without either, tests that need it are skipped; with CI=true they
// fail.
package sqltest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
)

// EnvURL is the environment variable with the URL of a PostgreSQL server whose
// user may create schemas.
const EnvURL = "TENANTATLAS_POSTGRES"

// A DB is the database of one test, opened. The test's end closes it.
type DB struct {
	bunkit.DB
	Dialect bunkit.Dialect

	// DSN opens the same database in another process, with [Open].
	DSN string
}

// Each runs body as a subtest for every database, under its name: "sqlite" and
// "postgres".
func Each(t *testing.T, body func(t *testing.T, db DB)) {
	t.Helper()
	t.Run(bunkit.SQLite3.String(), func(t *testing.T) { body(t, SQLite(t)) })
	t.Run(bunkit.PostgreSQL.String(), func(t *testing.T) { body(t, Postgres(t)) })
}

// Databases returns the functions that open an empty one, by name.
func Databases() map[string]func(t testing.TB) DB {
	return map[string]func(t testing.TB) DB{bunkit.SQLite3.String(): SQLite, bunkit.PostgreSQL.String(): Postgres}
}

// SQLite opens a file that does not exist yet.
func SQLite(t testing.TB) DB {
	t.Helper()
	return Open(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
}

// Postgres opens a schema with nothing in it, which the test's end drops.
func Postgres(t testing.TB) DB {
	t.Helper()
	server := serverURL(t)
	schema := "t_" + strings.ToLower(rand.Text())
	execute(t, server, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { execute(t, server, "DROP SCHEMA "+schema+" CASCADE") })

	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return Open(t, u.String())
}

// Open opens a [DB.DSN] once more, in pools of its own.
func Open(t testing.TB, dsn string) DB {
	t.Helper()
	return open(t, dsn, func(c driver.Connector) driver.Connector { return c })
}

func open(t testing.TB, dsn string, wrap func(driver.Connector) driver.Connector) DB {
	t.Helper()
	db := DB{DSN: dsn}
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		write, read := bunkit.SQLiteDSN(path)
		db.Dialect = bunkit.SQLite3
		db.DB = bunkit.SQLite(pool(t, wrap(sqliteConnector(t, write))), pool(t, wrap(sqliteConnector(t, read))))
		return db
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	db.Dialect = bunkit.PostgreSQL
	db.DB = bunkit.Postgres(pool(t, wrap(stdlib.GetConnector(*config))))
	return db
}

func sqliteConnector(t testing.TB, name string) driver.Connector {
	t.Helper()
	c, err := sqlite.NewConnector(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// pool allows so many connections that a few processes of tests stay below the
// limit of a server.
func pool(t testing.TB, c driver.Connector) *sql.DB {
	t.Helper()
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close database: %v", err)
		}
	})
	return db
}

func execute(t testing.TB, server, statement string) {
	t.Helper()
	// The test's own context has ended when its cleanups run.
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatalf("connect to PostgreSQL: %v", err)
	}
	_, err = conn.Exec(ctx, statement)
	if err := errors.Join(err, conn.Close(ctx)); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// cluster is shared by all tests of the process: starting one takes a second.
// Its server ends when the process does.
var cluster = sync.OnceValues(func() (*Cluster, error) {
	if bench := flag.Lookup("test.bench"); bench != nil && bench.Value.String() != "" {
		return StartCluster(context.Background())
	}
	return StartCluster(context.Background(), Quick()...)
})

func serverURL(t testing.TB) string {
	t.Helper()
	if server := os.Getenv(EnvURL); server != "" {
		return server
	}
	c, err := cluster()
	switch {
	case errors.Is(err, ErrNoPostgres) && os.Getenv("CI") != "true":
		t.Skipf("SKIPPED WITHOUT POSTGRESQL: %v", err)
	case err != nil:
		t.Fatal(err)
	}
	return c.URL
}
