package buninventory_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/buninventory"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
)

// tables returns how many tables there are of the inventory and the directory.
func tables(t *testing.T, db sqltest.DB) int {
	t.Helper()
	text := "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND (name LIKE 'inventory_%' OR name LIKE 'directory_%')"
	if db.Dialect.String() == "postgres" {
		text = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND (tablename LIKE 'inventory_%' OR tablename LIKE 'directory_%')"
	}
	var n int
	if err := db.Read.DB.QueryRowContext(t.Context(), text).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestMigrate(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		fill(t, s, "acme", 10)
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatalf("again: %v", err)
		}
		if got := len(items(t, s, inventory.Query{Tenant: "acme"})); got != 10 || tables(t, db) != 9 {
			t.Errorf("after a second Migrate there are %d items in %d tables, want 10 in 9", got, tables(t, db))
		}
		if err := s.Revert(t.Context(), -1); err != nil {
			t.Fatal(err)
		}
		if got := tables(t, db); got != 0 {
			t.Errorf("after Revert there are %d tables, want none", got)
		}
		open(t, db)
		if got := len(items(t, s, inventory.Query{Tenant: "acme"})); got != 0 || tables(t, db) != 9 {
			t.Errorf("up again, there are %d items in %d tables, want none in 9", got, tables(t, db))
		}
		fill(t, s, "acme", 10)
	})
}

func TestMigrateTogether(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		var wg sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			s, err := buninventory.New(sqltest.Open(t, db.DSN).DB)
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() { errs[i] = s.Migrate(t.Context()) })
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil || tables(t, db) != 9 {
			t.Errorf("%d tables, %v; want 9", tables(t, db), err)
		}
	})
}

func TestNew(t *testing.T) {
	if _, err := buninventory.New(buninventory.DB{}); err == nil {
		t.Error("New accepts a DB without a handle")
	}
}

func TestUnavailable(t *testing.T) {
	for name, dsn := range map[string]string{
		"sqlite":   "sqlite:" + t.TempDir() + "/no/such/folder/test.db",
		"postgres": "postgres://nobody@/nothing?host=" + t.TempDir(),
	} {
		t.Run(name, func(t *testing.T) {
			s, err := buninventory.New(sqltest.Open(t, dsn).DB)
			if err != nil {
				t.Fatal(err)
			}
			ctx := t.Context()
			sync := inventory.Sync{Tenant: "acme", Run: "run-1", Selection: "everything"}
			round := directory.Round{Tenant: "acme", Run: "run-1", At: morning}
			for what, call := range map[string]func() error{
				"Migrate":  func() error { return s.Migrate(ctx) },
				"Revert":   func() error { return s.Revert(ctx, 1) },
				"List":     func() error { _, err := s.List(ctx, inventory.Query{Tenant: "acme", Text: "x"}); return err },
				"Get":      func() error { _, err := s.Get(ctx, "acme", inventory.Ref{Kind: "k", ID: "i"}, ""); return err },
				"Links":    func() error { _, err := s.Links(ctx, inventory.LinkQuery{Tenant: "acme"}); return err },
				"Coverage": func() error { _, err := s.Coverage(ctx, inventory.CoverageQuery{Tenant: "acme"}); return err },
				"Content":  func() error { _, err := s.Content(ctx, "acme", "h"); return err },
				"Known":    func() error { _, err := s.Known(ctx, "acme", "k"); return err },
				"Put":      func() error { return s.Put(ctx, sync, policies(0, 1)) },
				"Cover":    func() error { return s.Cover(ctx, sync, inventory.Coverage{Kind: "k"}, nil) },
				"Finish":   func() error { return s.Finish(ctx, sync, morning) },
				"Lookup":   func() error { _, err := s.Directory().Lookup(ctx, "acme", []string{"g"}); return err },
				"Groups": func() error {
					_, err := s.Directory().List(ctx, directory.Query{Tenant: "acme", Text: "x"})
					return err
				},
				"State":    func() error { _, err := s.Directory().State(ctx, "acme"); return err },
				"Begin":    func() error { return s.Directory().Begin(ctx, round) },
				"PutGroup": func() error { return s.Directory().Put(ctx, round, directory.Part{}) },
				"EndRound": func() error { _, err := s.Directory().Finish(ctx, round, ""); return err },
				"Hide":     func() error { return s.Hide(ctx, "acme", inventory.Ref{Kind: "k", ID: "i"}, true) },
			} {
				if err := call(); !errors.Is(err, inventory.ErrStoreUnavailable) {
					t.Errorf("%s reports %v, want ErrStoreUnavailable", what, err)
				}
			}
		})
	}
}

// A context that ends while a call waits for another writer ends the call.
func TestContextEndsWaiting(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		fill(t, s, "acme", 10)
		tx, err := db.Write.DB.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(t.Context(), "DELETE FROM inventory_items"); err != nil {
			t.Fatal(err)
		}
		const patience = 5 * time.Second
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		began := time.Now()
		err = s.Hide(ctx, "acme", policies(0, 1)[0].Ref(), true)
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > patience {
			t.Errorf("Hide reports %v after %v, want context.DeadlineExceeded soon", err, took)
		}
	})
}
