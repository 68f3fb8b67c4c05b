//go:build unix

package crashtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
	"github.com/tenantatlas/tenantatlas/runs/pondruns"
)

// A Setup makes the parts of a process that are under test.
type Setup struct {
	// Dispatcher returns the process's dispatcher, which must be a
	// [runs.Worker], too, with that many workers. What has to be closed it
	// leaves to t. If nil, it is that of package pondruns.
	Dispatcher func(t testing.TB, db sqltest.DB, workers int) runs.Dispatcher
}

func (s Setup) dispatcher(t testing.TB, db sqltest.DB, workers int) runs.Dispatcher {
	if s.Dispatcher != nil {
		return s.Dispatcher(t, db, workers)
	}
	return pondruns.New(pondruns.Config{Workers: workers})
}

// Tuned are the short times that make a crash known within a second or two.
func Tuned() runs.Config {
	return runs.Config{
		Lease:     time.Second,
		Heartbeat: 200 * time.Millisecond,
		Margin:    300 * time.Millisecond,
		Progress:  50 * time.Millisecond,
		Sweep:     100 * time.Millisecond,
		Ring:      200 * time.Millisecond,
		Grace:     500 * time.Millisecond,
	}
}

// Long reports whether the long versions of tests are wanted.
func Long() bool { return os.Getenv("TENANTATLAS_LONG") == "1" }

// Kills is ci, or forty times as many if the long versions of tests are wanted.
func Kills(ci int) int {
	if Long() {
		return 40 * ci
	}
	return ci
}

// Open returns the store in db.
func Open(t testing.TB, db sqltest.DB) *bunruns.Store {
	t.Helper()
	s, err := bunruns.New(db.DB)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// prepare makes the tables of a crash test: those of the store, and an inbox
// in which no run has two entries.
func prepare(t *testing.T, db sqltest.DB) *bunruns.Store {
	t.Helper()
	s := Open(t, db)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	const inbox = "CREATE TABLE crash_inbox (run TEXT PRIMARY KEY, outcomes TEXT NOT NULL, told INTEGER NOT NULL)"
	if _, err := db.Write.DB.ExecContext(t.Context(), inbox); err != nil {
		t.Fatal(err)
	}
	return s
}

// inbox is an [runs.Observer] that keeps one notification of each run's end,
// however often it is told, and what it was told.
type inbox struct {
	db     sqltest.DB
	points *points
}

func (i *inbox) Observe(ctx context.Context, r *runs.Run) error {
	if !r.Ended() {
		return nil
	}
	i.points.pass("observe.before")
	const keep = "INSERT INTO crash_inbox (run, outcomes, told) VALUES ($1, $2, 1)" +
		" ON CONFLICT (run) DO UPDATE SET told = crash_inbox.told + 1, outcomes = crash_inbox.outcomes || ' ' || excluded.outcomes"
	_, err := i.db.Write.DB.ExecContext(ctx, i.db.Dialect.Bind(keep), r.ID, string(r.Outcome))
	i.points.pass("observe.after")
	return err
}

// notes returns what the inbox was told, by run.
func notes(ctx context.Context, db sqltest.DB) (told map[string][]string, err error) {
	rows, err := db.Read.DB.QueryContext(ctx, "SELECT run, outcomes, told FROM crash_inbox")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	told = map[string][]string{}
	for rows.Next() {
		var run, outcomes string
		var n int
		if err := rows.Scan(&run, &outcomes, &n); err != nil {
			return nil, err
		}
		told[run] = strings.Fields(outcomes)
		if len(told[run]) != n {
			return nil, fmt.Errorf("inbox of %s: %d outcomes in %d tellings", run, len(told[run]), n)
		}
	}
	return told, rows.Err()
}

// twice returns the keys that more than one active run has.
func twice(ctx context.Context, db sqltest.DB) (keys []string, err error) {
	const query = "SELECT key FROM operation_runs WHERE key <> '' AND status <> 'completed' GROUP BY tenant, key HAVING count(*) > 1"
	return texts(ctx, db.Read.DB, query)
}

func texts(ctx context.Context, db *sql.DB, query string, args ...any) (found []string, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		found = append(found, text)
	}
	return found, rows.Err()
}
