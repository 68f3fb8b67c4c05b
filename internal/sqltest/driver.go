package sqltest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
)

// A Store is what a driver makes of a database.
type Store interface {
	Migrate(ctx context.Context) error
	Revert(ctx context.Context, n int) error
}

// Migrated returns the store that a driver makes of db, with its tables.
func Migrated[S Store](t testing.TB, db DB, of func(bunkit.DB) (S, error)) S {
	t.Helper()
	s, err := of(db.DB)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestDriver tests what all drivers do alike: they refuse a database without a
// handle, they migrate and go back in any number of processes at once, without
// tables they say what to do, and what they report if the database is not there
// is unavailable. The calls are all that a store has beside [Store], by name.
func TestDriver[S Store](t *testing.T, of func(bunkit.DB) (S, error), unavailable error, calls func(ctx context.Context, s S) map[string]func() error) {
	t.Run("no handle", func(t *testing.T) {
		if _, err := of(bunkit.DB{}); err == nil {
			t.Error("no error")
		}
	})
	t.Run("migrate", func(t *testing.T) {
		Each(t, func(t *testing.T, db DB) { testMigrate(t, db, of) })
	})
	t.Run("no tables", func(t *testing.T) {
		Each(t, func(t *testing.T, db DB) {
			s, err := of(db.DB)
			if err != nil {
				t.Fatal(err)
			}
			for what, call := range calls(t.Context(), s) {
				if err := call(); err == nil || !strings.Contains(err.Error(), "call Migrate") || errors.Is(err, unavailable) {
					t.Errorf("%s reports %v, want what to do", what, err)
				}
			}
		})
	})
	t.Run("unavailable", func(t *testing.T) {
		for name, dsn := range map[string]string{
			"sqlite":   "sqlite:" + t.TempDir() + "/no/such/folder/test.db",
			"postgres": "postgres://nobody@/nothing?host=" + t.TempDir(),
		} {
			t.Run(name, func(t *testing.T) {
				s, err := of(Open(t, dsn).DB)
				if err != nil {
					t.Fatal(err)
				}
				all := func(ctx context.Context) map[string]func() error {
					all := calls(ctx, s)
					all["Migrate"] = func() error { return s.Migrate(ctx) }
					all["Revert"] = func() error { return s.Revert(ctx, 1) }
					return all
				}
				for what, call := range all(t.Context()) {
					if err := call(); !errors.Is(err, unavailable) {
						t.Errorf("%s reports %v, want %v", what, err, unavailable)
					}
				}
				ended, cancel := context.WithCancel(t.Context())
				cancel()
				for what, call := range all(ended) {
					if err := call(); !errors.Is(err, context.Canceled) {
						t.Errorf("%s reports %v for a context that has ended, want %v", what, err, context.Canceled)
					}
				}
			})
		}
	})
}

func testMigrate[S Store](t *testing.T, db DB, of func(bunkit.DB) (S, error)) {
	stores := make([]S, 8)
	for i := range stores {
		s, err := of(Open(t, db.DSN).DB)
		if err != nil {
			t.Fatal(err)
		}
		stores[i] = s
	}
	var all []string
	for range 2 {
		var group sync.WaitGroup
		errs := make([]error, len(stores))
		for i, s := range stores {
			group.Go(func() { errs[i] = s.Migrate(t.Context()) })
		}
		group.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		got := Tables(t, db)
		if all == nil {
			all = got
		}
		if len(got) < 2 || !slices.Equal(got, all) {
			t.Errorf("the tables are %q, want %q", got, all)
		}
		if err := stores[0].Revert(t.Context(), -1); err != nil {
			t.Fatal(err)
		}
		if got := Tables(t, db); len(got) != 1 {
			t.Errorf("after going back there are %q, want only what says how far it went", got)
		}
	}
}

// Tables returns the names of the tables in db, sorted.
func Tables(t testing.TB, db DB) []string {
	t.Helper()
	text := "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
	if db.Dialect == bunkit.SQLite3 {
		text = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
	}
	rows, err := db.Read.DB.QueryContext(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return names
}
