package bunruns_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
)

// The types of runs in the tests.
const (
	typeA runs.Type = "test.a"
	typeB runs.Type = "test.b"
)

// TestPlans sees that no statement reads a table from one end to the other. In
// PostgreSQL it looks at the plans that are made without the arguments, which
// are those that stay.
func TestPlans(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		for _, call := range said(t, db) {
			if len(call.texts) == 0 {
				t.Errorf("%s: no statement", call.name)
			}
			for _, text := range call.texts {
				plan := explain(t, db, text)
				if !strings.Contains(plan, call.index) {
					t.Errorf("%s: not in the index %s\n%s\n%s", call.name, call.index, text, plan)
				}
				if scan := fullScan(db.Dialect, plan); scan != "" {
					t.Errorf("%s: %s\n%s\n%s", call.name, scan, text, plan)
				}
				// PostgreSQL compiles what it takes for expensive, which
				// takes a second.
				if cost := costOf(t, plan); cost > maxCost {
					t.Errorf("%s: it costs %v, want %d at most\n%s\n%s", call.name, cost, maxCost, text, plan)
				}
			}
		}
	})
}

// TestPositions sees that PostgreSQL finds out in an index alone how far a list
// or a count goes, whatever it thinks of how many rows there are: a stretch of
// one may be as long as the table.
func TestPositions(t *testing.T) {
	db := sqltest.Postgres(t)
	for _, call := range said(t, db) {
		if !call.reads() {
			continue
		}
		bounded := false // by what the statement before has found
		for _, text := range call.texts {
			plan := explain(t, db, text)
			if positions := strings.Contains(plan, "Index Only Scan"); !positions && !bounded {
				t.Errorf("%s: not in an index alone\n%s\n%s", call.name, text, plan)
			} else {
				bounded = positions
			}
		}
	}
}

// TestOthersAreNotRead sees that PostgreSQL cannot look for a tenant's runs among
// those of all tenants, by the primary key. It would, if a tenant has a few in a
// hundred of them, and read ten times as much and more.
func TestOthersAreNotRead(t *testing.T) {
	db := sqltest.Postgres(t)
	texts := map[string]bool{}
	for _, call := range said(t, db) {
		for _, text := range call.texts {
			texts[text] = texts[text] || call.reads()
		}
	}
	for index := range queries() {
		if index != "" {
			execute(t, db, "DROP INDEX "+index)
		}
	}
	for text, reads := range texts {
		if !reads {
			continue
		}
		plan := explain(t, db, text)
		// What was found before is read by its IDs.
		if strings.Contains(plan, "operation_runs_pkey") && !strings.Contains(plan, "Index Cond: (id = ANY") {
			t.Errorf("without its index it goes along the primary key:\n%s\n%s", text, plan)
		}
	}
	if plan := explain(t, db, "SELECT id FROM operation_runs WHERE tenant = 't3' ORDER BY id DESC LIMIT 50"); !strings.Contains(plan, "operation_runs_pkey") {
		t.Errorf("a plan that goes along the primary key does not:\n%s", plan)
	}
}

// fullScan returns the line of a plan that reads a whole table, or nothing.
func fullScan(d bunkit.Dialect, plan string) string {
	bad := regexp.MustCompile(`Seq Scan on operation_run`)
	if d == bunkit.SQLite3 {
		bad = regexp.MustCompile(`SCAN (operation_run|r\b|i\b|other\b)`)
	}
	for line := range strings.Lines(plan) {
		if bad.MatchString(line) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

func TestFullScan(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		fill(t, db)
		for _, text := range []string{"SELECT * FROM operation_runs WHERE params = 'a'", "SELECT * FROM operation_run_items AS r WHERE message = 'a'"} {
			if plan := explain(t, db, text); fullScan(db.Dialect, plan) == "" {
				t.Errorf("%s: the scan in this plan was not seen:\n%s", text, plan)
			}
		}
	})
}

// maxCost is a twentieth of what PostgreSQL takes for expensive.
const maxCost = 5000

