package riverruns_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/tenantatlas/tenantatlas/internal/enginetest"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/riverruns"
)

// storeIn returns a Store in db with pools of its own, as another process has.
func storeIn(t *testing.T, db sqltest.DB) *bunruns.Store {
	t.Helper()
	store, err := bunruns.New(sqltest.Open(t, db.DSN).DB)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

func TestTwoProcesses(t *testing.T) {
	db := sqltest.Postgres(t)
	enginetest.TwoProcesses(t, func() (runs.Store, enginetest.Engine) {
		return storeIn(t, db), open(t, configOf(t, db))
	})
}

// TestConnectionsLost: the database ends River's connections while runs are
// started. Every run ends; those that were accepted succeed, once.
func TestConnectionsLost(t *testing.T) {
	db := sqltest.Postgres(t)
	cfg := configOf(t, db)
	count := new(enginetest.Tally)
	tracker := enginetest.Track(t, storeIn(t, db), open(t, cfg), count.Handler("only"))
	accepted := map[int]runs.Ref{}
	for i := range 100 {
		if i%20 == 10 {
			if _, err := db.Write.ExecContext(t.Context(), `
				SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE application_name = 'river' AND query LIKE '%`+cfg.Schema+`%'`); err != nil {
				t.Fatal(err)
			}
		}
		s, err := tracker.Start(t.Context(), enginetest.Request(i))
		switch {
		case err == nil:
			accepted[i] = s.Run.Ref()
		case !errors.Is(err, runs.ErrDispatchFailed):
			t.Fatalf("Start: %v, want nil or %v", err, runs.ErrDispatchFailed)
		case !s.Run.Ended():
			t.Errorf("Start: %v, but the run is %s", err, s.Run.Status)
		}
	}
	if len(accepted) < 50 {
		t.Errorf("%d of 100 runs were accepted", len(accepted))
	}
	for i, ref := range accepted {
		enginetest.Succeeded(t, tracker, ref)
		if got := count.Of(i); got != 1 {
			t.Errorf("run %d was executed %d times, want once", i, got)
		}
	}
}

// A probe remembers the contexts that executions get.
type probe struct {
	*riverruns.Dispatcher
	executions chan context.Context
}

func (p probe) Work(ctx context.Context, claim runs.Claim) error {
	return p.Dispatcher.Work(ctx, func(ctx context.Context, ref runs.Ref) (func(context.Context), error) {
		execute, err := claim(ctx, ref)
		if execute == nil {
			return nil, err
		}
		return func(ctx context.Context) {
			p.executions <- ctx
			execute(ctx)
		}, err
	})
}

// stranger is another program's idea of the same jobs.
type stranger struct{}

func (stranger) Kind() string { return "tenantatlas.run" }

type other struct{}

func (other) Kind() string { return "other" }

// newLeader makes a River client with the shortest of timeouts, whose workers
// know T, the leader of the schema.
func newLeader[T river.JobArgs](t *testing.T, cfg riverruns.Config) {
	t.Helper()
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(context.Context, *river.Job[T]) error { return nil }))
	client, err := river.NewClient(riverpgxv5.New(cfg.Pool), &river.Config{
		Schema:               cfg.Schema,
		Queues:               map[string]river.QueueConfig{"other": {MaxWorkers: 1}},
		Workers:              workers,
		JobTimeout:           time.Millisecond,
		RescueStuckJobsAfter: time.Millisecond,
		Logger:               silent(),
		TestOnly:             true, // no pauses at the start
	})
	if err != nil {
		t.Fatal(err)
	}
	stop := func() {
		if err := client.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	for try := 1; ; try++ {
		// Who starts stands for election at once; the others do so now and then.
		if _, err := cfg.Pool.Exec(t.Context(), "DELETE FROM river_leader"); err != nil {
			t.Fatal(err)
		}
		if err := client.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		var leader string
		enginetest.Await(t, "election", func() bool {
			err := cfg.Pool.QueryRow(t.Context(), "SELECT leader_id FROM river_leader").Scan(&leader)
			if err != nil && !errors.Is(err, pgx.ErrNoRows) {
				t.Fatal(err)
			}
			return err == nil
		})
		switch {
		case leader == client.ID():
			return
		case try == 10:
			t.Fatalf("not elected in %d tries", try)
		}
		stop()
	}
}

