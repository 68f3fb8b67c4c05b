package buninventory_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/buninventory"
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
		checkPlans(t, s, db.Dialect, 500, writes)
		if _, err := db.Write.Exec("ANALYZE"); err != nil {
			t.Fatal(err)
		}
		checkPlans(t, s, db.Dialect, 500, writes)

		group, from := inventory.Ref{Kind: "group", ID: "g7"}, policies(777, 1)[0].Ref()
		const tenant = "globex"
		lists := func(most float64, after []string, queries ...inventory.Query) {
			t.Helper()
			statements, err := s.Lists(t.Context(), after, queries...)
			if err != nil {
				t.Fatal(err)
			}
			checkPlans(t, s, db.Dialect, most, statements)
		}
		lists(110, []string{"kind03", "win - oib - policy 8", ""},
			inventory.Query{Tenant: tenant}, inventory.Query{Tenant: tenant, Kind: "kind03"},
			inventory.Query{Tenant: tenant, Missing: true}, inventory.Query{Tenant: tenant, Missing: true, Kind: "kind03"})
		lists(2000, nil, inventory.Query{Tenant: tenant, Text: "nowhere"}, inventory.Query{Tenant: tenant, Text: "nowhere", Kind: "kind03"})
		checkPlans(t, s, db.Dialect, 110, s.LinkLists([]string{"kind03", "", "", "", "", "true"},
			inventory.LinkQuery{Tenant: tenant}, inventory.LinkQuery{Tenant: tenant, From: from},
			inventory.LinkQuery{Tenant: tenant, To: group}, inventory.LinkQuery{Tenant: tenant, From: from, To: group}))
	})
}

func checkPlans(t *testing.T, s *buninventory.Store, d bunkit.Dialect, most float64, statements []buninventory.Statement) {
	t.Helper()
	for _, st := range statements {
		if d == bunkit.SQLite3 {
			checkSQLitePlan(t, s, st)
		} else {
			checkPostgresPlan(t, s, most, st)
		}
	}
}

// checkSQLitePlan fails the test if a table is read from its beginning to its
// end, or sorted, or an array more than once.
func checkSQLitePlan(t *testing.T, s *buninventory.Store, st buninventory.Statement) {
	t.Helper()
	for i, a := range st.Args {
		if array, ok := a.([]any); ok { // with SQLite, of one row
			st.Args[i] = array[0]
		}
	}
	var plan []string
	above := make(map[int]string) // the line above by its parent
	err := s.Explain(t.Context(), "EXPLAIN QUERY PLAN", st, func(rows *sql.Rows) error {
		var id, parent, unused int
		var line string
		err := rows.Scan(&id, &parent, &unused, &line)
		if strings.HasPrefix(line, "SCAN json_each") && strings.HasPrefix(above[parent], "SEARCH ") {
			t.Errorf("%s: an array is read again for each row: %s", st.Name, above[parent])
		}
		above[parent] = line
		plan = append(plan, line)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", st.Name, err)
	}
	for _, line := range plan {
		if strings.HasPrefix(line, "SCAN inventory_") || strings.HasPrefix(line, "SCAN directory_groups") ||
			line == "SCAN g" && !slices.Contains(plan, "CO-ROUTINE g") || strings.HasPrefix(line, "USE TEMP B-TREE FOR ORDER") {
			t.Errorf("%s: %s\n%s\nall:\n%s", st.Name, line, st.Text, strings.Join(plan, "\n"))
		}
	}
}

// A node is one of a plan of PostgreSQL's.
type node struct {
	Type     string  `json:"Node Type"`
	Relation string  `json:"Relation Name"`
	Rows     float64 `json:"Actual Rows"`
	Loops    float64 `json:"Actual Loops"`
	Removed  float64 `json:"Rows Removed by Filter"`
	Plans    []node  `json:"Plans"`
}

// looked returns how many rows of the tables that grow were looked at.
func (n node) looked() float64 {
	var sum float64
	large := []string{"inventory_items", "inventory_links", "inventory_contents", "directory_groups"}
	if slices.Contains(large, n.Relation) && strings.HasSuffix(n.Type, "Scan") {
		sum = (n.Rows + n.Removed) * n.Loops
	}
	for _, p := range n.Plans {
		sum += p.looked()
	}
	return sum
}

// checkPostgresPlan fails the test if more rows are looked at than most.
func checkPostgresPlan(t *testing.T, s *buninventory.Store, most float64, st buninventory.Statement) {
	t.Helper()
	var text string
	err := s.Explain(t.Context(), "EXPLAIN (ANALYZE, FORMAT JSON)", st, func(rows *sql.Rows) error { return rows.Scan(&text) })
	if err != nil {
		t.Fatalf("%s: %v", st.Name, err)
	}
	var plans []struct{ Plan node }
	if err := json.Unmarshal([]byte(text), &plans); err != nil {
		t.Fatal(err)
	}
	if got := plans[0].Plan.looked(); got > most {
		t.Errorf("%s looked at %v rows, want at most %v\n%s\n%s", st.Name, got, most, st.Text, text)
	}
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