// costOf returns the estimate in the first line of a plan, if it has one.
func costOf(t *testing.T, plan string) float64 {
	t.Helper()
	found := regexp.MustCompile(`cost=[\d.]+\.\.([\d.]+) `).FindStringSubmatch(plan)
	if found == nil {
		return 0
	}
	cost, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return cost
}

type call struct {
	index string // where its statements have to look; empty for any
	name  string
	do    func(ctx context.Context, s *bunruns.Store) error
}

// A called is a call with the statements that it has sent.
type called struct {
	call
	texts []string
}

// said fills db, makes all calls, and returns them with what they have sent.
func said(t *testing.T, db sqltest.DB) (all []called) {
	t.Helper()
	fill(t, db)
	counted, counter := sqltest.Count(t, db.DSN)
	s := open(t, counted)
	for _, call := range calls(db.Dialect) {
		counter.Take()
		if err := call.do(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", call.name, err)
		}
		all = append(all, called{call, counter.Take()})
	}
	return all
}

// reads reports whether c lists or counts what it finds along an index.
func (c call) reads() bool {
	verb, _, _ := strings.Cut(c.name, " ")
	return (verb == "list" || verb == "count" || verb == "items") && !strings.Contains(c.name, "IDs:[r")
}

// calls are all calls of a store, so that there is each statement among them.
func calls(d bunkit.Dialect) []call {
	all := writes()
	for index, queries := range map[string][]runs.DueQuery{
		"operation_runs_ready":       {{Claimable: true}},
		"operation_runs_parked":      {{Claimable: true}},
		"operation_runs_ring":        {{}, {Status: runs.StatusQueued}},
		"operation_runs_running":     {{}, {Status: runs.StatusRunning}},
		"operation_runs_instance":    {{Instance: "worker 1", Incarnation: "new"}},
		"operation_runs_unannounced": {{Limit: 100}, {Status: runs.StatusCompleted}},
	} {
		for _, q := range queries {
			q.Types = []runs.Type{typeA, typeB}
			all = append(all, call{index, fmt.Sprintf("due %+v", q), func(ctx context.Context, s *bunruns.Store) error {
				_, err := s.Due(ctx, q)
				return err
			}})
		}
	}
	all = append(all, prunes()...)
	for index, queries := range queries() {
		for i, q := range queries {
			q.Tenant = "t3"
			all = append(all, call{index, fmt.Sprintf("list %+v", q), func(ctx context.Context, s *bunruns.Store) error {
				page, err := s.List(ctx, q)
				if err != nil || page.Next == "" {
					return err
				}
				q.After = page.Next
				_, err = s.List(ctx, q)
				return err
			}})
			counted := index
			if index == "operation_runs_list" && i < 2 {
				counted = "operation_runs_outcome" // all are counted by how they ended
			}
			all = append(all, call{counted, fmt.Sprintf("count %+v", q), func(ctx context.Context, s *bunruns.Store) error {
				_, err := s.Count(ctx, q, 100)
				return err
			}})
		}
	}
	sampled := "operation_runs_outcome" // SQLite takes no sample
	if d == bunkit.PostgreSQL {
		sampled = "operation_runs_sample"
	}
	all = append(all, call{sampled, "count far", func(ctx context.Context, s *bunruns.Store) error {
		_, err := s.Count(ctx, runs.Query{Tenant: "t3"}, 10_000)
		return err
	}})
	for index, queries := range map[string][]runs.ItemQuery{
		"operation_run_items": {
			{},
			{Outcomes: []runs.ItemOutcome{runs.ItemSucceeded, runs.ItemSkipped}},
			{Reason: runs.ReasonConflict},
		},
		"operation_run_items_outcome": {
			{Outcomes: []runs.ItemOutcome{runs.ItemFailed}},
			{Outcomes: []runs.ItemOutcome{runs.ItemFailed, runs.ItemSkipped}, Reason: runs.ReasonConflict},
		},
	} {
		for _, q := range queries {
			q.Run, q.Limit = runs.Ref{Tenant: "t3", ID: "r27-3"}, 1
			all = append(all, call{index, fmt.Sprintf("items %+v", q), func(ctx context.Context, s *bunruns.Store) error {
				page, err := s.Items(ctx, q)
				if err == nil && page.Next == "" && len(page.Items) == 0 {
					err = errors.New("no items")
				}
				if err != nil || page.Next == "" {
					return err
				}
				q.After = page.Next
				_, err = s.Items(ctx, q)
				return err
			}})
		}
	}
	return all
}

