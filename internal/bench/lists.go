package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
)

// How many runs are listed and counted from, and how slow the slowest of a
// hundred calls may be.
const (
	postgresRuns = 10_000_000
	sqliteRuns   = 2_000_000
	listTarget   = 5 * time.Millisecond
	counted      = 10_000 // how far is counted

	// smallMeasured is how many of the small tenants are looked at in turn, so
	// that what they have fits into the server's memory.
	smallMeasured = 10
)

// A filtered is a query with a name.
type filtered struct {
	name string
	q    runs.Query
}

// filters are the queries that are measured: none, and one filter each, with
// what is frequent and what is rare.
func filters(now time.Time) []filtered {
	status := func(s ...runs.Status) runs.Query { return runs.Query{Statuses: s} }
	outcome := func(o runs.Outcome) runs.Query { return runs.Query{Outcomes: []runs.Outcome{o}} }
	typ := func(t runs.Type) runs.Query { return runs.Query{Types: []runs.Type{t}} }
	return []filtered{
		{"no filter", runs.Query{}},
		{"type, half of the runs", typ("inventory.sync")},
		{"type, 1 in 10,000", typ("restore.preview")},
		{"status queued", status(runs.StatusQueued)},
		{"status completed", status(runs.StatusCompleted)},
		{"outcome succeeded", outcome(runs.OutcomeSucceeded)},
		{"outcome failed, 1 in 50", outcome(runs.OutcomeFailed)},
		{"outcome blocked, 1 in 2,000", outcome(runs.OutcomeBlocked)},
		{"initiator, 4 of 5", runs.Query{Initiator: runs.Schedule("nightly", "")}},
		{"initiator, 1 in 250", runs.Query{Initiator: runs.User("user-7", "")}},
		{"target, 1 in 1,000", runs.Query{Target: runs.Target{Kind: "backup_set", ID: "set-7"}}},
		{"time, the last day", runs.Query{From: now.AddDate(0, 0, -1)}},
		{"time, a day 45 days ago", runs.Query{From: now.AddDate(0, 0, -45), To: now.AddDate(0, 0, -44)}},
	}
}

// lists measures pages of 50 runs and counts up to 10,000 in tables of millions
// of runs.
func (b *bench) lists(ctx context.Context) error {
	more := *b
	more.calls *= 4 // the slowest five of 500 say more of the machine than of a list
	b = &more
	return b.filled(ctx, postgresRuns, sqliteRuns, 10, func(ctx context.Context, s *subject) error {
		fmt.Fprintln(b.out, "p50 / p99 in ms of", b.calls, "calls")
		fmt.Fprintf(b.out, "| %s, %d runs, 1 in 10 of one tenant | first page | far page | count | first page, small tenants | count, small tenants |\n|---|---|---|---|---|---|\n", s.name, s.runs)
		all := filters(s.now)
		var calls []func(n int) error
		for _, f := range all {
			of, err := s.callsOf(ctx, f.q)
			if err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
			calls = append(calls, of...)
		}
		took, err := inTurn(b.calls, calls)
		if err != nil {
			return err
		}
		for i, f := range all {
			each := len(took) / len(all)
			cells := []string{f.name}
			for _, t := range took[i*each : (i+1)*each] {
				cells = append(cells, percentiles(t, 99, listTarget))
			}
			fmt.Fprintln(b.out, "| "+strings.Join(cells, " | ")+" |")
		}
		return nil
	})
}

// callsOf returns what is measured of a query, in the order of the columns.
func (s *subject) callsOf(ctx context.Context, q runs.Query) ([]func(n int) error, error) {
	large := q
	large.Tenant = largeTenant
	far, err := farCursors(ctx, s.store, large)
	if err != nil {
		return nil, err
	}
	list := func(query func(n int) runs.Query) func(n int) error {
		return func(n int) error {
			_, err := s.store.List(ctx, query(n))
			return err
		}
	}
	count := func(query func(n int) runs.Query) func(n int) error {
		return func(n int) error {
			_, err := s.store.Count(ctx, query(n), counted)
			return err
		}
	}
	whole := func(int) runs.Query { return large }
	small := func(n int) runs.Query {
		q := q
		q.Tenant = fmt.Sprint("tenant-", 1+n%smallMeasured)
		return q
	}
	beyond := func(n int) runs.Query {
		q := large
		q.After = far[n%len(far)]
		return q
	}
	return []func(n int) error{list(whole), list(beyond), count(whole), list(small), count(small)}, nil
}

