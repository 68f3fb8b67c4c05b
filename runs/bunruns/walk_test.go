package bunruns_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
)

// TestSparse lists and counts a few runs that no index finds among many.
func TestSparse(t *testing.T) {
	const many, every = 12_000, 700
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		insert(t, s, &runs.Run{
			Tenant: "acme", ID: "0", Type: typeA, Initiator: runs.User("dana", ""),
			Status: runs.StatusCompleted, Outcome: runs.OutcomeSucceeded, Announced: true,
		})
		multiply(t, db, "operation_runs", many, map[string]string{
			"id":   padded,
			"type": "CASE n % 3 WHEN 0 THEN 'test.b' ELSE type END",
			// Frank's are the last run of a page and the one behind it.
			"initiator_id": fmt.Sprintf("CASE WHEN n %% %d = 0 THEN 'erin' WHEN n IN (10400, 10401) THEN 'frank' ELSE initiator_id END", every),
		})
		var all, ofB []string
		for n := many / every * every; n > 0; n -= every {
			all = append(all, fmt.Sprintf("%06d", n))
			if n%3 == 0 {
				ofB = append(ofB, fmt.Sprintf("%06d", n))
			}
		}
		for _, c := range []struct {
			q     runs.Query
			want  []string
			pages int // at 800 runs each, or 400 of each type
		}{
			{runs.Query{Initiator: runs.User("erin", "")}, all, 16},
			{runs.Query{Initiator: runs.User("erin", ""), Types: []runs.Type{typeA, typeB}}, all, 21},
			{runs.Query{Initiator: runs.User("erin", ""), Types: []runs.Type{typeB}}, ofB, 6},
			{runs.Query{Initiator: runs.User("erin", ""), Statuses: []runs.Status{runs.StatusCompleted}, Limit: 1}, all, 0},
			{runs.Query{Initiator: runs.User("frank", "")}, []string{"010401", "010400"}, 16},
			{runs.Query{Initiator: runs.User("nobody", "")}, nil, 16},
		} {
			c.q.Tenant = "acme"
			var got []string
			pages := 0
			for more := true; more; more = c.q.After != "" {
				page, err := s.List(t.Context(), c.q)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range page.Runs {
					got = append(got, r.ID)
				}
				pages++
				c.q.After = page.Next
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("list %+v (-want +got):\n%s", c.q, diff)
			}
			if c.pages > 0 && pages != c.pages {
				t.Errorf("list %+v: %d pages, want %d", c.q, pages, c.pages)
			}
		}
		for _, c := range []struct {
			q      runs.Query
			limit  int
			want   int
			capped bool
		}{
			{q: runs.Query{}, limit: 20_000, want: many + 1},
			{q: runs.Query{}, limit: many, want: many, capped: true},
			{q: runs.Query{Types: []runs.Type{typeB}}, limit: 9000, want: 800, capped: true},
			{q: runs.Query{Initiator: runs.User("erin", "")}, limit: 9000, want: 1, capped: true}, // of the 800 newest
			{q: runs.Query{Initiator: runs.User("erin", "")}, limit: 1, want: 1, capped: true},
			{q: runs.Query{Types: []runs.Type{typeB}, Initiator: runs.User("erin", "")}, limit: 9000, want: 1, capped: true}, // of 2,400
			{q: runs.Query{IDs: []string{"000700", "012001"}, Initiator: runs.User("erin", "")}, limit: 9000, want: 1},
		} {
			c.q.Tenant = "acme"
			want := runs.Tally{
				Status:  map[runs.Status]int{runs.StatusCompleted: c.want},
				Outcome: map[runs.Outcome]int{runs.OutcomeSucceeded: c.want},
				Capped:  c.capped,
			}
			got, err := s.Count(t.Context(), c.q, c.limit)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("count %+v, limit %d (-want +got):\n%s", c.q, c.limit, diff)
			}
		}
	})
}

// padded is the number of a copy as an ID.
const padded = "substr('000000' || CAST(n AS text), length(CAST(n AS text)) + 1)"

// TestSparseItems lists a few items among many.
func TestSparseItems(t *testing.T) {
	const many, every = 5000, 700
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		r := insert(t, s, &runs.Run{Tenant: "acme", ID: "r1", Type: typeA, Status: runs.StatusRunning, Attempt: 1})
		item := runs.Item{Key: "0", Outcome: runs.ItemFailed, Failure: runs.Because(runs.ReasonConflict)}
		if err := s.PutItems(t.Context(), r.Ref(), 1, []runs.Item{item}); err != nil {
			t.Fatal(err)
		}
		multiply(t, db, "operation_run_items", many, map[string]string{
			"key":     padded,
			"outcome": fmt.Sprintf("CASE n %% %d WHEN 0 THEN 'succeeded' ELSE 'failed' END", every),
			// The last item of a page and the one behind it are gone.
			"reason": fmt.Sprintf("CASE WHEN n %% %d = 1 THEN '%s' WHEN n IN (2399, 2400) THEN '%s' ELSE reason END",
				every, runs.ReasonTimeout, runs.ReasonGone),
		})
		var succeeded, late []string
		for n := 0; n <= many; n += every {
			if n > 0 {
				succeeded = append(succeeded, fmt.Sprintf("%06d", n))
			}
			late = append(late, fmt.Sprintf("%06d", n+1))
		}
		for _, c := range []struct {
			q     runs.ItemQuery
			want  []string
			pages int
		}{
			{runs.ItemQuery{Outcomes: []runs.ItemOutcome{runs.ItemSucceeded}}, succeeded, 7},
			{runs.ItemQuery{Reason: runs.ReasonTimeout}, late, 7},
			{runs.ItemQuery{Reason: runs.ReasonGone}, []string{"002399", "002400"}, 7},
			{runs.ItemQuery{Reason: runs.ReasonTimeout, Outcomes: []runs.ItemOutcome{runs.ItemFailed, runs.ItemSkipped}}, late, 13}, // 400 of each
			{runs.ItemQuery{Reason: runs.ReasonTimeout, Outcomes: []runs.ItemOutcome{runs.ItemSucceeded, runs.ItemFailed}, Limit: 1}, late, 0},
		} {
			c.q.Run = r.Ref()
			var got []string
			pages := 0
			for more := true; more; more = c.q.After != "" {
				page, err := s.Items(t.Context(), c.q)
				if err != nil {
					t.Fatal(err)
				}
				for _, it := range page.Items {
					got = append(got, it.Key)
				}
				pages++
				c.q.After = page.Next
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("items %+v (-want +got):\n%s", c.q, diff)
			}
			if c.pages > 0 && pages != c.pages {
				t.Errorf("items %+v: %d pages, want %d", c.q, pages, c.pages)
			}
		}
	})
}
