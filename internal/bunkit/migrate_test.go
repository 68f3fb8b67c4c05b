package bunkit_test

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
)

// steps returns the files of two steps that, applied twice or in the wrong
// order, fail; extra replaces and adds files of both dialects.
func steps(extra map[string]string) fs.FS {
	files := map[string]string{
		"0001_word.up.sql":   "CREATE TABLE word (text text NOT NULL);\nINSERT INTO word VALUES ('one');\n",
		"0001_word.down.sql": "DROP TABLE word;\n",
		"0002_size.up.sql":   "ALTER TABLE word ADD COLUMN size integer;\nINSERT INTO word VALUES ('two', 2);\n",
		"0002_size.down.sql": "DELETE FROM word WHERE text = 'two';\nALTER TABLE word DROP COLUMN size;\n",
	}
	maps.Copy(files, extra)
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys["migrations/postgres/"+name] = &fstest.MapFile{Data: []byte(text)}
		fsys["migrations/sqlite/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

func words(t *testing.T, db bunkit.DB, query string) string {
	t.Helper()
	rows, err := db.Read.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var words []string
	for rows.Next() {
		var word string
		if err := rows.Scan(&word); err != nil {
			t.Fatal(err)
		}
		words = append(words, word)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(words, " ")
}

func applied(t *testing.T, db bunkit.DB) string {
	t.Helper()
	return words(t, db, "SELECT name FROM bunwords_migrations ORDER BY applied_at, name")
}

func TestMigrateUpAndDown(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		ctx := t.Context()
		m := bunkit.Migrations{Driver: "bunwords", Files: steps(nil)}
		for range 2 { // the second time has nothing to do
			if err := m.Up(ctx, db.DB); err != nil {
				t.Fatal(err)
			}
			if got, want := words(t, db.DB, "SELECT text FROM word ORDER BY text"), "one two"; got != want {
				t.Errorf("after Up, words = %q, want %q", got, want)
			}
		}
		if got, want := applied(t, db.DB), "0001_word 0002_size"; got != want {
			t.Errorf("applied = %q, want %q", got, want)
		}
		if err := m.Down(ctx, db.DB, 1); err != nil {
			t.Fatal(err)
		}
		if got, want := words(t, db.DB, "SELECT text FROM word"), "one"; got != want {
			t.Errorf("after one step down, words = %q, want %q", got, want)
		}
		if err := m.Up(ctx, db.DB); err != nil {
			t.Fatal(err)
		}
		if err := m.Down(ctx, db.DB, -1); err != nil {
			t.Fatal(err)
		}
		if got := applied(t, db.DB); got != "" {
			t.Errorf("after Down, applied = %q, want none", got)
		}
		if err := m.Up(ctx, db.DB); err != nil {
			t.Errorf("Up after Down: %v", err)
		}
	})
}

func TestMigrateDriversApart(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		other := fstest.MapFS{}
		for _, dialect := range []string{"postgres", "sqlite"} {
			other["migrations/"+dialect+"/0001_word.up.sql"] = &fstest.MapFile{Data: []byte("CREATE TABLE other (id integer)")}
			other["migrations/"+dialect+"/0001_word.down.sql"] = &fstest.MapFile{Data: []byte("DROP TABLE other")}
		}
		for _, m := range []bunkit.Migrations{{Driver: "bunwords", Files: steps(nil)}, {Driver: "bunother", Files: other}} {
			if err := m.Up(t.Context(), db.DB); err != nil {
				t.Fatal(err)
			}
		}
		words(t, db.DB, "SELECT id FROM other")
	})
}

// Eight instances start together, each with pools of its own and a database
// that none of them has opened before.
func TestMigrateTogether(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		m := bunkit.Migrations{Driver: "bunwords", Files: steps(nil)}
		const instances = 8
		var (
			wg    sync.WaitGroup
			begin = make(chan struct{})
			errs  = make([]error, instances)
		)
		for i := range instances {
			db := sqltest.Open(t, db.DSN)
			wg.Go(func() {
				<-begin
				errs[i] = m.Up(t.Context(), db.DB)
			})
		}
		close(begin)
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		if got, want := words(t, db.DB, "SELECT text FROM word ORDER BY text"), "one two"; got != want {
			t.Errorf("words = %q, want %q", got, want)
		}
	})
}

