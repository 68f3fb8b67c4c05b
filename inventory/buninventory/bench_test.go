package buninventory_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/buninventory"
)

var morning = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// policies returns n entries from the first on, each with its own content of
// about 4 KB, three links and a name of its own in no particular order.
func policies(first, n int) []inventory.Entry {
	entries := make([]inventory.Entry, n)
	for i := range entries {
		n := first + i
		id := fmt.Sprintf("%08x-0000-4000-8000-%012x", n*2654435761%(1<<32), n)
		doc := fmt.Sprintf(`{"name":%q,"settings":[`, id)
		for s := range 40 {
			doc += fmt.Sprintf(`{"id":"%d","definition":"device_vendor_msft_policy_config_%d","value":"%s_%d"},`, s, s*n, id, s)
		}
		doc += `null]}`
		entries[i] = inventory.Entry{
			Item: inventory.Item{
				Kind: fmt.Sprintf("kind%02d", n%7), ID: id, Name: fmt.Sprintf("Win - OIB - Policy %08x - D", n*2246822519%(1<<32)),
				Platform: "windows", Category: "configuration", ScopeTags: []string{"0"},
				Assigned: inventory.Assigned{Groups: 2}, Hash: fmt.Sprintf("%064x", n), AssignmentsHash: fmt.Sprintf("%064x", 1<<40+n%50),
				ModifiedAt: morning, FirstSeenAt: morning, LastSeenAt: morning, LastSeenRun: "run-0",
			},
			Stamp: "2026-01-02T03:04:05Z 12 0123456789abcdef", Linked: true,
			Content: json.RawMessage(doc), Assignments: json.RawMessage(`[{"target":{"groupId":"g1"}}]`),
			Links: []inventory.Link{
				{Type: "assigned_to", To: inventory.LinkTarget{Kind: "group", ID: fmt.Sprint("g", n%50)}},
				{Type: "assigned_to", To: inventory.LinkTarget{Kind: "group", ID: fmt.Sprint("g", n%51)}, Exclude: true},
				{Type: "scoped_by", To: inventory.LinkTarget{Kind: "roleScopeTag", ID: "0"}},
			},
		}
	}
	return entries
}

// fill puts n policies into a tenant, 80 at a time as a sync does.
func fill(t testing.TB, s *buninventory.Store, tenant string, n int) {
	t.Helper()
	sync := inventory.Sync{Tenant: tenant, Run: "run-0", Selection: "everything"}
	for first := 0; first < n; first += 80 {
		if err := s.Put(t.Context(), sync, policies(first, min(80, n-first))); err != nil {
			t.Fatal(err)
		}
	}
}

// cover covers the seven kinds, in which a run missed some items, and finishes.
func cover(t testing.TB, s *buninventory.Store, sync inventory.Sync, at time.Time, missed ...string) {
	t.Helper()
	for k := range 7 {
		c := inventory.Coverage{Kind: fmt.Sprintf("kind%02d", k), Status: "succeeded", At: at}
		if err := s.Cover(t.Context(), sync, c, missed); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Finish(t.Context(), sync, at); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkPut(b *testing.B) {
	for name, fresh := range sqltest.Databases() {
		b.Run(name, func(b *testing.B) {
			s := open(b, fresh(b))
			sync := inventory.Sync{Tenant: "acme", Run: "run-0", Selection: "everything"}
			n := 0
			for b.Loop() {
				b.StopTimer()
				entries := policies(n, 80)
				b.StartTimer()
				if err := s.Put(b.Context(), sync, entries); err != nil {
					b.Fatal(err)
				}
				n += 80
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "items/s")
		})
	}
}

// BenchmarkLarge asks for pages of a tenant with 100,000 items.
func BenchmarkLarge(b *testing.B) {
	const items = 100_000
	for name, fresh := range sqltest.Databases() {
		b.Run(name, func(b *testing.B) {
			s := open(b, fresh(b))
			fill(b, s, "acme", items)
			fill(b, s, "globex", items/10)
			var missed []string
			for i := range 200 {
				missed = append(missed, policies(i*500, 1)[0].ID)
			}
			cover(b, s, inventory.Sync{Tenant: "acme", Run: "run-0", Selection: "everything"}, morning)
			cover(b, s, inventory.Sync{Tenant: "acme", Run: "run-1", Selection: "everything"}, morning.Add(time.Hour), missed...)
			middle := func(q inventory.Query) inventory.Cursor {
				for range items / 200 / 2 {
					page, err := s.List(b.Context(), q)
					if err != nil {
						b.Fatal(err)
					}
					q.After = page.Next
				}
				return q.After
			}
			all := inventory.Query{Tenant: "acme", Limit: 200, Selection: "everything"}
			for name, q := range map[string]inventory.Query{
				"first":        {Tenant: "acme", Selection: "everything"},
				"middle":       {Tenant: "acme", Selection: "everything", After: middle(all)},
				"kind":         {Tenant: "acme", Kind: "kind03", Selection: "everything"},
				"text-common":  {Tenant: "acme", Text: "OIB", Selection: "everything"},
				"text-rare":    {Tenant: "acme", Text: "nowhere", Selection: "everything"},
				"text-id":      {Tenant: "acme", Text: "9e3", Selection: "everything"},
				"missing":      {Tenant: "acme", Missing: true, Selection: "everything"},
				"missing-text": {Tenant: "acme", Missing: true, Text: "nowhere", Selection: "everything"},
				"large":        all,
			} {
				b.Run("list/"+name, func(b *testing.B) {
					for b.Loop() {
						if _, err := s.List(b.Context(), q); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
			for name, q := range map[string]inventory.LinkQuery{
				"from": {Tenant: "acme", From: policies(777, 1)[0].Ref()},
				"to":   {Tenant: "acme", To: inventory.Ref{Kind: "group", ID: "g7"}},
				"all":  {Tenant: "acme"},
			} {
				b.Run("links/"+name, func(b *testing.B) {
					for b.Loop() {
						if _, err := s.Links(b.Context(), q); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
			one := policies(777, 1)[0].Ref()
			b.Run("get", func(b *testing.B) {
				for b.Loop() {
					if _, err := s.Get(b.Context(), "acme", one, "everything"); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("known", func(b *testing.B) {
				for b.Loop() {
					if _, err := s.Known(b.Context(), "acme", "kind03"); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("cover-and-finish", func(b *testing.B) {
				n := 2
				for b.Loop() {
					cover(b, s, inventory.Sync{Tenant: "acme", Run: fmt.Sprint("run-", n), Selection: "everything"},
						morning.Add(time.Duration(n)*time.Hour), missed...)
					n++
				}
			})
		})
	}
}
