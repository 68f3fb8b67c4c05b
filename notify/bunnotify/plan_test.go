package bunnotify_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/notify"
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
				checkSQLitePlan(t, db, st)
			} else {
				// Twice those that a page has: once to choose them and once to
				// change them.
				sqltest.CheckLooked(t, db, st, 2*100, func(table string) bool { return strings.HasPrefix(table, "notify_") })
			}
		}
	})
}

// checkSQLitePlan fails the test if a table is read from its beginning to its
// end, or a list sorted.
func checkSQLitePlan(t *testing.T, db sqltest.DB, st sqltest.Statement) {
	t.Helper()
	plan := sqltest.SQLitePlan(t, db, st)
	byID := strings.Contains(st.Text, "json_each")
	for _, l := range plan {
		if strings.HasPrefix(l.Text, "SCAN notify_") && !strings.Contains(l.Text, "notify_outbox_log") ||
			strings.Contains(l.Text, "TEMP B-TREE FOR ORDER") && !byID {
			t.Errorf("%v\n%s\nall: %+v", st, l.Text, plan)
		}
	}
}
