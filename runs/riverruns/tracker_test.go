package riverruns_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/riverruns"
)

type input struct {
	N int `json:"n"`
}

func request(n int) runs.Request {
	return runs.Request{Tenant: "acme", Type: "test.run", Params: input{n}, Initiator: runs.User("dana", "Dana")}
}

// track returns a Tracker that executes runs with handle until the test ends.
func track(t *testing.T, store runs.Store, d runs.Dispatcher, handle func(ctx context.Context, n int) error) *runs.Tracker {
	t.Helper()
	tracker, err := runs.New(runs.Config{
		Store:      store,
		Dispatcher: d,
		Operations: []runs.Operation{
			runs.Define("test.run", func(ctx context.Context, _ *runs.Exec, in input) error { return handle(ctx, in.N) }),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- tracker.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run the tracker: %v", err)
		}
	})
	return tracker
}

// A tally is how often each run was executed, and where.
type tally struct {
	mu    sync.Mutex
	times map[int]int
	by    map[string]int
}

func (c *tally) handler(name string) func(context.Context, int) error {
	return func(_ context.Context, n int) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.times[n]++
		c.by[name]++
		return nil
	}
}

func (c *tally) of(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.times[n]
}

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
	const n = 200
	db := sqltest.Postgres(t)
	count := &tally{times: map[int]int{}, by: map[string]int{}}
	trackers := []*runs.Tracker{
		track(t, storeIn(t, db), open(t, configOf(t, db)), count.handler("first")),
		track(t, storeIn(t, db), open(t, configOf(t, db)), count.handler("second")),
	}
	refs := make([]runs.Ref, n)
	var callers sync.WaitGroup
	for c := range 8 {
		callers.Go(func() {
			for i := c; i < n; i += 8 {
				s, err := trackers[i%2].Start(t.Context(), request(i))
				if err != nil {
					t.Errorf("Start: %v", err)
					return
				}
				refs[i] = s.Run.Ref()
			}
		})
	}
	callers.Wait()
	if t.Failed() {
		return
	}
	for _, ref := range refs {
		succeeded(t, trackers[0], ref)
	}
	for i := range n {
		if got := count.of(i); got != 1 {
			t.Errorf("run %d was executed %d times, want once", i, got)
		}
	}
	if count.by["first"] == 0 || count.by["second"] == 0 {
		t.Errorf("executions by process are %v, want some by each", count.by)
	}
}

// succeeded waits for the end of a run, which has to be its first attempt.
func succeeded(t *testing.T, tracker *runs.Tracker, ref runs.Ref) {
	t.Helper()
	r, err := tracker.Wait(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if r.Outcome != runs.OutcomeSucceeded || r.Attempt != 1 || r.Lost != 0 {
		t.Errorf("run %s ended %s at attempt %d, and lost %d workers; want it succeeded at the first", ref.ID, r.Outcome, r.Attempt, r.Lost)
	}
}

// TestConnectionsLost: the database ends River's connections while runs are
// started. Every run ends; those that were accepted succeed, once.
func TestConnectionsLost(t *testing.T) {
	db := sqltest.Postgres(t)
	cfg := configOf(t, db)
	count := &tally{times: map[int]int{}, by: map[string]int{}}
	tracker := track(t, storeIn(t, db), open(t, cfg), count.handler("only"))
	accepted := map[int]runs.Ref{}
	for i := range 100 {
		if i%20 == 10 {
			if _, err := db.Write.ExecContext(t.Context(), `
				SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE application_name = 'river' AND query LIKE '%`+cfg.Schema+`%'`); err != nil {
				t.Fatal(err)
			}
		}
		s, err := tracker.Start(t.Context(), request(i))
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
		succeeded(t, tracker, ref)
		if got := count.of(i); got != 1 {
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
		await(t, "election", func() bool {
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
		log *logbook
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
			await(t, "cancel", func() bool { // the worker's process may not listen yet
				if _, err := client.JobCancel(t.Context(), job.id); err != nil {
					t.Fatal(err)
				}
				return strings.Contains(job.log.String(), "job cancelled remotely")
			})
		}, "running"},
		{"timed out", func(t *testing.T, job target) {
			exec("UPDATE river_job SET attempted_at = attempted_at - interval '2 days' WHERE id = $1")(t, job)
			exec("DELETE FROM river_leader WHERE $1 > 0")(t, job)
			t.Cleanup(work(t, open(t, job.Config), func(context.Context, runs.Ref) (func(context.Context), error) { return nil, nil }))
		}, "completed"},
		{"delivered again", exec("UPDATE river_job SET state = 'available' WHERE id = $1"), "completed"},
		{"deleted", exec("DELETE FROM river_job WHERE id = $1"), "gone"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			job := target{Config: configOf(t, sqltest.Postgres(t)), log: new(logbook)}
			job.Logger = slog.New(slog.NewTextHandler(job.log, nil))
			d := probe{open(t, job.Config), make(chan context.Context, 10)}
			begun, blocked := make(chan struct{}, 10), make(chan struct{})
			tracker := track(t, memruns.New(), d, func(context.Context, int) error {
				begun <- struct{}{}
				<-blocked
				return nil
			})
			s, err := tracker.Start(t.Context(), request(1))
			if err != nil {
				t.Fatal(err)
			}
			receive(t, "execution", begun)
			if err := job.Pool.QueryRow(t.Context(), "SELECT id FROM river_job").Scan(&job.id); err != nil {
				t.Fatal(err)
			}
			tt.do(t, job)
			await(t, "job "+tt.want, func() bool {
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
			succeeded(t, tracker, s.Run.Ref())
			if n := len(begun); n > 0 {
				t.Errorf("executed %d times more", n)
			}
		})
	}
}
