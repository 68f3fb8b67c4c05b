package bunrestore_test

import (
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
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
			checkPlans(t, db, 170, all)
			checkPlans(t, db, 5000, s.Drops(tenant, set)) // what belongs to 1,100 items
		}
		check() // a tenant's first backup is when there are no statistics
		if _, err := db.Write.DB.ExecContext(t.Context(), "ANALYZE"); err != nil {
			t.Fatal(err)
		}
		check()
	})
}

func checkPlans(t *testing.T, db sqltest.DB, most float64, statements []sqltest.Statement) {
	t.Helper()
	for _, st := range statements {
		if db.Dialect == bunkit.SQLite3 {
			checkSQLite(t, db, st)
		} else {
			sqltest.CheckLooked(t, db, st, most, func(string) bool { return true })
		}
	}
}

// checkSQLite fails the test if a table is read from its beginning to its end,
// or sorted.
func checkSQLite(t *testing.T, db sqltest.DB, st sqltest.Statement) {
	t.Helper()
	plan := sqltest.SQLitePlan(t, db, st)
	for _, l := range plan {
		if strings.HasPrefix(l.Text, "SCAN backup_") || strings.HasPrefix(l.Text, "SCAN restore_") || strings.HasPrefix(l.Text, "USE TEMP B-TREE FOR") {
			t.Errorf("%v\n%s\nall: %+v", st, l.Text, plan)
		}
	}
}
