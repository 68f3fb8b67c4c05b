package buninventory_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/buninventory"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
)

func TestMigrate(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		fill(t, s, "acme", 10)
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatalf("again: %v", err)
		}
		if got := len(items(t, s, inventory.Query{Tenant: "acme"})); got != 10 {
			t.Errorf("after a second Migrate there are %d items, want 10", got)
		}
		if err := s.Revert(t.Context(), -1); err != nil {
			t.Fatal(err)
		}
		open(t, db)
		if got := len(items(t, s, inventory.Query{Tenant: "acme"})); got != 0 {
			t.Errorf("up again, there are %d items, want none", got)
		}
		fill(t, s, "acme", 10)
	})
}

func TestDriver(t *testing.T) {
	sqltest.TestDriver(t, buninventory.New, inventory.ErrStoreUnavailable, func(ctx context.Context, s *buninventory.Store) map[string]func() error {
		sync := inventory.Sync{Tenant: "acme", Run: "run-1", Selection: "everything"}
		round := directory.Round{Tenant: "acme", Run: "run-1", At: morning}
		return map[string]func() error{
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
		}
	})
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
