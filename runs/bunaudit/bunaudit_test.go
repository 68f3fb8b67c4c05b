package bunaudit_test

import (
	"errors"
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/audit"
	"github.com/tenantatlas/tenantatlas/runs/audit/audittest"
	"github.com/tenantatlas/tenantatlas/runs/bunaudit"
)

// open returns a store in a fresh database.
func open(t testing.TB, db sqltest.DB) *bunaudit.Store {
	t.Helper()
	s, err := bunaudit.New(db.DB)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// databases are the ways to get a fresh database, by dialect.
var databases = map[string]func(t testing.TB) sqltest.DB{
	"sqlite":   sqltest.SQLite,
	"postgres": sqltest.Postgres,
}

func TestStore(t *testing.T) {
	for name, fresh := range databases {
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

func TestNew(t *testing.T) {
	if _, err := bunaudit.New(bunaudit.DB{}); err == nil {
		t.Error("New accepts a DB without a handle")
	}
}

func TestUnavailable(t *testing.T) {
	for name, dsn := range map[string]string{
		"sqlite":   "sqlite:" + t.TempDir() + "/no/such/folder/test.db",
		"postgres": "postgres://nobody@/nothing?host=" + t.TempDir(),
	} {
		t.Run(name, func(t *testing.T) {
			s, err := bunaudit.New(sqltest.Open(t, dsn).DB)
			if err != nil {
				t.Fatal(err)
			}
			ctx := t.Context()
			for what, call := range map[string]func() error{
				"Migrate": func() error { return s.Migrate(ctx) },
				"Revert":  func() error { return s.Revert(ctx, 1) },
				"Head":    func() error { _, err := s.Head(ctx, "acme"); return err },
				"Append":  func() error { return s.Append(ctx, "acme", "", "h", nil) },
				"Rows":    func() error { _, err := s.Rows(ctx, "acme", 0, 1); return err },
				"List":    func() error { _, _, err := s.List(ctx, "acme", audit.Filter{}, 1); return err },
				"Prune":   func() error { return s.Prune(ctx, "acme", "", "b", 1) },
			} {
				if err := call(); !errors.Is(err, runs.ErrStoreUnavailable) {
					t.Errorf("%s reports %v, want ErrStoreUnavailable", what, err)
				}
			}
		})
	}
}
