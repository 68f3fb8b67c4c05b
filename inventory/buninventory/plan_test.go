package buninventory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/inventory"
)

// Among several tenants with thousands of items, each statement finds its rows
// in an index, in their order, and looks at few others.
func TestPlans(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		var missed []string
		for _, e := range policies(0, 100) {
			missed = append(missed, e.ID)
		}
		for _, tenant := range []string{"acme", "globex", "initech"} {
			fill(t, s, tenant, map[string]int{"globex": 2500}[tenant]+500)
			cover(t, s, inventory.Sync{Tenant: tenant, Run: "run-0", Selection: "everything"}, morning)
			cover(t, s, inventory.Sync{Tenant: tenant, Run: "run-1", Selection: "everything"}, morning.Add(time.Hour), missed...)
		}
		// These have to do well without statistics, too: a tenant's first
		// sync is when there are none.
		writes, err := s.Writes("globex", policies(0, 80))
		if err != nil {
			t.Fatal(err)
		}
		checkPlans(t, db, 500, writes)
		if _, err := db.Write.Exec("ANALYZE"); err != nil {
			t.Fatal(err)
		}
		checkPlans(t, db, 500, writes)

		group, from := inventory.Ref{Kind: "group", ID: "g7"}, policies(777, 1)[0].Ref()
		const tenant = "globex"
		lists := func(most float64, after []string, queries ...inventory.Query) {
			t.Helper()
			statements, err := s.Lists(t.Context(), after, queries...)
			if err != nil {
				t.Fatal(err)
			}
			checkPlans(t, db, most, statements)
		}
		lists(110, []string{"kind03", "win - oib - policy 8", ""},
			inventory.Query{Tenant: tenant}, inventory.Query{Tenant: tenant, Kind: "kind03"},
			inventory.Query{Tenant: tenant, Missing: true}, inventory.Query{Tenant: tenant, Missing: true, Kind: "kind03"})
		lists(2000, nil, inventory.Query{Tenant: tenant, Text: "nowhere"}, inventory.Query{Tenant: tenant, Text: "nowhere", Kind: "kind03"})
		checkPlans(t, db, 110, s.LinkLists([]string{"kind03", "", "", "", "", "true"},
			inventory.LinkQuery{Tenant: tenant}, inventory.LinkQuery{Tenant: tenant, From: from},
			inventory.LinkQuery{Tenant: tenant, To: group}, inventory.LinkQuery{Tenant: tenant, From: from, To: group}))
	})
}

func checkPlans(t *testing.T, db sqltest.DB, most float64, statements []sqltest.Statement) {
	t.Helper()
	for _, st := range statements {
		if db.Dialect == bunkit.SQLite3 {
			checkSQLitePlan(t, db, st)
		} else {
			sqltest.CheckLooked(t, db, st, most, grows)
		}
	}
}

// checkSQLitePlan fails the test if a table is read from its beginning to its
// end, or sorted, or an array more than once.
func checkSQLitePlan(t *testing.T, db sqltest.DB, st sqltest.Statement) {
	t.Helper()
	plan := sqltest.SQLitePlan(t, db, st)
	apart := slices.ContainsFunc(plan, func(l sqltest.PlanLine) bool { return l.Text == "CO-ROUTINE g" })
	for _, l := range plan {
		switch {
		case strings.HasPrefix(l.Text, "SCAN json_each") && strings.HasPrefix(l.Around, "SEARCH "):
			t.Errorf("%v\nreads an array again for each row: %s", st, l.Around)
		case strings.HasPrefix(l.Text, "SCAN inventory_"), strings.HasPrefix(l.Text, "SCAN directory_groups"),
			l.Text == "SCAN g" && !apart, strings.HasPrefix(l.Text, "USE TEMP B-TREE FOR ORDER"):
			t.Errorf("%v\n%s\nall: %+v", st, l.Text, plan)
		}
	}
}

// grows reports whether a table is one of those that grow.
func grows(table string) bool {
	return slices.Contains([]string{"inventory_items", "inventory_links", "inventory_contents", "directory_groups"}, table)
}

// A page of a search is short when it has looked at enough, and the next one
// goes on from there.
func TestSearchIsBounded(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		var entries []inventory.Entry
		for i := range 4500 {
			e := entry(fmt.Sprintf("p%04d", i), fmt.Sprintf("Policy %04d", i))
			e.Hash = "same"
			entries = append(entries, e)
		}
		if err := s.Put(t.Context(), everything, entries); err != nil {
			t.Fatal(err)
		}
		q := inventory.Query{Tenant: "acme", Text: "policy 4321"}
		var found []string
		pages := 0
		for more := true; more; more = q.After != "" {
			page, err := s.List(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range page.Items {
				found = append(found, i.ID)
			}
			q.After = page.Next
			pages++
		}
		if !slices.Equal(found, []string{"p4321"}) || pages != 3 {
			t.Errorf("found %v on %d pages, want p4321 on the third, after 2,000 items on each", found, pages)
		}
	})
}