// writes are the calls that write, those that come to nothing, and Get.
func writes() []call {
	queued := &runs.Run{Tenant: "t1", ID: "new", Type: typeA, Status: runs.StatusQueued, Key: "new", Lane: "new"}
	running := queued.Clone()
	running.Status, running.Attempt, running.Revision = runs.StatusRunning, 1, 1
	items := []runs.Item{{Key: "a", Outcome: runs.ItemSucceeded}}
	return []call{
		{"", "get", func(ctx context.Context, s *bunruns.Store) error {
			_, err := s.Get(ctx, runs.Ref{Tenant: "t3", ID: "r7-3"})
			return err
		}},
		{"", "insert, new", func(ctx context.Context, s *bunruns.Store) error {
			_, _, err := s.Insert(ctx, queued)
			return err
		}},
		{"operation_runs_once", "insert, joined", func(ctx context.Context, s *bunruns.Store) error {
			_, _, err := s.Insert(ctx, &runs.Run{Tenant: "t1", ID: "new2", Type: typeA, Status: runs.StatusQueued, Key: "new", Once: "once"})
			return err
		}},
		{"", "insert, taken", func(ctx context.Context, s *bunruns.Store) error {
			_, _, err := s.Insert(ctx, &runs.Run{Tenant: "t2", ID: "new", Type: typeA, Status: runs.StatusQueued})
			return want(err, runs.ErrExists)
		}},
		{"", "update", func(ctx context.Context, s *bunruns.Store) error { _, err := s.Update(ctx, running); return err }},
		{"", "inserts together", func(ctx context.Context, s *bunruns.Store) error {
			return atOnce(100, func(i int) error {
				_, _, err := s.Insert(ctx, &runs.Run{Tenant: "t1", ID: fmt.Sprint("many ", i), Type: typeA, Status: runs.StatusQueued, Key: runs.Key(fmt.Sprint("many ", i))})
				return err
			})
		}},
		{"", "updates together", func(ctx context.Context, s *bunruns.Store) error {
			return atOnce(100, func(i int) error {
				_, err := s.Update(ctx, &runs.Run{Tenant: "t1", ID: fmt.Sprint("many ", i), Type: typeA, Status: runs.StatusRunning, Attempt: 1, Revision: 1})
				return err
			})
		}},
		{"", "update, stale", func(ctx context.Context, s *bunruns.Store) error {
			_, err := s.Update(ctx, running)
			return want(err, runs.ErrConflict)
		}},
		{"", "put items", func(ctx context.Context, s *bunruns.Store) error { return s.PutItems(ctx, running.Ref(), 1, items) }},
		{"", "put items, conflict", func(ctx context.Context, s *bunruns.Store) error {
			return want(s.PutItems(ctx, running.Ref(), 99, items), runs.ErrConflict)
		}},
	}
}

// prunes are the calls that find what may be deleted, and delete it.
func prunes() []call {
	return []call{
		{"operation_runs_over", "ended", func(ctx context.Context, s *bunruns.Store) error {
			page, err := s.Ended(ctx, time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), runs.EndedRun{}, 100)
			if err == nil && len(page) < 100 {
				err = fmt.Errorf("%d runs have ended", len(page))
			}
			if err == nil {
				_, err = s.Ended(ctx, page[99].CompletedAt.Add(time.Hour), page[99], 100)
			}
			return err
		}},
		{"", "delete", func(ctx context.Context, s *bunruns.Store) error {
			n, err := s.Delete(ctx, []runs.Ref{{Tenant: "t3", ID: "r9-3"}, {Tenant: "t3", ID: "r10-3"}})
			if err == nil && n != 2 {
				err = fmt.Errorf("deleted %d runs, want 2", n)
			}
			return err
		}},
	}
}

