package riverruns_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tenantatlas/tenantatlas/internal/enginetest"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/riverruns"
	"github.com/tenantatlas/tenantatlas/runs/runstest"
)

func TestDispatcher(t *testing.T) {
	db := sqltest.Postgres(t)
	n := 0
	runstest.TestDispatcher(t, func(t testing.TB) runstest.Engine {
		cfg := configOf(t, db)
		n++
		cfg.Queue = fmt.Sprint("q", n) // nobody else's
		return runstest.Engine{Dispatcher: open(t, cfg)}
	})
}

func TestNewRefuses(t *testing.T) {
	pool, err := pgxpool.New(t.Context(), "postgres://localhost:1/none")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for _, tt := range []struct {
		name string
		cfg  riverruns.Config
		want string // "" if it is fine
	}{
		{"least", riverruns.Config{Pool: pool}, ""},
		{"negative workers", riverruns.Config{Pool: pool, Workers: -1}, ""},
		{"no pool", riverruns.Config{}, "Config.Pool is missing"},
		{"schema", riverruns.Config{Pool: pool, Schema: "a b"}, "Schema"},
		{"long schema", riverruns.Config{Pool: pool, Schema: strings.Repeat("s", 64)}, "Schema"},
		{"queue", riverruns.Config{Pool: pool, Queue: "a b"}, "queue"},
		{"workers", riverruns.Config{Pool: pool, Workers: 10_001}, "workers"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := riverruns.New(tt.cfg)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("New: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("New: error is %v, want one about %q", err, tt.want)
			}
		})
	}
}

// TestUnreachable: without a database there are errors, soon.
func TestUnreachable(t *testing.T) {
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for name, url := range map[string]string{
		"refused": "postgres://127.0.0.1:1/none",
		"silent":  "postgres://" + silent.Addr().String() + "/none?sslmode=disable",
	} {
		t.Run(name, func(t *testing.T) {
			pool, err := pgxpool.New(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			d, err := riverruns.New(riverruns.Config{Pool: pool})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			begin := time.Now()
			if err := d.Dispatch(ctx, enginetest.Ref(1)); err == nil {
				t.Error("Dispatch reports no error")
			}
			if err := d.Migrate(ctx); err == nil {
				t.Error("Migrate reports no error")
			}
			err = d.Work(ctx, func(context.Context, runs.Ref) (func(context.Context), error) { return nil, nil })
			if ended := ctx.Err() != nil; ended != (err == nil) {
				t.Errorf("Work: error is %v, and its context has ended: %t; want an error unless it has", err, ended)
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("they took %v", took)
			}
		})
	}
}

func TestWorkTwice(t *testing.T) {
	d := open(t, configOf(t, sqltest.Postgres(t)))
	claimed := make(chan struct{})
	stop := enginetest.Work(t, d, func(context.Context, runs.Ref) (func(context.Context), error) {
		close(claimed)
		return nil, nil
	})
	defer stop()
	enginetest.Dispatch(t, d, enginetest.Ref(1))
	enginetest.Receive(t, "claim", claimed)
	if err := d.Work(t.Context(), nil); err == nil {
		t.Error("a second Work at the same time reports no error")
	}
}

func TestGoexit(t *testing.T) {
	cfg := configOf(t, sqltest.Postgres(t))
	cfg.Workers = 1
	enginetest.Goexit(t, open(t, cfg))
}

// TestJobs: a job ends, without the text of an error, whether there was nothing
// to do, its claim failed a few times, or the worker panicked; and one that
// cannot be read is in nobody's way.
func TestJobs(t *testing.T) {
	cfg := configOf(t, sqltest.Postgres(t))
	log := new(enginetest.Log)
	cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
	cfg.Workers = 1
	d := open(t, cfg)
	claims := map[runs.Ref]int{}
	done := make(chan struct{})
	stop := enginetest.Work(t, d, func(_ context.Context, r runs.Ref) (func(context.Context), error) {
		claims[r]++
		switch r {
		case enginetest.Ref(0):
			return nil, nil
		case enginetest.Ref(1):
			panic("secret of claim")
		case enginetest.Ref(2):
			return func(context.Context) { panic("secret of execute") }, nil
		default:
			if claims[r] < 4 {
				return nil, errors.New("secret of store")
			}
			return func(context.Context) { close(done) }, nil
		}
	})
	if _, err := cfg.Pool.Exec(t.Context(), `
		INSERT INTO river_job (kind, queue, args, max_attempts) VALUES ('tenantatlas.run', 'runs', '{"tenant": 7}', 25)`); err != nil {
		t.Fatal(err)
	}
	enginetest.Dispatch(t, d, enginetest.Ref(0), enginetest.Ref(1), enginetest.Ref(2), enginetest.Ref(3))
	enginetest.Receive(t, "execution", done)
	stop()

	if diff := cmp.Diff(map[runs.Ref]int{enginetest.Ref(0): 1, enginetest.Ref(1): 1, enginetest.Ref(2): 1, enginetest.Ref(3): 4}, claims); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	got := map[string]string{}
	rows, err := cfg.Pool.Query(t.Context(), `
		SELECT args->>'id', state::text, coalesce(errors::text, '') FROM river_job WHERE args ? 'id'`)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var id, state, errs string
		if err := rows.Scan(&id, &state, &errs); err != nil {
			t.Fatal(err)
		}
		got[id] = state + errs
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"r0": "completed", "r1": "completed", "r2": "completed", "r3": "completed"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
	for _, want := range []string{
		`msg="claim failed" run=r3 type=test.run error="secret of store"`,
		`msg="worker panicked" run=r1 type=test.run panic="secret of claim"`,
		`msg="worker panicked" run=r2 type=test.run panic="secret of execute"`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log has no %s:\n%s", want, log.String())
		}
	}
}

