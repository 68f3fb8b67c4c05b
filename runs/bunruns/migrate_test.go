package bunruns_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
)

func TestNew(t *testing.T) {
	pg, lite := sqltest.Postgres(t), sqltest.SQLite(t)
	for name, db := range map[string]bunruns.DB{
		"no handle":             {},
		"nothing to write with": {Read: lite.Read},
		"two dialects":          {Write: pg.Write, Read: lite.Read},
		"many writers":          {Write: lite.Read},
	} {
		if _, err := bunruns.New(db); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := bunruns.New(bunruns.DB{Write: pg.Write}); err != nil {
		t.Errorf("one handle for both: %v", err)
	}
}

// TestMigrateAtOnce migrates from eight pools, again and again, back and forth.
func TestMigrateAtOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		for range 2 {
			errs := make([]error, 8)
			stores := make([]*bunruns.Store, len(errs))
			for i := range stores {
				s, err := bunruns.New(sqltest.Open(t, db.DSN).DB)
				if err != nil {
					t.Fatal(err)
				}
				stores[i] = s
			}
			together(len(stores), func(i int) { errs[i] = stores[i].Migrate(t.Context()) })
			if err := errors.Join(errs...); err != nil {
				t.Fatal(err)
			}
			insert(t, stores[0], &runs.Run{Tenant: "acme", ID: "r1", Type: typeA, Status: runs.StatusQueued})
			if err := stores[1].Migrate(t.Context()); err != nil {
				t.Fatalf("again: %v", err)
			}
			if _, err := stores[1].Get(t.Context(), runs.Ref{Tenant: "acme", ID: "r1"}); err != nil {
				t.Fatalf("after another migration: %v", err)
			}
			if err := stores[2].Revert(t.Context(), -1); err != nil {
				t.Fatal(err)
			}
			if got := tables(t, db); got != "bunruns_migrations\n" {
				t.Errorf("tables after going back: %s", got)
			}
		}
	})
}

func tables(t *testing.T, db sqltest.DB) string {
	t.Helper()
	if db.Dialect == bunkit.SQLite3 {
		return lines(t, db.Read.DB, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
	}
	return lines(t, db.Read.DB, "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename")
}

// TestDialectsAgree sees that both dialects have the same tables, columns and
// indexes by name.
func TestDialectsAgree(t *testing.T) {
	names := map[string]string{}
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		open(t, db)
		all := strings.Fields(tables(t, db))
		for i, table := range all {
			all[i] = table + ": " + strings.Join(columns(t, db, table), " ")
		}
		text := "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND indexname NOT LIKE '%_pkey'"
		if db.Dialect == bunkit.SQLite3 {
			text = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
		}
		indexes := strings.Fields(lines(t, db.Read.DB, text))
		slices.Sort(indexes)
		names[db.Dialect.String()] = strings.Join(append(all, indexes...), "\n")
	})
	if diff := cmp.Diff(names["postgres"], names["sqlite"]); diff != "" {
		t.Errorf("names (-postgres +sqlite):\n%s", diff)
	}
}
