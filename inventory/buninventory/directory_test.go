package buninventory_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/inventory/buninventory"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
)

// fillGroups syncs a tenant that has so many groups, the first five of which
// the second of two rounds does not find any more.
func fillGroups(t *testing.T, d *buninventory.Directory, tenant string, n int) {
	t.Helper()
	for i, run := range []string{"run-1", "run-2"} {
		r := directory.Round{Tenant: tenant, Run: run, Full: true, At: morning.Add(time.Duration(i) * time.Hour)}
		if err := d.Begin(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		var changes []directory.Change
		for j := 5 * i; j < n; j++ {
			changes = append(changes, directory.Change{Group: directory.Group{
				ID: groupID(j), Name: fmt.Sprintf("Group %05d", j), Type: directory.Security,
			}})
		}
		for page := range slices.Chunk(changes, 1000) {
			if err := d.Put(t.Context(), r, directory.Part{Changes: page, Next: "/next"}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := d.Finish(t.Context(), r, "/link"); err != nil {
			t.Fatal(err)
		}
	}
}

func groupID(i int) string {
	return fmt.Sprintf("%08x-0000-4000-8000-000000000000", uint32(i)*2654435761)
}

// Each statement for groups finds its rows in an index, in their order.
func TestGroupPlans(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		for _, tenant := range []string{"acme", "globex", "initech"} {
			fillGroups(t, s.Directory(), tenant, 2000)
		}
		const tenant = "globex"
		var ids []string
		for i := range 20 {
			ids = append(ids, groupID(97*i))
		}
		// These have to do well without statistics, too, as those of a sync.
		others := s.GroupStatements(tenant, ids, morning.Add(time.Minute))
		checkPlans(t, db, 40, others)
		if _, err := db.Write.Exec("ANALYZE"); err != nil {
			t.Fatal(err)
		}
		checkPlans(t, db, 40, others)
		for _, c := range []struct {
			most    float64
			after   []string
			queries []directory.Query
		}{
			{110, []string{"0", "group 00500", groupID(500)}, []directory.Query{{Tenant: tenant, Text: "Group 01"}}},
			{110, []string{"0", "", ""}, []directory.Query{{Tenant: tenant, Text: "Group 01"}}},
			{110, []string{"1", "group 00500", groupID(500)}, []directory.Query{{Tenant: tenant}}},
			{110, []string{"1", "", ""}, []directory.Query{{Tenant: tenant}, {Tenant: tenant, Name: "Group 00777"}}},
			{2000, []string{"1", "", ""}, []directory.Query{{Tenant: tenant, Text: "nowhere"}}},
		} {
			lists, err := s.GroupLists(t.Context(), c.after, c.queries...)
			if err != nil {
				t.Fatal(err)
			}
			checkPlans(t, db, c.most, lists)
		}
	})
}

// A page of a search is short when it has looked at enough, and the next one
// goes on from there; what begins with the text comes at once.
func TestGroupSearchIsBounded(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		fillGroups(t, s.Directory(), "acme", 10_500)
		for text, want := range map[string]int{"p 10444": 2, "group 10444": 2} {
			q := directory.Query{Tenant: "acme", Text: text}
			var found []string
			pages := 0
			for more := true; more; more = q.After != "" {
				page, err := s.Directory().List(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				if begins := text[0] == 'g'; pages == 0 && begins != (len(page.Groups) == 1) {
					t.Errorf("the first page for %q has %d groups", text, len(page.Groups))
				}
				for _, g := range page.Groups {
					found = append(found, g.ID)
				}
				q.After = page.Next
				pages++
			}
			if !slices.Equal(found, []string{groupID(10_444)}) || pages != want {
				t.Errorf("%q is found as %v on %d pages, want one on %d", text, found, pages, want)
			}
		}
	})
}
