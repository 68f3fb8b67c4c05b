package bunruns_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
)

// However many runs have ended, they are counted up to the limit, exactly. From
// where a sample suffices, PostgreSQL counts nothing else.
func TestCountBySample(t *testing.T) {
	const limit, most = 1000, 4000
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		counted, counter := sqltest.Count(t, db.DSN)
		s := open(t, counted)
		sizes := []int{1, 900, 998, 999, 1000, 1001, 1100, 1500, 2000, 2100, 2200, 2500, most}
		for _, n := range sizes {
			r := &runs.Run{
				Tenant: fmt.Sprintf("t%d", n), ID: fmt.Sprintf("run-%d", n), Type: typeA, Status: runs.StatusCompleted, Outcome: runs.OutcomeFailed, Initiator: runs.User("dana", ""),
			}
			if _, _, err := s.Insert(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		multiply(t, db, "operation_runs", most, map[string]string{"id": "id || '-' || n", "total": "n"})
		execute(t, db, "DELETE FROM operation_runs WHERE total >= CAST(substr(tenant, 2) AS INTEGER)")
		analyze(t, db)
		for _, n := range sizes {
			q := runs.Query{Tenant: fmt.Sprintf("t%d", n), Outcomes: []runs.Outcome{runs.OutcomeFailed}}
			counter.Take()
			tally, err := s.Count(t.Context(), q, limit)
			if err != nil {
				t.Fatal(err)
			}
			want := min(n, limit)
			if tally.Outcome[runs.OutcomeFailed] != want || tally.Status[runs.StatusCompleted] != want || tally.Capped != (n >= limit) {
				t.Errorf("%d are counted as %+v, want %d, capped: %t", n, tally, want, n >= limit)
			}
			if db.Dialect != bunkit.PostgreSQL || n > limit && n < most {
				continue // chance decides
			}
			plan := lines(t, db.Read.DB, "EXPLAIN (ANALYZE) "+counter.Take()[0], q.Tenant, q.Tenant)
			if strings.Contains(plan, "(never executed)") != (n == most) {
				t.Errorf("%d are counted like this:\n%s", n, plan)
			}
		}
	})
}
