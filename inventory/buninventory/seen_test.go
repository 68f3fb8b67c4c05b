package buninventory_test

import (
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/inventory"
)

// Two runs of different selections look at a kind at the same time. The one
// that began earlier ends later; that must not take back what the other saw.
func TestOverlappingRuns(t *testing.T) {
	early := inventory.Sync{Tenant: "acme", Run: "early", Selection: "everything"}
	late := inventory.Sync{Tenant: "acme", Run: "late", Selection: "less"}
	at := func(minutes int) time.Time { return morning.Add(time.Duration(minutes) * time.Minute) }
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		put := func(sync inventory.Sync, minutes int, ids ...string) {
			t.Helper()
			for _, id := range ids {
				e := entry(id, id)
				e.LastSeenAt, e.LastSeenRun = at(minutes), sync.Run
				if err := s.Put(t.Context(), sync, []inventory.Entry{e}); err != nil {
					t.Fatal(err)
				}
			}
		}
		cover := func(sync inventory.Sync, minutes int, missed ...string) {
			t.Helper()
			c := inventory.Coverage{Kind: "policy", Status: "succeeded", At: at(minutes)}
			if err := s.Cover(t.Context(), sync, c, missed); err != nil {
				t.Fatal(err)
			}
			if err := s.Finish(t.Context(), sync, at(minutes)); err != nil {
				t.Fatal(err)
			}
		}
		seen := func(id string, minutes int, by inventory.Sync, missing bool) {
			t.Helper()
			doc, err := s.Get(t.Context(), "acme", inventory.Ref{Kind: "policy", ID: id}, "")
			if err != nil {
				t.Fatal(err)
			}
			if !doc.LastSeenAt.Equal(at(minutes)) || doc.LastSeenRun != by.Run || doc.Missing != missing {
				t.Errorf("%s was last seen at %v by %s, missing: %t; want at %v by %s, missing: %t",
					id, doc.LastSeenAt, doc.LastSeenRun, doc.Missing, at(minutes), by.Run, missing)
			}
		}
		first := inventory.Sync{Tenant: "acme", Run: "first", Selection: "everything"}
		put(first, 0, "both", "neither", "only early", "only late")
		cover(first, 0)

		cover(late, 20, "neither", "only early", "new to early")
		put(early, 10, "both", "only early", "new to early") // changed since
		seen("both", 20, late, false)
		seen("new to early", 10, early, true)
		cover(early, 10, "neither", "only late")
		seen("both", 20, late, false)
		seen("only late", 20, late, false)
		seen("only early", 10, early, true)
		seen("new to early", 10, early, true)
		seen("neither", 0, first, true)

		next := inventory.Sync{Tenant: "acme", Run: "next", Selection: "everything"}
		cover(next, 30, "neither")
		for _, id := range []string{"both", "only late", "only early", "new to early"} {
			seen(id, 30, next, false)
		}
		seen("neither", 0, first, true)
	})
}
