package bunrestore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/restore/bunrestore"
	"github.com/tenantatlas/tenantatlas/runs"
)

var morning = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// versions returns n versions of objects of seven kinds.
func versions(n int, hash string) []backup.Staged {
	all := make([]backup.Staged, n)
	for i := range all {
		object := fmt.Sprintf("p%04d", i)
		all[i] = backup.Staged{
			Version: backup.Version{
				ID: object + "-" + hash, Kind: fmt.Sprintf("kind%02d", i%7), Object: object, Name: fmt.Sprintf("Win - OIB - Policy %d", i),
				Hash: hash, CapturedAt: morning,
			},
			Sealed: []byte("sealed " + object),
		}
	}
	return all
}

// add adds versions to a set, which it creates.
func add(t *testing.T, s *bunrestore.Store, tenant, set string, staged []backup.Staged) {
	t.Helper()
	if err := s.CreateSet(t.Context(), &backup.Set{Tenant: tenant, ID: set, CreatedAt: morning}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Stage(t.Context(), tenant, set, staged); err != nil {
		t.Fatal(err)
	}
	seal(t, s, tenant, set, new(backup.Sealing))
}

// seal appends to the chain; without a sealing, it deletes the set.
func seal(t *testing.T, s *bunrestore.Store, tenant, set string, sealing *backup.Sealing) {
	t.Helper()
	head, err := s.Head(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	l := backup.Link{Tenant: tenant, Seq: 1, Set: set, Manifest: "m", At: morning}
	if head != nil {
		l.Seq = head.Seq + 1
	}
	if err := s.Append(t.Context(), l, sealing); err != nil {
		t.Fatal(err)
	}
}

// fill gives a tenant two sets with half of their items in common, some staged
// ones, restores and a journal.
func fill(t *testing.T, s *bunrestore.Store, tenant string, n int) {
	t.Helper()
	all := versions(n, "h1")
	add(t, s, tenant, "set-1", all)
	add(t, s, tenant, "set-2", append(versions(n/2, "h2"), all[n/2:]...))
	if _, err := s.Stage(t.Context(), tenant, "set-2", versions(n+n/10, "h3")[n:]); err != nil {
		t.Fatal(err)
	}
	items := make([]restore.Item, n)
	answers := make([]restore.Answer, n)
	for i := range items {
		items[i] = restore.Item{Ref: all[i].Ref(), Name: all[i].Name, Version: all[i].ID, Decision: restore.Create, Step: restore.Planned}
		answers[i] = restore.Answer{Origin: "elsewhere", Ref: all[i].Ref(), To: "x"}
	}
	for i := range n / 5 {
		r := &restore.Restore{
			Tenant: tenant, ID: fmt.Sprintf("r%04d", i), Set: fmt.Sprint("set-", i%3), CreatedAt: morning.Add(time.Duration(i) * time.Minute),
			CreatedBy: runs.System("test"), Scope: restore.Scope{Items: []inventory.Ref{}},
		}
		if err := s.Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if err := s.Put(t.Context(), tenant, r.ID, 0, items); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Remember(t.Context(), tenant, answers); err != nil {
		t.Fatal(err)
	}
}
