package bunruns_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
)

// TestStatements counts what a run costs, from its start to its end.
func TestStatements(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, plain sqltest.DB) {
		open(t, plain)
		counted, counter := sqltest.Count(t, plain.DSN)
		store, err := bunruns.New(counted.DB)
		if err != nil {
			t.Fatal(err)
		}
		w := &stepWorker{claim: make(chan runs.Claim, 1)}
		tracker := newTracker(t, unswept{store}, w)
		go func() { _ = tracker.Run(t.Context()) }()
		claim := <-w.claim

		got := map[string][]string{}
		step := func(name string) {
			for _, text := range counter.Take() {
				verb, _, _ := strings.Cut(text, " ")
				got[name] = append(got[name], verb)
			}
		}
		counter.Take()
		req := runs.Request{Tenant: "acme", Type: typeA, Initiator: runs.User("dana", "Dana")}
		started, err := tracker.Start(t.Context(), req)
		if err != nil || !started.Created {
			t.Fatalf("start: %+v, %v", started, err)
		}
		step("start, new")
		joined, err := tracker.Start(t.Context(), req)
		if err != nil || joined.Created || joined.Run.ID != started.Run.ID {
			t.Fatalf("second start: %+v, %v", joined, err)
		}
		step("start, joined")
		execute, err := claim(t.Context(), started.Run.Ref())
		if err != nil || execute == nil {
			t.Fatalf("claim: %v", err)
		}
		step("claim")
		execute(t.Context())
		step("finish")
		stored, err := store.Get(t.Context(), started.Run.Ref())
		if err != nil || stored.Outcome != runs.OutcomeSucceeded {
			t.Fatalf("afterwards: %+v, %v", stored, err)
		}

		want := map[string][]string{
			"start, new":    {"WITH"}, // looks and inserts
			"start, joined": {"WITH"}, // writes nothing, as TestJoinWritesNothing shows
			"claim":         {"UPDATE"},
			"finish":        {"UPDATE"},
		}
		if plain.Dialect == bunkit.SQLite3 {
			want["start, new"] = []string{"SELECT", "INSERT"}
			want["start, joined"] = []string{"SELECT"}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("statements (-want +got):\n%s", diff)
		}
	})
}

