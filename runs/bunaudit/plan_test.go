package bunaudit_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs/audit"
	"github.com/tenantatlas/tenantatlas/runs/bunaudit"
)

// Among several tenants with thousands of entries, what a page reads is found
// in an index, in its order.
func TestPlans(t *testing.T) {
	for name, fresh := range sqltest.Databases() {
		t.Run(name, func(t *testing.T) {
			db, counter := sqltest.Count(t, fresh(t).DSN)
			s := open(t, db)
			for _, tenant := range []string{"acme", "globex", "initech"} {
				fillRows(t, s, tenant, 4000)
			}
			if _, err := db.Write.Exec("ANALYZE"); err != nil {
				t.Fatal(err)
			}
			index := audit.Index{Actor: "user:u7", Object: "run:r7", Event: "start", Action: "start"}
			for _, x := range []audit.Index{
				{},
				{Object: index.Object},
				{Actor: index.Actor},
				{Event: index.Event},
				{Object: index.Object, Event: index.Event},
				{Actor: index.Actor, Action: index.Action},
				index,
			} {
				counter.Take()
				if _, _, err := s.List(t.Context(), "globex", audit.Filter{Index: x, Before: math.MaxInt64}, 50); err != nil {
					t.Fatal(err)
				}
				for _, text := range counter.Take() {
					explain(t, db, text, x)
				}
			}
		})
	}
}

func fillRows(t *testing.T, s *bunaudit.Store, tenant string, n int64) {
	t.Helper()
	rows := make([]audit.Row, n)
	for i := range n {
		rows[i] = audit.Row{Seq: i + 1, Body: []byte("{}"), Seal: []byte("x"), Index: audit.Index{
			Actor: fmt.Sprint("user:u", i%50), Object: fmt.Sprint("run:r", i/4), Event: "start", Action: "start",
		}}
	}
	if err := s.Append(t.Context(), tenant, "", "h", rows); err != nil {
		t.Fatal(err)
	}
}

// explain fails the test if a statement of List reads a whole table, sorts, or
// does not use the index that it should.
func explain(t *testing.T, db sqltest.DB, text string, x audit.Index) {
	t.Helper()
	args := []any{"globex", 0, int64(math.MaxInt64)}
	for _, value := range []string{x.Object, x.Actor, string(x.Event), string(x.Action)} {
		if value != "" {
			args = append(args, value)
		}
	}
	for !strings.Contains(text, db.Dialect.Bind(fmt.Sprint("$", len(args)))) {
		args = args[:len(args)-1] // the search for the end of what is looked at has fewer
	}
	prefix, bad := "EXPLAIN ", []string{"Seq Scan", "Sort"}
	if db.Dialect == bunkit.SQLite3 {
		prefix, bad = "EXPLAIN QUERY PLAN ", []string{"SCAN ", "TEMP B-TREE"}
	}
	rows, err := db.Read.DB.QueryContext(t.Context(), prefix+text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var line string
		dest := []any{&line}
		if db.Dialect == bunkit.SQLite3 {
			var id, parent, unused int
			dest = []any{&id, &parent, &unused, &line}
		}
		if err := rows.Scan(dest...); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(line + "\n")
	}
	if err := rows.Err(); err != nil || plan.Len() == 0 {
		t.Fatalf("%s: no plan, %v", text, err)
	}
	want := ""
	switch {
	case x.Object != "":
		want = "audit_entries_object"
	case x.Actor != "":
		want = "audit_entries_actor"
	}
	if !strings.Contains(plan.String(), want) {
		t.Errorf("%s does not use %s\n%s", text, want, plan.String())
	}
	for _, b := range bad {
		if strings.Contains(plan.String(), b) {
			t.Errorf("%s\n%s", text, plan.String())
		}
	}
}