// TestRiverInterferes: nothing that River does to a job reaches its run.
func TestRiverInterferes(t *testing.T) {
	// A target is the job of a run that is being executed.
	type target struct {
		riverruns.Config
		id  int64
		log *enginetest.Log
	}
	exec := func(sql string) func(*testing.T, target) {
		return func(t *testing.T, job target) {
			if _, err := job.Pool.Exec(t.Context(), sql, job.id); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tt := range []struct {
		name string
		do   func(*testing.T, target)
		want string // what becomes of the job while the run goes on
	}{
		{"rescued", func(t *testing.T, job target) { newLeader[stranger](t, job.Config) }, "completed"},
		{"discarded", func(t *testing.T, job target) { newLeader[other](t, job.Config) }, "discarded"},
		{"canceled", func(t *testing.T, job target) {
			client, err := river.NewClient(riverpgxv5.New(job.Pool), &river.Config{Schema: job.Schema, Logger: silent()})
			if err != nil {
				t.Fatal(err)
			}
			enginetest.Await(t, "cancel", func() bool { // the worker's process may not listen yet
				if _, err := client.JobCancel(t.Context(), job.id); err != nil {
					t.Fatal(err)
				}
				return strings.Contains(job.log.String(), "job cancelled remotely")
			})
		}, "running"},
		{"timed out", func(t *testing.T, job target) {
			exec("UPDATE river_job SET attempted_at = attempted_at - interval '2 days' WHERE id = $1")(t, job)
			exec("DELETE FROM river_leader WHERE $1 > 0")(t, job)
			t.Cleanup(enginetest.Work(t, open(t, job.Config), func(context.Context, runs.Ref) (func(context.Context), error) { return nil, nil }))
		}, "completed"},
		{"delivered again", exec("UPDATE river_job SET state = 'available' WHERE id = $1"), "completed"},
		{"deleted", exec("DELETE FROM river_job WHERE id = $1"), "gone"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			job := target{Config: configOf(t, sqltest.Postgres(t)), log: new(enginetest.Log)}
			job.Logger = slog.New(slog.NewTextHandler(job.log, nil))
			d := probe{open(t, job.Config), make(chan context.Context, 10)}
			begun, blocked := make(chan struct{}, 10), make(chan struct{})
			tracker := enginetest.Track(t, memruns.New(), d, func(context.Context, int) error {
				begun <- struct{}{}
				<-blocked
				return nil
			})
			s, err := tracker.Start(t.Context(), enginetest.Request(1))
			if err != nil {
				t.Fatal(err)
			}
			enginetest.Receive(t, "execution", begun)
			if err := job.Pool.QueryRow(t.Context(), "SELECT id FROM river_job").Scan(&job.id); err != nil {
				t.Fatal(err)
			}
			tt.do(t, job)
			enginetest.Await(t, "job "+tt.want, func() bool {
				state := "gone"
				err := job.Pool.QueryRow(t.Context(), "SELECT state::text FROM river_job WHERE id = $1", job.id).Scan(&state)
				if err != nil && !errors.Is(err, pgx.ErrNoRows) {
					t.Fatal(err)
				}
				return state == tt.want
			})
			if err := (<-d.executions).Err(); err != nil {
				t.Errorf("the execution's context: %v", err)
			}
			if r, err := tracker.Get(t.Context(), s.Run.Ref()); err != nil || r.Status != runs.StatusRunning {
				t.Errorf("the run is %+v, %v; want it running", r, err)
			}
			close(blocked)
			enginetest.Succeeded(t, tracker, s.Run.Ref())
			if n := len(begun); n > 0 {
				t.Errorf("executed %d times more", n)
			}
		})
	}
}