func TestMigrateFailsInTheMiddle(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		ctx := t.Context()
		broken := steps(map[string]string{
			"0002_size.up.sql":   "INSERT INTO word VALUES ('lost');\nCREATE TABLE half (id integer);\nINSERT INTO nowhere VALUES (1);\n",
			"0003_last.up.sql":   "CREATE TABLE last (id integer);",
			"0003_last.down.sql": "DROP TABLE last;",
		})
		err := bunkit.Migrations{Driver: "bunwords", Files: broken}.Up(ctx, db.DB)
		if err == nil || !strings.Contains(err.Error(), "migrate bunwords up to 0002_size") {
			t.Fatalf("Up = %v; want an error that names the step", err)
		}
		if got, want := words(t, db.DB, "SELECT text FROM word"), "one"; got != want {
			t.Errorf("words = %q, want %q", got, want)
		}
		if got, want := applied(t, db.DB), "0001_word"; got != want {
			t.Errorf("applied = %q, want %q", got, want)
		}
		mended := steps(map[string]string{
			"0003_last.up.sql":   "CREATE TABLE half (id integer);",
			"0003_last.down.sql": "DROP TABLE half;",
		})
		if err := (bunkit.Migrations{Driver: "bunwords", Files: mended}).Up(ctx, db.DB); err != nil {
			t.Fatalf("Up with the step mended: %v", err)
		}
		if got, want := applied(t, db.DB), "0001_word 0002_size 0003_last"; got != want {
			t.Errorf("applied = %q, want %q", got, want)
		}
	})
}

func TestMigrateCutShort(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		m := bunkit.Migrations{Driver: "bunwords", Files: steps(nil)}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := m.Up(ctx, db.DB); !errors.Is(err, context.Canceled) {
			t.Errorf("Up = %v, want %v", err, context.Canceled)
		}
		if err := m.Up(t.Context(), db.DB); err != nil {
			t.Errorf("Up again: %v", err)
		}
	})
}

// During a rolling deployment an older binary meets steps of a newer one.
func TestMigrateMeetsNewerSteps(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		newer := bunkit.Migrations{Driver: "bunwords", Files: steps(map[string]string{
			"0003_last.up.sql":   "CREATE TABLE last (id integer);",
			"0003_last.down.sql": "DROP TABLE last;",
		})}
		older := bunkit.Migrations{Driver: "bunwords", Files: steps(nil)}
		if err := newer.Up(t.Context(), db.DB); err != nil {
			t.Fatal(err)
		}
		if err := older.Up(t.Context(), db.DB); err != nil {
			t.Errorf("Up = %v, want nothing to do", err)
		}
		if err := older.Down(t.Context(), db.DB, 1); err == nil || !strings.Contains(err.Error(), "0003_last") {
			t.Errorf("Down = %v; want an error that names the newer step", err)
		}
		if got, want := applied(t, db.DB), "0001_word 0002_size 0003_last"; got != want {
			t.Errorf("applied = %q, want %q", got, want)
		}
	})
}

func TestMigrateRefuses(t *testing.T) {
	db := sqltest.SQLite(t)
	tests := []struct {
		name, driver string
		files        fs.FS
		want         string
	}{
		{"driver that is SQL", "bun;words", steps(nil), "no name for a driver"},
		{"driver without a name", "", steps(nil), "no name for a driver"},
		{"no files", "bunwords", fstest.MapFS{}, "migrations/sqlite"},
		{"no way back", "bunwords", steps(map[string]string{"0003_last.up.sql": "SELECT 1"}), "0003_last.up.sql"},
		{"no way up", "bunwords", steps(map[string]string{"0003_last.down.sql": "SELECT 1"}), "0003_last"},
		{"empty", "bunwords", steps(map[string]string{"0002_size.down.sql": "\n"}), "0002_size"},
		{"something else", "bunwords", steps(map[string]string{"README.md": "x"}), "README.md"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := bunkit.Migrations{Driver: test.driver, Files: test.files}.Up(t.Context(), db.DB)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Up = %v; want an error with %q", err, test.want)
			}
		})
	}
	if diff := cmp.Diff("", words(t, db.DB, "SELECT name FROM sqlite_schema")); diff != "" {
		t.Errorf("what was refused left tables (-want +got):\n%s", diff)
	}
}
