package bunrestore_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/restore/bunrestore"
)

// tables returns how many tables of backups and restores there are.
func tables(t *testing.T, db sqltest.DB) int {
	t.Helper()
	text := "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND (name LIKE 'backup_%' OR name LIKE 'restore_%')"
	if db.Dialect.String() == "postgres" {
		text = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND (tablename LIKE 'backup_%' OR tablename LIKE 'restore_%')"
	}
	var n int
	if err := db.Read.DB.QueryRowContext(t.Context(), text).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestMigrate(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		const all = 10
		s := open(t, db)
		fill(t, s, "acme", 10)
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatalf("again: %v", err)
		}
		if set, err := s.GetSet(t.Context(), "acme", "set-1"); err != nil || set.Items != 10 || tables(t, db) != all {
			t.Errorf("after a second Migrate there are %d tables and the set is %+v, %v; want %d and 10 items", tables(t, db), set, err, all)
		}
		if err := s.Revert(t.Context(), -1); err != nil {
			t.Fatal(err)
		}
		if got := tables(t, db); got != 0 {
			t.Errorf("after Revert there are %d tables, want none", got)
		}
		open(t, db)
		fill(t, s, "acme", 10)
	})
}

func TestMigrateTogether(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		var wg sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			s, err := bunrestore.New(sqltest.Open(t, db.DSN).DB)
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() { errs[i] = s.Migrate(t.Context()) })
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil || tables(t, db) != 10 {
			t.Errorf("%d tables, %v; want 10", tables(t, db), err)
		}
	})
}

func TestNew(t *testing.T) {
	if _, err := bunrestore.New(bunrestore.DB{}); err == nil {
		t.Error("New accepts a DB without a handle")
	}
}

func TestUnavailable(t *testing.T) {
	for name, dsn := range map[string]string{
		"sqlite":   "sqlite:" + t.TempDir() + "/no/such/folder/test.db",
		"postgres": "postgres://nobody@/nothing?host=" + t.TempDir(),
	} {
		t.Run(name, func(t *testing.T) {
			s, err := bunrestore.New(sqltest.Open(t, dsn).DB)
			if err != nil {
				t.Fatal(err)
			}
			ctx := t.Context()
			ref := inventory.Ref{Kind: "k", ID: "i"}
			for what, call := range map[string]func() error{
				"Migrate":    func() error { return s.Migrate(ctx) },
				"Revert":     func() error { return s.Revert(ctx, 1) },
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
			} {
				if err := call(); !errors.Is(err, backup.ErrStoreUnavailable) {
					t.Errorf("%s reports %v, want ErrStoreUnavailable", what, err)
				}
			}
		})
	}
}
