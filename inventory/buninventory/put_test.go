package buninventory_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/inventory"
)

var everything = inventory.Sync{Tenant: "acme", Run: "run-1", Selection: "everything"}

// entry returns an entry with little in it.
func entry(id, name string) inventory.Entry {
	return inventory.Entry{
		Item: inventory.Item{
			Kind: "policy", ID: id, Name: name, Category: "configuration", Hash: "h-" + id,
			FirstSeenAt: morning, LastSeenAt: morning, LastSeenRun: "run-1",
		},
		Content: json.RawMessage(`{"id":"` + id + `"}`),
	}
}

func ids(all []inventory.Item) []string {
	var ids []string
	for _, i := range all {
		ids = append(ids, i.ID)
	}
	return ids
}

// One call can bring more than one statement takes, and an item twice.
func TestPutMany(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		entries := policies(0, 2500)
		again := policies(7, 1)[0]
		again.Name, again.Hash, again.Linked, again.FirstSeenAt = "Again", "new-hash", false, morning.Add(time.Hour)
		if err := s.Put(t.Context(), everything, append(entries, again)); err != nil {
			t.Fatal(err)
		}
		if got := len(items(t, s, inventory.Query{Tenant: "acme", Limit: inventory.MaxLimit})); got != 2500 {
			t.Errorf("%d items, want 2,500", got)
		}
		doc, err := s.Get(t.Context(), "acme", again.Ref(), "")
		if err != nil || doc.Name != "Again" || !doc.FirstSeenAt.Equal(morning) || string(doc.Content) != string(again.Content) {
			t.Errorf("the item that came twice is %q, first seen at %v, %v; want the later entry, first seen as by the first", doc.Name, doc.FirstSeenAt, err)
		}
		page, err := s.Links(t.Context(), inventory.LinkQuery{Tenant: "acme", From: again.Ref()})
		if err != nil || len(page.Links) != 3 {
			t.Errorf("it has %d links, %v; want the three of the entry that had some", len(page.Links), err)
		}
	})
}

// Texts that a column or an index cannot hold as they are neither break a
// write nor get lost.
func TestOddTexts(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		// An index would take much of it if it could be compressed.
		long := "Ärger "
		for i := range 100 {
			long += fmt.Sprintf("Ä%x", sha256.Sum256([]byte{byte(i)}))
		}
		a, b, odd := entry("a", "z"+long+"needle"), entry("b", "z"+long+"hay"), entry("c", "bad \x00 and \xff")
		odd.Stamp, odd.LastSeenRun, odd.ScopeTags, odd.Meta = "\x00", "\xff", []string{"\x00"}, map[string]string{"parent": "\x00"}
		odd.Linked = true
		odd.Links = []inventory.Link{
			{Type: "depends_on", To: inventory.LinkTarget{Kind: "policy", ID: long + "1", Name: "\x00"}},
			{Type: "depends_on", To: inventory.LinkTarget{Kind: "policy", ID: long + "2"}},
			{Type: "depends_on", To: inventory.LinkTarget{Kind: "policy", ID: "\x00"}},
		}
		if err := s.Put(t.Context(), everything, []inventory.Entry{a, b, odd}); err != nil {
			t.Fatal(err)
		}
		for text, want := range map[string][]string{"needle": {"a"}, "hay": {"b"}, "ÄRGER": {"a", "b"}, "\x00": nil, "bad": {"c"}} {
			if diff := cmp.Diff(want, ids(items(t, s, inventory.Query{Tenant: "acme", Text: text}))); diff != "" {
				t.Errorf("items with %q (-want +got):\n%s", text, diff)
			}
		}
		if diff := cmp.Diff([]string{"c", "a", "b"}, ids(items(t, s, inventory.Query{Tenant: "acme", Limit: 1}))); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
		doc, err := s.Get(t.Context(), "acme", odd.Ref(), "")
		if err != nil || doc.Name != "bad \uFFFD and \uFFFD" || doc.ScopeTags[0] != "\x00" {
			t.Errorf("the odd item is %q, %v", doc.Name, err)
		}
		for _, l := range odd.Links {
			page, err := s.Links(t.Context(), inventory.LinkQuery{Tenant: "acme", To: l.To.Ref()})
			if err != nil || len(page.Links) != 1 || len(page.Links[0].To.ID) > 512 {
				t.Errorf("links to an odd target: %.300v, %v; want one", page.Links, err)
			}
		}
	})
}