// atOnce calls do on n goroutines.
func atOnce(n int, do func(i int) error) error {
	errs := make([]error, n)
	together(n, func(i int) { errs[i] = do(i) })
	return errors.Join(errs...)
}

// queries ask for everything that a query can ask for, by the index that has
// it.
func queries() map[string][]runs.Query {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return map[string][]runs.Query{
		"": {{IDs: []string{"r7-3", "r8-3"}}},
		"operation_runs_list": {
			{Limit: 3},
			{Limit: 100},
			{Types: []runs.Type{"t.1", "t.2", "t.3", "t.4", "t.5", "t.6", "t.7", "t.8", "t.9", "t.10", "t.11", "t.12", "t.13"}},
			{Initiator: runs.User("dana", ""), Limit: 3},
			{Target: runs.Target{Kind: "set", ID: "7"}, Limit: 3},
			{From: at, To: at.AddDate(1, 0, 0), Limit: 3},
		},
		"operation_runs_type": {
			{Types: []runs.Type{typeA}, Limit: 3},
			{Types: []runs.Type{typeA, typeB}, Limit: 3},
			{Types: []runs.Type{typeA}, Outcomes: []runs.Outcome{runs.OutcomeSucceeded, runs.OutcomeFailed}, Limit: 3},
		},
		"operation_runs_active": {
			{Statuses: []runs.Status{runs.StatusQueued}, Limit: 3},
			{Statuses: []runs.Status{runs.StatusRunning}, Limit: 3},
			{Statuses: []runs.Status{runs.StatusQueued, runs.StatusRunning}, Limit: 3},
		},
		"operation_runs_outcome": {
			{Statuses: []runs.Status{runs.StatusCompleted}, Limit: 3},
			{Outcomes: []runs.Outcome{runs.OutcomeSucceeded}, Limit: 3},
			{Outcomes: []runs.Outcome{runs.OutcomeFailed, runs.OutcomeBlocked}, Types: []runs.Type{typeA}, Limit: 3},
		},
	}
}

func want(got, want error) error {
	if errors.Is(got, want) {
		return nil
	}
	return fmt.Errorf("error is %w, want %w", got, want)
}

// explain returns the plan for a statement.
func explain(t *testing.T, db sqltest.DB, text string) string {
	t.Helper()
	conn, err := db.Write.DB.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	n := 0
	for _, p := range regexp.MustCompile(`[$?](\d+)`).FindAllStringSubmatch(text, -1) {
		i, err := strconv.Atoi(p[1])
		if err != nil {
			t.Fatal(err)
		}
		n = max(n, i)
	}
	if db.Dialect == bunkit.SQLite3 {
		return lines(t, conn, "EXPLAIN QUERY PLAN "+text, make([]any, n)...)
	}
	lines(t, conn, "SET plan_cache_mode = force_generic_plan")
	lines(t, conn, "PREPARE explained AS "+text)
	defer lines(t, conn, "DEALLOCATE explained")
	execute := "EXPLAIN EXECUTE explained"
	if n > 0 {
		execute += "(" + strings.Join(slices.Repeat([]string{"NULL"}, n), ", ") + ")"
	}
	return lines(t, conn, execute)
}

