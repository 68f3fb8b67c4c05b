package bunruns_test

import (
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
)

// An outcome that was full is not counted again soon, unless runs of the tenant are
// deleted here.
func TestFullIsRemembered(t *testing.T) {
	const limit = 1000
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		for _, r := range []*runs.Run{
			{ID: "ended", Status: runs.StatusCompleted, Outcome: runs.OutcomeSucceeded},
			{ID: "waits", Status: runs.StatusQueued},
		} {
			r.Tenant, r.Type, r.Initiator = "t", typeA, runs.User("dana", "")
			if _, _, err := s.Insert(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		multiply(t, db, "operation_runs", limit, map[string]string{"id": "id || '-' || n"})
		count := func(s runs.Counter) (succeeded, queued int) {
			t.Helper()
			tally, err := s.Count(t.Context(), runs.Query{Tenant: "t"}, limit)
			if err != nil {
				t.Fatal(err)
			}
			return tally.Outcome[runs.OutcomeSucceeded], tally.Status[runs.StatusQueued]
		}
		want := func(s runs.Counter, succeeded, queued int, when string) {
			t.Helper()
			if n, q := count(s); n != succeeded || q != queued {
				t.Errorf("%s there are %d succeeded and %d queued, want %d and %d", when, n, q, succeeded, queued)
			}
		}
		want(s, limit, limit, "at first")
		execute(t, db, "DELETE FROM operation_runs")
		want(s, limit, 0, "after another process has deleted them")
		want(open(t, db), 0, 0, "for a process that has not counted")
		if _, err := s.Delete(t.Context(), []runs.Ref{{Tenant: "t", ID: "there is none", Type: typeA}}); err != nil {
			t.Fatal(err)
		}
		want(s, 0, 0, "after a deletion here")
	})
}
