package bunkit_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // registers "sqlite"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
)

func TestCheck(t *testing.T) {
	pool := sqltest.SQLite(t).Write.DB // one connection
	many := sqltest.SQLite(t).Read.DB
	var (
		sqlite = bun.NewDB(pool, sqlitedialect.New())
		pg     = bun.NewDB(many, pgdialect.New())
	)
	tests := []struct {
		name string
		db   bunkit.DB
		want bunkit.Dialect
		err  string
	}{
		{"postgres", bunkit.Postgres(many), bunkit.PostgreSQL, ""},
		{"sqlite", bunkit.SQLite(pool, many), bunkit.SQLite3, ""},
		{"one handle", bunkit.DB{Write: pg}, bunkit.PostgreSQL, ""},
		{"none", bunkit.DB{}, 0, "no handle"},
		{"only reading", bunkit.DB{Read: pg}, 0, "no handle"},
		{"two dialects", bunkit.DB{Write: sqlite, Read: pg}, 0, "two dialects"},
		{"many writers", bunkit.DB{Write: bun.NewDB(many, sqlitedialect.New())}, 0, "must be 1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			db, got, err := test.db.Check()
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("Check = %v; want an error with %q", err, test.err)
				}
				return
			}
			if err != nil || got != test.want || db.Read == nil {
				t.Errorf("Check = %v, %v, %v; want both handles and %v", db, got, err, test.want)
			}
		})
	}
}

// A path may hold what means something in a data source name.
func TestSQLiteDSN(t *testing.T) {
	for _, name := range []string{"plain.db", "a b?c#d%41&e=f;g.db"} {
		dir := t.TempDir()
		t.Chdir(dir)
		for kind, path := range map[string]string{"absolute": filepath.Join(dir, name), "relative": name} {
			t.Run(kind+" "+name, func(t *testing.T) {
				write, read := bunkit.SQLiteDSN(path)
				db := bunkit.SQLite(openSQLite(t, write), openSQLite(t, read))
				if _, err := db.Write.Exec("CREATE TABLE IF NOT EXISTS word (text text)"); err != nil {
					t.Fatal(err)
				}
				words(t, db, "SELECT text FROM word")
				if diff := cmp.Diff([]string{name, name + "-shm", name + "-wal"}, glob(t, dir)); diff != "" {
					t.Errorf("files (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func openSQLite(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func glob(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i, path := range paths {
		paths[i] = filepath.Base(path)
	}
	return paths
}

// What Plain returns sends the text as it is, what it wraps does not.
func TestPlain(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, plain sqltest.DB) {
		ctx := t.Context()
		db, counter := sqltest.Count(t, plain.DSN)
		query := "SELECT " + db.Dialect.Bind("CAST($1 AS text)")
		conn, err := db.Read.Conn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		tx, err := db.Write.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		counter.Take()
		for _, c := range []bun.IConn{db.Read, conn, &conn, tx, &tx, db.Read.DB, tx.Tx} {
			var got string
			if err := bunkit.Plain(c).QueryRowContext(ctx, query, "x").Scan(&got); err != nil || got != "x" {
				t.Errorf("%T: got %q, %v; want x", c, got, err)
			}
			if diff := cmp.Diff([]string{query}, counter.Take()); diff != "" {
				t.Errorf("%T: statements (-want +got):\n%s", c, diff)
			}
		}
	})
}