// What cannot be a key is refused, the same in both dialects.
func TestRefusedTexts(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		for what, change := range map[string]func(*inventory.Sync, *inventory.Entry){
			"long id":       func(_ *inventory.Sync, e *inventory.Entry) { e.ID = strings.Repeat("x", 513) },
			"id with NUL":   func(_ *inventory.Sync, e *inventory.Entry) { e.ID = "a\x00" },
			"long kind":     func(_ *inventory.Sync, e *inventory.Entry) { e.Kind = strings.Repeat("x", 256) },
			"broken hash":   func(_ *inventory.Sync, e *inventory.Entry) { e.Hash = "\xff" },
			"no tenant":     func(s *inventory.Sync, _ *inventory.Entry) { s.Tenant = "" },
			"broken tenant": func(s *inventory.Sync, _ *inventory.Entry) { s.Tenant = "\xff" },
			"long run":      func(s *inventory.Sync, _ *inventory.Entry) { s.Run = strings.Repeat("x", 256) },
		} {
			sync, e := everything, entry("a", "A")
			change(&sync, &e)
			if err := s.Put(t.Context(), sync, []inventory.Entry{e}); !errors.Is(err, inventory.ErrInvalid) {
				t.Errorf("%s: Put reports %v, want ErrInvalid", what, err)
			}
		}
		broken := inventory.Ref{Kind: "\xff", ID: "\x00"}
		if _, err := s.Get(t.Context(), "\x00", broken, "\x00"); !errors.Is(err, inventory.ErrNotFound) {
			t.Errorf("Get reports %v, want ErrNotFound", err)
		}
		for what, err := range map[string]error{
			"cover":  s.Cover(t.Context(), everything, inventory.Coverage{Kind: "\x00"}, nil),
			"finish": s.Finish(t.Context(), inventory.Sync{Tenant: "\x00"}, morning),
		} {
			if !errors.Is(err, inventory.ErrInvalid) {
				t.Errorf("%s reports %v, want ErrInvalid", what, err)
			}
		}
		if page, err := s.List(t.Context(), inventory.Query{Tenant: "\x00"}); err != nil || len(page.Items) != 0 {
			t.Errorf("List of a broken tenant: %d items, %v; want none", len(page.Items), err)
		}
		if page, err := s.Links(t.Context(), inventory.LinkQuery{Tenant: "acme", From: broken}); err != nil || len(page.Links) != 0 {
			t.Errorf("Links of a broken item: %d, %v; want none", len(page.Links), err)
		}
	})
}

// Contents are stored compressed, and once.
func TestContentsAreSmall(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		a, b := policies(0, 1)[0], policies(1, 1)[0]
		b.Hash, b.Content, b.AssignmentsHash = a.Hash, a.Content, a.AssignmentsHash
		if err := s.Put(t.Context(), everything, []inventory.Entry{a, b}); err != nil {
			t.Fatal(err)
		}
		var n, size int
		row := db.Read.DB.QueryRowContext(t.Context(), "SELECT count(*), max(length(packed)) FROM inventory_contents")
		if err := row.Scan(&n, &size); err != nil {
			t.Fatal(err)
		}
		if n != 2 || size > len(a.Content)/3 {
			t.Errorf("%d contents of up to %d bytes, want two of a third of %d at most", n, size, len(a.Content))
		}
	})
}
