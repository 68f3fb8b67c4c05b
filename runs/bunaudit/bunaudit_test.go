package bunaudit_test

import (
	"context"
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/audit"
	"github.com/tenantatlas/tenantatlas/runs/audit/audittest"
	"github.com/tenantatlas/tenantatlas/runs/bunaudit"
)

// open returns the store in db, which it migrates.
func open(t testing.TB, db sqltest.DB) *bunaudit.Store {
	t.Helper()
	return sqltest.Migrated(t, db, bunaudit.New)
}

func TestStore(t *testing.T) {
	for name, fresh := range sqltest.Databases() {
		t.Run(name, func(t *testing.T) {
			audittest.TestStore(t, func(t testing.TB) audit.Store { return open(t, fresh(t)) })
		})
	}
}

func TestMigrate(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		if err := s.Append(t.Context(), "acme", "", "h", []audit.Row{{Seq: 1, Body: []byte("{}"), Seal: []byte("x")}}); err != nil {
			t.Fatal(err)
		}
		if err := s.Migrate(t.Context()); err != nil {
			t.Errorf("again: %v", err)
		}
		if h, err := s.Head(t.Context(), "acme"); err != nil || h.Last != "h" {
			t.Errorf("after a second Migrate the head is %+v, %v", h, err)
		}
		if err := s.Revert(t.Context(), -1); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Head(t.Context(), "acme"); err == nil {
			t.Error("after Revert there still is a head")
		}
		open(t, db)
		if h, err := s.Head(t.Context(), "acme"); err != nil || h != (audit.Head{}) {
			t.Errorf("up again, the head is %+v, %v; want none", h, err)
		}
	})
}

func TestDriver(t *testing.T) {
	sqltest.TestDriver(t, bunaudit.New, runs.ErrStoreUnavailable, func(ctx context.Context, s *bunaudit.Store) map[string]func() error {
		return map[string]func() error{
			"Head":   func() error { _, err := s.Head(ctx, "acme"); return err },
			"Append": func() error { return s.Append(ctx, "acme", "", "h", nil) },
			"Rows":   func() error { _, err := s.Rows(ctx, "acme", 0, 1); return err },
			"List":   func() error { _, _, err := s.List(ctx, "acme", audit.Filter{}, 1); return err },
			"Prune":  func() error { return s.Prune(ctx, "acme", "", "b", 1) },
		}
	})
}
