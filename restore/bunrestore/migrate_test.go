package bunrestore_test

import (
	"context"
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/restore/bunrestore"
)

func TestMigrate(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		fill(t, s, "acme", 10)
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatalf("again: %v", err)
		}
		if set, err := s.GetSet(t.Context(), "acme", "set-1"); err != nil || set.Items != 10 {
			t.Errorf("after a second Migrate the set is %+v, %v; want 10 items", set, err)
		}
		if err := s.Revert(t.Context(), -1); err != nil {
			t.Fatal(err)
		}
		open(t, db)
		fill(t, s, "acme", 10)
	})
}

func TestDriver(t *testing.T) {
	sqltest.TestDriver(t, bunrestore.New, backup.ErrStoreUnavailable, func(ctx context.Context, s *bunrestore.Store) map[string]func() error {
		ref := inventory.Ref{Kind: "k", ID: "i"}
		return map[string]func() error{
			"CreateSet":  func() error { return s.CreateSet(ctx, &backup.Set{Tenant: "t", ID: "s"}) },
			"GetSet":     func() error { _, err := s.GetSet(ctx, "t", "s"); return err },
			"ListSets":   func() error { _, err := s.ListSets(ctx, backup.SetQuery{Tenant: "t"}); return err },
			"UseSet":     func() error { return s.UseSet(ctx, "t", "s", "h", morning) },
			"Stage":      func() error { _, err := s.Stage(ctx, "t", "s", versions(1, "h")); return err },
			"ListItems":  func() error { _, err := s.ListItems(ctx, backup.ItemQuery{Tenant: "t", Set: "s"}); return err },
			"GetVersion": func() error { _, _, err := s.GetVersion(ctx, "t", "v"); return err },
			"VersionsOf": func() error { _, err := s.VersionsOf(ctx, "t", "k", "i", 0); return err },
			"Head":       func() error { _, err := s.Head(ctx, "t"); return err },
			"Append":     func() error { return s.Append(ctx, backup.Link{Tenant: "t", Seq: 1, Set: "s"}, nil) },
			"Links":      func() error { _, err := s.Links(ctx, "t", 0, 0); return err },
			"GetSealing": func() error { _, err := s.GetSealing(ctx, "t", "s"); return err },
			"Key":        func() error { _, err := s.Key(ctx, "t"); return err },
			"PutKey":     func() error { _, err := s.PutKey(ctx, "t", []byte("k")); return err },
			"Create":     func() error { return s.Create(ctx, &restore.Restore{Tenant: "t", ID: "r"}) },
			"Get":        func() error { _, err := s.Get(ctx, "t", "r"); return err },
			"Replace":    func() error { return s.Replace(ctx, &restore.Restore{Tenant: "t", ID: "r"}) },
			"List":       func() error { _, err := s.List(ctx, restore.Query{Tenant: "t"}); return err },
			"Clear":      func() error { return s.Clear(ctx, "t", "r", 0) },
			"Put":        func() error { return s.Put(ctx, "t", "r", 0, []restore.Item{{Ref: ref}}) },
			"Items":      func() error { _, err := s.Items(ctx, restore.ItemQuery{Tenant: "t", Restore: "r"}); return err },
			"Remember":   func() error { return s.Remember(ctx, "t", []restore.Answer{{Origin: "o", Ref: ref, To: "x"}}) },
			"Recall":     func() error { _, err := s.Recall(ctx, "t", "o", []inventory.Ref{ref}); return err },
		}
	})
}
