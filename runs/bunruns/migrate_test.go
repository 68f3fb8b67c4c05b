package bunruns_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
)

func TestDriver(t *testing.T) {
	ref := runs.Ref{Tenant: "acme", ID: "r1"}
	r := &runs.Run{Tenant: "acme", ID: "r1", Type: typeA, Status: runs.StatusRunning, Attempt: 1, Key: "k1"}
	sqltest.TestDriver(t, bunruns.New, runs.ErrStoreUnavailable, func(ctx context.Context, s *bunruns.Store) map[string]func() error {
		return map[string]func() error{
			"Insert":   func() error { _, _, err := s.Insert(ctx, r); return err },
			"Get":      func() error { _, err := s.Get(ctx, ref); return err },
			"Update":   func() error { _, err := s.Update(ctx, r); return err },
			"List":     func() error { _, err := s.List(ctx, runs.Query{Tenant: "acme"}); return err },
			"Due":      func() error { _, err := s.Due(ctx, runs.DueQuery{Types: []runs.Type{typeA}}); return err },
			"Count":    func() error { _, err := s.Count(ctx, runs.Query{Tenant: "acme"}, 9); return err },
			"PutItems": func() error { return s.PutItems(ctx, ref, 1, []runs.Item{{Key: "a", Outcome: runs.ItemSucceeded}}) },
			"Items":    func() error { _, err := s.Items(ctx, runs.ItemQuery{Run: ref}); return err },
			"Ended":    func() error { _, err := s.Ended(ctx, time.Unix(1, 0), runs.EndedRun{}, 1); return err },
			"Delete":   func() error { _, err := s.Delete(ctx, []runs.Ref{ref}); return err },
		}
	})
}

func TestMigrateKeeps(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		insert(t, s, &runs.Run{Tenant: "acme", ID: "r1", Type: typeA, Status: runs.StatusQueued})
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatalf("again: %v", err)
		}
		if _, err := s.Get(t.Context(), runs.Ref{Tenant: "acme", ID: "r1"}); err != nil {
			t.Errorf("after another migration: %v", err)
		}
	})
}

// TestDialectsAgree sees that both dialects have the same tables, columns and
// indexes by name. SQLite has no hash to take a sample by.
func TestDialectsAgree(t *testing.T) {
	names := map[string]string{}
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		open(t, db)
		all := sqltest.Tables(t, db)
		for i, table := range all {
			all[i] = table + ": " + strings.Join(columns(t, db, table), " ")
		}
		text := "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND indexname NOT LIKE '%_pkey' AND indexname <> 'operation_runs_sample'"
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
