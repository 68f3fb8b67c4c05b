//go:build unix

package crashtest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/crashtest"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
)

// TestDamagedRow: a run in whose row somebody has put something that is no JSON
// ends, and is in nobody's way.
func TestDamagedRow(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		t.Parallel()
		s := crashtest.Open(t, db)
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		columns := []string{"params", "context", "failures", "extra", "id"} // the last one is not damaged
		var refs []runs.Ref
		for _, status := range []runs.Status{runs.StatusQueued, runs.StatusRunning, runs.StatusCompleted} {
			for _, column := range columns {
				r := &runs.Run{
					Tenant: "acme", ID: column + " of " + string(status), Type: trouble, Status: status,
					Initiator: runs.User("dana", ""), Params: []byte(`{"n":1}`), CreatedAt: time.Now(),
				}
				if status == runs.StatusCompleted {
					r.Outcome = runs.OutcomeSucceeded
				}
				if _, _, err := s.Insert(t.Context(), r); err != nil {
					t.Fatal(err)
				}
				refs = append(refs, r.Ref())
				if column == "id" {
					continue
				}
				damage := fmt.Sprintf(`UPDATE operation_runs SET %s = '{"n":' WHERE id = $1`, column)
				if _, err := db.Write.DB.ExecContext(t.Context(), db.Dialect.Bind(damage), r.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		tracker, _ := track(t, s, nil, func(context.Context, *runs.Exec, input) error { return nil })
		for _, ref := range refs {
			eventually(t, "announcement of "+ref.ID, func() bool { return get(t, s, ref).Announced })
			want := runs.Reason("")
			if ref.ID == "params of queued" || ref.ID == "params of running" {
				want = runs.ReasonInvalidInput
			}
			r := get(t, s, ref)
			if r.Failure.Reason != want || want == "" && r.Outcome != runs.OutcomeSucceeded {
				t.Errorf("%s ended as %s because of %q, want %q", r.ID, r.Outcome, r.Failure.Reason, want)
			}
		}
		if page, err := tracker.List(t.Context(), runs.Query{Tenant: "acme"}); err != nil || len(page.Runs) != len(refs) {
			t.Errorf("list: %d runs, %v; want %d", len(page.Runs), err, len(refs))
		}
	})
}