// newTracker returns a tracker of operations that do nothing.
func newTracker(t testing.TB, store runs.Store, d runs.Dispatcher) *runs.Tracker {
	t.Helper()
	tracker, err := runs.New(runs.Config{
		Store:      store,
		Dispatcher: d,
		Operations: []runs.Operation{
			runs.Define(typeA, func(context.Context, *runs.Exec, struct{}) error { return nil }),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return tracker
}

// A stepWorker executes nothing by itself.
type stepWorker struct{ claim chan runs.Claim }

func (w *stepWorker) Dispatch(context.Context, runs.Ref) error { return nil }

func (w *stepWorker) Work(ctx context.Context, claim runs.Claim) error {
	w.claim <- claim
	<-ctx.Done()
	return nil
}

// An unswept store has nothing to look after.
type unswept struct{ runs.Store }

func (unswept) Due(context.Context, runs.DueQuery) ([]*runs.Run, error) { return nil, nil }

// A heartbeat is an update like the others; what is left are those that are
// refused.
func TestStatementsOfRefusals(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, plain sqltest.DB) {
		counted, counter := sqltest.Count(t, plain.DSN)
		s := open(t, counted)
		r := insert(t, s, &runs.Run{Tenant: "acme", ID: "r1", Type: typeA, Status: runs.StatusRunning, Attempt: 1})
		for _, call := range []struct {
			name string
			do   func() error
			want []string
		}{
			{"heartbeat", func() error {
				r.Timing.Lease = time.Minute
				_, err := s.Update(t.Context(), r)
				return err
			}, []string{"UPDATE"}},
			{"stale heartbeat", func() error {
				_, err := s.Update(t.Context(), r)
				return want(err, runs.ErrConflict)
			}, []string{"UPDATE", "SELECT"}},
			{"items", func() error {
				return s.PutItems(t.Context(), r.Ref(), 1, []runs.Item{{Key: "a", Outcome: runs.ItemSucceeded}, {Key: "b", Outcome: runs.ItemSkipped}})
			}, map[bunkit.Dialect][]string{bunkit.PostgreSQL: {"WITH"}, bunkit.SQLite3: {"INSERT"}}[plain.Dialect]},
			{"no key", func() error {
				_, _, err := s.Insert(t.Context(), &runs.Run{Tenant: "acme", ID: "r2", Type: typeA, Status: runs.StatusQueued})
				return err
			}, map[bunkit.Dialect][]string{bunkit.PostgreSQL: {"WITH"}, bunkit.SQLite3: {"INSERT"}}[plain.Dialect]},
		} {
			counter.Take()
			if err := call.do(); err != nil {
				t.Fatalf("%s: %v", call.name, err)
			}
			var got []string
			for _, text := range counter.Take() {
				verb, _, _ := strings.Cut(text, " ")
				got = append(got, verb)
			}
			if diff := cmp.Diff(call.want, got); diff != "" {
				t.Errorf("%s: statements (-want +got):\n%s", call.name, diff)
			}
		}
	})
}

func insert(t testing.TB, s runs.Store, r *runs.Run) *runs.Run {
	t.Helper()
	stored, inserted, err := s.Insert(t.Context(), r)
	if err != nil || !inserted {
		t.Fatalf("insert %s: inserted = %v, error is %v", r.ID, inserted, err)
	}
	return stored
}

// TestJoinWritesNothing has PostgreSQL say how much of a log it has written.
func TestJoinWritesNothing(t *testing.T) {
	db := sqltest.Postgres(t)
	open(t, db)
	config, err := pgx.ParseConfig(db.DSN)
	if err != nil {
		t.Fatal(err)
	}
	var trace tracer
	config.Tracer = &trace
	pool := stdlib.OpenDB(*config)
	defer pool.Close()
	s, err := bunruns.New(bunkit.Postgres(pool))
	if err != nil {
		t.Fatal(err)
	}
	run := func(id string, key runs.Key, once string) *runs.Run {
		return &runs.Run{Tenant: "acme", ID: id, Type: typeA, Status: runs.StatusQueued, Key: key, Once: once}
	}
	insert(t, s, run("r1", "k1", "o1"))
	for _, c := range []struct {
		name   string
		r      *runs.Run
		err    error
		writes bool
	}{
		{name: "same key", r: run("r2", "k1", "")},
		{name: "same once", r: run("r3", "k3", "o1")},
		{name: "taken ID", r: run("r1", "k4", ""), err: runs.ErrExists},
		{name: "new", r: run("r5", "k5", ""), writes: true}, // to see that a write would be seen
	} {
		trace.calls = nil
		if _, _, err := s.Insert(t.Context(), c.r); !errors.Is(err, c.err) {
			t.Fatalf("%s: error is %v, want %v", c.name, err, c.err)
		}
		if c.writes {
			execute(t, db, "DELETE FROM operation_runs WHERE id = '"+c.r.ID+"'")
		}
		plan := lines(t, db.Read.DB, "EXPLAIN (ANALYZE, WAL) "+trace.calls[0].SQL, trace.calls[0].Args...)
		if got := strings.Contains(plan, "WAL:"); got != c.writes {
			t.Errorf("%s: writes = %v, want %v\n%s", c.name, got, c.writes, plan)
		}
	}
}

// A tracer keeps the statements of a pool that is used by one caller.
type tracer struct{ calls []pgx.TraceQueryStartData }

func (r *tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, call pgx.TraceQueryStartData) context.Context {
	r.calls = append(r.calls, call)
	return ctx
}

func (r *tracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
