package sqltest_test

import (
	"slices"
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
)

// A statement without an index is seen to read all, and what it writes is taken
// back.
func TestPlanOfScan(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		for _, text := range []string{
			"CREATE TABLE numbers (n integer)",
			"INSERT INTO numbers WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 100) SELECT n FROM s",
		} {
			if _, err := db.Write.DB.ExecContext(t.Context(), text); err != nil {
				t.Fatal(err)
			}
		}
		st := sqltest.Statement{Name: "delete", Text: db.Dialect.Bind("DELETE FROM numbers WHERE n = $1"), Args: []any{7}}
		if db.Dialect == bunkit.SQLite3 {
			if plan := sqltest.SQLitePlan(t, db, st); !slices.Contains(plan, sqltest.PlanLine{Text: "SCAN numbers"}) {
				t.Errorf("the plan is %+v, want a scan", plan)
			}
		} else {
			if n, plan := sqltest.Looked(t, db, st, func(table string) bool { return table == "numbers" }); n != 100 {
				t.Errorf("looked at %v rows, want 100\n%s", n, plan)
			}
			if n, plan := sqltest.Looked(t, db, st, func(string) bool { return false }); n != 0 {
				t.Errorf("looked at %v rows of tables that grow, want none\n%s", n, plan)
			}
		}
		var left int
		if err := db.Read.DB.QueryRowContext(t.Context(), "SELECT count(*) FROM numbers").Scan(&left); err != nil || left != 100 {
			t.Errorf("%d rows are left, %v; want 100", left, err)
		}
	})
}
