package sqltest

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
)

// A Statement is one that a driver would run.
type Statement struct {
	Name string
	Text string
	Args []any
}

func (s Statement) String() string { return s.Name + "\n" + s.Text }

// A PlanLine is one of a plan of SQLite's.
type PlanLine struct {
	Text   string // "SEARCH t USING INDEX i (a=?)"
	Around string // of a join, the line of the loop around it
}

// SQLitePlan returns how SQLite would execute a statement.
func SQLitePlan(t testing.TB, db DB, of Statement) []PlanLine {
	t.Helper()
	var plan []PlanLine
	before := make(map[int]string) // the last line below another
	explain(t, db, "EXPLAIN QUERY PLAN", of, func(rows *sql.Rows) error {
		var id, parent, unused int
		var line string
		err := rows.Scan(&id, &parent, &unused, &line)
		plan = append(plan, PlanLine{Text: line, Around: before[parent]})
		before[parent] = line
		return err
	})
	return plan
}

// Looked returns how many rows of the tables that grow PostgreSQL looks at when
// it executes a statement, which is taken back, and the plan that it has.
func Looked(t testing.TB, db DB, of Statement, grows func(table string) bool) (n float64, plan string) {
	t.Helper()
	explain(t, db, "EXPLAIN (ANALYZE, FORMAT JSON)", of, func(rows *sql.Rows) error { return rows.Scan(&plan) })
	var plans []struct{ Plan node }
	if err := json.Unmarshal([]byte(plan), &plans); err != nil {
		t.Fatal(err)
	}
	return plans[0].Plan.looked(grows), plan
}

// CheckLooked fails the test if PostgreSQL looks at more than most rows.
func CheckLooked(t testing.TB, db DB, of Statement, most float64, grows func(table string) bool) {
	t.Helper()
	if n, plan := Looked(t, db, of, grows); n > most {
		t.Errorf("%v\nlooked at %v rows, want at most %v\n%s", of, n, most, plan)
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

func (n node) looked(grows func(table string) bool) float64 {
	var sum float64
	if n.Relation != "" && grows(n.Relation) && strings.HasSuffix(n.Type, "Scan") {
		sum = (n.Rows + n.Removed) * n.Loops
	}
	for _, p := range n.Plans {
		sum += p.looked(grows)
	}
	return sum
}

// explain runs an EXPLAIN in a transaction that is taken back.
func explain(t testing.TB, db DB, how string, of Statement, row func(*sql.Rows) error) {
	t.Helper()
	args := make([]any, len(of.Args))
	for i, a := range of.Args {
		args[i] = a
		if array, ok := a.([]any); ok && db.Dialect == bunkit.SQLite3 {
			args[i] = array[0] // of one row
		}
	}
	tx, err := db.Write.DB.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if err := bunkit.Query(t.Context(), tx, fmt.Sprint(how, " ", of.Text), args, row); err != nil {
		t.Fatalf("%v: %v", of, err)
	}
}