// farCursors pages through up to 20,000 runs and returns the cursors of the
// farther half; of a list that has one page only, the first.
func farCursors(ctx context.Context, s *bunruns.Store, q runs.Query) ([]runs.Cursor, error) {
	all := []runs.Cursor{""}
	for q.Limit = runs.MaxLimit; len(all) < 100; {
		page, err := s.List(ctx, q)
		if err != nil {
			return nil, err
		}
		if q.After = page.Next; q.After == "" {
			break
		}
		all = append(all, q.After)
	}
	return all[len(all)/2:], nil
}

// inTurn returns how long n of each of the calls take, which are made in turn, so
// that a moment in which the machine does something else is not all one call's. The
// first ones are not among them.
func inTurn(n int, calls []func(n int) error) ([][]time.Duration, error) {
	took := make([][]time.Duration, len(calls))
	for i := range smallMeasured + n {
		for k, do := range calls {
			begun := time.Now()
			if err := do(i); err != nil {
				return nil, err
			}
			if i >= smallMeasured {
				took[k] = append(took[k], time.Since(begun))
			}
		}
	}
	return took, nil
}

// A subject is a store with many runs.
type subject struct {
	name  string
	runs  int
	share int       // one in how many is of the large tenant
	now   time.Time // when the newest was created
	store *bunruns.Store
}

// filled calls measure with each database, filled, one after the other. One run
// in share is the large tenant's.
func (b *bench) filled(ctx context.Context, inPostgres, inSQLite, share int, measure func(ctx context.Context, s *subject) error) error {
	return errors.Join(b.filledPostgres(ctx, inPostgres, share, measure), b.filledSQLite(ctx, inSQLite, share, measure))
}

func (b *bench) filledPostgres(ctx context.Context, n, share int, measure func(ctx context.Context, s *subject) error) (err error) {
	cluster, err := sqltest.StartCluster(ctx, "max_wal_size=4GB", "shared_buffers=2GB")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	pool, err := open(cluster.URL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	return b.fillAnd(ctx, bunkit.Postgres(pool), &subject{name: "PostgreSQL", runs: n / b.shrink, share: share}, measure)
}

func (b *bench) filledSQLite(ctx context.Context, n, share int, measure func(ctx context.Context, s *subject) error) (err error) {
	dir, err := os.MkdirTemp("", "tenantatlas-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	writeName, readName := bunkit.SQLiteDSN(filepath.Join(dir, "lists.db"))
	write, err := sql.Open("sqlite", writeName)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, write.Close()) }()
	read, err := sql.Open("sqlite", readName)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, read.Close()) }()
	return b.fillAnd(ctx, bunkit.SQLite(write, read), &subject{name: "SQLite", runs: n / b.shrink, share: share}, measure)
}

func (b *bench) fillAnd(ctx context.Context, db bunkit.DB, s *subject, measure func(ctx context.Context, s *subject) error) error {
	db, d, err := db.Check()
	if err != nil {
		return err
	}
	if s.store, err = bunruns.New(db); err != nil {
		return err
	}
	if err := s.store.Migrate(ctx); err != nil {
		return err
	}
	s.now = time.Now().Truncate(time.Millisecond)
	if err := fill(ctx, db, d, s.runs, s.share, s.now.UnixMilli()); err != nil {
		return fmt.Errorf("fill %s: %w", s.name, err)
	}
	fmt.Fprintf(os.Stderr, "bench: %s filled with %d runs in %.0f s\n", s.name, s.runs, time.Since(s.now).Seconds())
	return b.quietly(ctx, s, measure)
}
