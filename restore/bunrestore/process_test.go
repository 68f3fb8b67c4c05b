package bunrestore_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/restore/bunrestore"
)

// other opens the database once more, as another process would.
func other(t *testing.T, db sqltest.DB) *bunrestore.Store {
	t.Helper()
	s, err := bunrestore.New(sqltest.Open(t, db.DSN).DB)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// One process deletes sets while another stages what only they had. Every item
// keeps its version, and no version is left that no item has.
func TestDeleteWhileStaging(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		deleting, staging := other(t, db), other(t, db)
		const rounds, objects = 12, 15
		for round := range rounds {
			old, young := fmt.Sprint("old-", round), fmt.Sprint("young-", round)
			hash := fmt.Sprint("h", round)
			add(t, s, "acme", old, versions(objects, hash))
			if err := s.CreateSet(t.Context(), &backup.Set{Tenant: "acme", ID: young, CreatedAt: morning}); err != nil {
				t.Fatal(err)
			}
			head, err := s.Head(t.Context(), "acme")
			if err != nil {
				t.Fatal(err)
			}
			l := backup.Link{Tenant: "acme", Seq: head.Seq + 1, Set: old, At: morning}
			again := versions(objects, hash)
			for i := range again {
				again[i].ID += "-again"
			}
			var wg sync.WaitGroup
			errs := make([]error, 1+objects)
			wg.Go(func() { errs[0] = deleting.Append(t.Context(), l, nil) })
			wg.Go(func() {
				for i := range again { // one by one, so that the deletion comes in between
					_, errs[1+i] = staging.Stage(t.Context(), "acme", young, again[i:i+1])
				}
			})
			wg.Wait()
			if err := errors.Join(errs...); err != nil {
				t.Fatal(err)
			}
		}
		for what, text := range map[string]string{
			"items without a version":  "SELECT count(*) FROM backup_items AS i WHERE NOT EXISTS (SELECT 1 FROM backup_versions AS v WHERE v.tenant = i.tenant AND v.id = i.version)",
			"versions without an item": "SELECT count(*) FROM backup_versions AS v WHERE NOT EXISTS (SELECT 1 FROM backup_items AS i WHERE i.tenant = v.tenant AND i.version = v.id)",
		} {
			var n int
			if err := db.Read.DB.QueryRowContext(t.Context(), text).Scan(&n); err != nil || n != 0 {
				t.Errorf("%d %s, %v; want none", n, what, err)
			}
		}
		var n int
		if err := db.Read.DB.QueryRowContext(t.Context(), "SELECT count(*) FROM backup_items").Scan(&n); err != nil || n != rounds*objects {
			t.Errorf("%d items, %v; want %d", n, err, rounds*objects)
		}
	})
}

// A use that succeeds while a set is deleted has kept it.
func TestUseWhileDeleting(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		using := other(t, db)
		for round := range 15 {
			set := fmt.Sprint("set-", round)
			add(t, s, "acme", set, versions(3, "h"))
			head, err := s.Head(t.Context(), "acme")
			if err != nil {
				t.Fatal(err)
			}
			var deleted, used error
			var wg sync.WaitGroup
			wg.Go(func() {
				deleted = s.Append(t.Context(), backup.Link{Tenant: "acme", Seq: head.Seq + 1, Set: set, At: morning}, nil)
			})
			wg.Go(func() { used = using.UseSet(t.Context(), "acme", set, "holder", morning.Add(time.Hour)) })
			wg.Wait()
			kept := errors.Is(deleted, backup.ErrInUse) && used == nil
			gone := deleted == nil && errors.Is(used, backup.ErrNotFound)
			if !kept && !gone {
				t.Fatalf("deleting reports %v and using %v, want that one of them fails", deleted, used)
			}
		}
	})
}

// Whoever has lost the fence writes nothing that the next one does not see.
func TestFenceBetweenProcesses(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		late := other(t, db)
		item := restore.Item{Ref: versions(1, "h")[0].Ref(), Version: "v", Decision: restore.Create, Step: restore.Planned}
		for round := range 15 {
			r := &restore.Restore{Tenant: "acme", ID: fmt.Sprint("r", round), CreatedAt: morning}
			if err := s.Create(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			var putErr error
			var wg sync.WaitGroup
			wg.Go(func() { putErr = late.Put(t.Context(), "acme", r.ID, 0, []restore.Item{item}) })
			r.Fence = 1
			if err := s.Replace(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			page, err := s.Items(t.Context(), restore.ItemQuery{Tenant: "acme", Restore: r.ID})
			if err != nil {
				t.Fatal(err)
			}
			wg.Wait()
			if putErr != nil && !errors.Is(putErr, restore.ErrConflict) {
				t.Fatal(putErr)
			}
			if wrote := putErr == nil; wrote != (len(page.Items) == 1) {
				t.Fatalf("the old writer reports %v, and the new one saw %d items", putErr, len(page.Items))
			}
		}
	})
}