// lines returns the last column of the result.
func lines(t *testing.T, c bunkit.Conn, text string, args ...any) string {
	t.Helper()
	rows, err := c.QueryContext(t.Context(), text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for rows.Next() {
		cells := make([]any, len(columns))
		for i := range cells {
			cells[i] = new(any)
		}
		if err := rows.Scan(cells...); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&b, *cells[len(cells)-1].(*any))
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return b.String()
}

// copies is how often fill copies what it has inserted.
const copies = 40

// fill puts some thousand runs of a few tenants into db, with items, and lets
// the database look at them.
func fill(t testing.TB, db sqltest.DB) {
	t.Helper()
	s := open(t, db)
	ctx := t.Context()
	for i := range 120 {
		r := &runs.Run{
			Tenant:    "t",
			ID:        fmt.Sprintf("r%d", i),
			Type:      []runs.Type{typeA, typeB, "test.c"}[i%3],
			Status:    runs.StatusCompleted,
			Outcome:   []runs.Outcome{runs.OutcomeSucceeded, runs.OutcomeSucceeded, runs.OutcomeSucceeded, runs.OutcomeFailed, runs.OutcomeCanceled}[i%5],
			Key:       runs.Key(fmt.Sprint("key ", i)),
			Once:      fmt.Sprint("once ", i),
			Lane:      fmt.Sprint("lane ", i),
			Initiator: runs.User([]string{"dana", "erin"}[i%2], ""),
			Target:    runs.Target{Kind: "set", ID: fmt.Sprint(i % 9)},
			Params:    []byte(`{"selection":"all"}`),
			CreatedAt: time.Date(2026, 1, 1, 0, i, 0, 0, time.UTC),
			Announced: i%40 != 0,
		}
		if i%20 == 7 {
			r.Status, r.Outcome = []runs.Status{runs.StatusQueued, runs.StatusRunning}[i/20%2], ""
		} else {
			r.CompletedAt = r.CreatedAt.Add(time.Minute)
		}
		if r.Status == runs.StatusRunning {
			r.Attempt, r.Instance, r.Incarnation = 1, fmt.Sprint("worker ", i%3), "old"
		}
		if _, _, err := s.Insert(ctx, r); err != nil {
			t.Fatal(err)
		}
		if r.Status != runs.StatusRunning {
			continue
		}
		var items []runs.Item
		for j := range 50 {
			it := runs.Item{Key: fmt.Sprint("item ", j), Outcome: runs.ItemSucceeded}
			if j%10 == 0 {
				it.Outcome, it.Failure = runs.ItemFailed, runs.Because(runs.ReasonConflict)
			}
			items = append(items, it)
		}
		if err := s.PutItems(ctx, r.Ref(), 1, items); err != nil {
			t.Fatal(err)
		}
	}
	multiply(t, db, "operation_runs", copies, map[string]string{
		"id": "id || '-' || n", "tenant": "tenant || (n % 4)", "key": "key || n", "once": "once || n", "lane": "lane || n",
	})
	multiply(t, db, "operation_run_items", copies, map[string]string{"run_id": "run_id || '-' || n", "tenant": "tenant || (n % 4)"})
	analyze(t, db)
}

// analyze does what autovacuum does at some time.
func analyze(t testing.TB, db sqltest.DB) {
	t.Helper()
	execute(t, db, map[bunkit.Dialect]string{bunkit.SQLite3: "ANALYZE", bunkit.PostgreSQL: "VACUUM ANALYZE"}[db.Dialect])
}

// multiply copies all rows of a table n times. Some columns get the value of an
// expression, in which n is the number of the copy.
func multiply(t testing.TB, db sqltest.DB, table string, n int, exprs map[string]string) {
	t.Helper()
	names := columns(t, db, table)
	var values []string
	for _, name := range names {
		values = append(values, cmp.Or(exprs[name], name))
	}
	execute(t, db, fmt.Sprintf("INSERT INTO %s (%s) WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < %d) SELECT %s FROM numbers CROSS JOIN %s",
		table, strings.Join(names, ", "), n, strings.Join(values, ", "), table))
}

// columns returns the names of the columns of a table.
func columns(t testing.TB, db sqltest.DB, table string) []string {
	t.Helper()
	rows, err := db.Read.DB.QueryContext(t.Context(), "SELECT * FROM "+table+" LIMIT 0")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err := errors.Join(err, rows.Err()); err != nil {
		t.Fatal(err)
	}
	return names
}

func execute(t testing.TB, db sqltest.DB, text string) {
	t.Helper()
	if _, err := db.Write.DB.ExecContext(t.Context(), text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}
