package bunrestore_test

import (
	"database/sql"
	"encoding/json"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/restore/bunrestore"
)

// Among several tenants with thousands of items, each statement finds its rows
// in an index, in their order, and looks at few others.
func TestPlans(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		for tenant, n := range map[string]int{"acme": 100, "globex": 1000, "initech": 100} {
			fill(t, s, tenant, n)
		}
		const tenant, set = "globex", "set-2"
		all := s.Lists(tenant, set, "r0000", []string{"1767323105000000", "r"}, []string{"kind03", "win - oib - policy 8", ""})
		// 51 rows of a list, and the version of each; 80 items, and the version of each.
		all = append(all, s.Finds(tenant, set, "elsewhere", versions(80, "h2"))...)
		check := func() {
			t.Helper()
			checkPlans(t, s, db.Dialect, 170, all)
			checkPlans(t, s, db.Dialect, 5000, s.Drops(tenant, set)) // what belongs to 1,100 items
		}
		check() // a tenant's first backup is when there are no statistics
		if _, err := db.Write.DB.ExecContext(t.Context(), "ANALYZE"); err != nil {
			t.Fatal(err)
		}
		check()
	})
}

func checkPlans(t *testing.T, s *bunrestore.Store, d bunkit.Dialect, most float64, statements []bunrestore.Statement) {
	t.Helper()
	for _, st := range statements {
		if d == bunkit.SQLite3 {
			checkSQLite(t, s, st)
			continue
		}
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
}

// checkSQLite fails the test if a table is read from its beginning to its end,
// or sorted.
func checkSQLite(t *testing.T, s *bunrestore.Store, st bunrestore.Statement) {
	t.Helper()
	args := make([]any, len(st.Args))
	for i, a := range st.Args {
		args[i] = a
		if array, ok := a.([]any); ok {
			args[i] = array[0] // of one row
		}
	}
	st.Args = args
	var plan []string
	err := s.Explain(t.Context(), "EXPLAIN QUERY PLAN", st, func(rows *sql.Rows) error {
		var id, parent, unused int
		var line string
		err := rows.Scan(&id, &parent, &unused, &line)
		plan = append(plan, line)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", st.Name, err)
	}
	for _, line := range plan {
		if strings.HasPrefix(line, "SCAN backup_") || strings.HasPrefix(line, "SCAN restore_") || strings.HasPrefix(line, "USE TEMP B-TREE FOR") {
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

// looked returns how many rows of tables were looked at.
func (n node) looked() float64 {
	var sum float64
	if n.Relation != "" && strings.HasSuffix(n.Type, "Scan") {
		sum = (n.Rows + n.Removed) * n.Loops
	}
	for _, p := range n.Plans {
		sum += p.looked()
	}
	return sum
}