// TestWorkersAreBounded: a process fetches no more than it executes, so that
// another one can have the rest.
func TestWorkersAreBounded(t *testing.T) {
	cfg := configOf(t, sqltest.Postgres(t))
	cfg.Workers = 2
	first, second := open(t, cfg), open(t, cfg)
	begun, blocked := make(chan runs.Ref, 10), make(chan struct{})
	stop := enginetest.Work(t, first, func(_ context.Context, r runs.Ref) (func(context.Context), error) {
		begun <- r
		return func(context.Context) { <-blocked }, nil
	})
	enginetest.Dispatch(t, first, enginetest.Ref(0), enginetest.Ref(1), enginetest.Ref(2), enginetest.Ref(3))
	enginetest.Receive(t, "claim", begun)
	enginetest.Receive(t, "claim", begun)

	rest := make(chan runs.Ref, 10)
	stopSecond := enginetest.Work(t, second, func(_ context.Context, r runs.Ref) (func(context.Context), error) {
		rest <- r
		return nil, nil
	})
	enginetest.Receive(t, "claim by the second process", rest)
	enginetest.Receive(t, "claim by the second process", rest)
	stopSecond()
	if n := len(begun); n > 0 {
		t.Errorf("%d more claims by a process whose workers are busy", n)
	}
	close(blocked)
	stop()
}

// TestOneJobWaits: a run that is offered again and again has one job, but not
// one that a dead process has left.
func TestOneJobWaits(t *testing.T) {
	cfg := configOf(t, sqltest.Postgres(t))
	d := open(t, cfg)
	states := func() (all []string) {
		t.Helper()
		rows, err := cfg.Pool.Query(t.Context(), "SELECT args->>'id' || ' ' || state FROM river_job ORDER BY id")
		if err != nil {
			t.Fatal(err)
		}
		if all, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			t.Fatal(err)
		}
		return all
	}
	enginetest.Dispatch(t, d, enginetest.Ref(1), enginetest.Ref(2), enginetest.Ref(1), enginetest.Ref(1))
	if diff := cmp.Diff([]string{"r1 available", "r2 available"}, states()); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
	if _, err := cfg.Pool.Exec(t.Context(), "UPDATE river_job SET state = 'running', attempted_at = now() WHERE args->>'id' = 'r1'"); err != nil {
		t.Fatal(err)
	}
	enginetest.Dispatch(t, d, enginetest.Ref(1))
	if diff := cmp.Diff([]string{"r1 running", "r2 available", "r1 available"}, states()); diff != "" {
		t.Errorf("jobs after a process has died (-want +got):\n%s", diff)
	}
	claimed := make(chan runs.Ref, 10)
	stop := enginetest.Work(t, d, func(_ context.Context, r runs.Ref) (func(context.Context), error) {
		claimed <- r
		return nil, nil
	})
	enginetest.Receive(t, "claim", claimed)
	enginetest.Receive(t, "claim", claimed)
	enginetest.Await(t, "end of all jobs but the dead one", func() bool {
		return slices.Equal(states(), []string{"r1 running", "r2 completed", "r1 completed"})
	})
	enginetest.Dispatch(t, d, enginetest.Ref(2)) // its job was used up
	if got := enginetest.Receive(t, "claim", claimed); got != enginetest.Ref(2) {
		t.Errorf("claimed %v, want %v", got, enginetest.Ref(2))
	}
	stop()
}
