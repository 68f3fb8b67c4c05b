package bunnotify_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/notify/bunnotify"
	"github.com/tenantatlas/tenantatlas/runs"
)

var morning = time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)

// ended returns a notification that a run of dana's has ended.
func ended(n int) notify.Notification {
	return notify.Of(&runs.Run{
		Tenant: "acme", ID: fmt.Sprintf("r%05d", n), Type: runs.Type(fmt.Sprint("type.n", n%3)),
		Status: runs.StatusCompleted, Outcome: runs.OutcomeSucceeded,
		Initiator: runs.User("dana", "Dana"), CompletedAt: morning.Add(time.Duration(n) * time.Second),
	})
}

// Among thousands of notifications and deliveries, each statement finds its
// rows in an index, in their order, and looks at few others.
func TestPlans(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		s := open(t, db)
		const many = 2000
		var all []notify.Delivery
		for i := range many {
			if err := s.Put(t.Context(), ended(i)); err != nil {
				t.Fatal(err)
			}
			d := notify.Delivery{
				Channel: "hook", Notification: ended(i), State: notify.DeliveryPending,
				CreatedAt: ended(i).At, NextAt: ended(i).At,
			}
			if i%2 == 0 {
				d.State, d.SettledAt = notify.DeliveryDelivered, d.CreatedAt
			}
			all = append(all, d)
		}
		if err := s.Add(t.Context(), all...); err != nil {
			t.Fatal(err)
		}
		statements, err := s.Statements(ended(many/2), all[many/2])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Write.Exec("ANALYZE"); err != nil {
			t.Fatal(err)
		}
		for _, st := range statements {
			if db.Dialect == bunkit.SQLite3 {
				checkSQLitePlan(t, s, st)
			} else {
				checkPostgresPlan(t, s, st)
			}
		}
	})
}

// checkSQLitePlan fails the test if a table is read from its beginning to its
// end, or a list sorted.
func checkSQLitePlan(t *testing.T, s *bunnotify.Store, st bunnotify.Statement) {
	t.Helper()
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
	byID := strings.Contains(st.Text, "json_each")
	for _, line := range plan {
		if strings.HasPrefix(line, "SCAN notify_") && !strings.Contains(line, "notify_outbox_log") ||
			strings.Contains(line, "TEMP B-TREE FOR ORDER") && !byID {
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

// looked returns how many rows of the tables were looked at.
func (n node) looked() float64 {
	var sum float64
	if strings.HasPrefix(n.Relation, "notify_") && strings.HasSuffix(n.Type, "Scan") {
		sum = (n.Rows + n.Removed) * n.Loops
	}
	for _, p := range n.Plans {
		sum += p.looked()
	}
	return sum
}

// checkPostgresPlan fails the test if more rows are looked at than twice those
// that a page has: once to choose them and once to change them.
func checkPostgresPlan(t *testing.T, s *bunnotify.Store, st bunnotify.Statement) {
	t.Helper()
	const most = 2 * 100
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
