package riverruns

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"github.com/tenantatlas/tenantatlas/runs"
)

var (
	_ runs.Dispatcher = (*Dispatcher)(nil)
	_ runs.Worker     = (*Dispatcher)(nil)
)

// Config says where a [Dispatcher] has its jobs, and how many it executes at a
// time. Pool is required.
type Config struct {
	// Pool is the database. It stays the caller's to close, after Work has
	// returned.
	Pool *pgxpool.Pool

	// Schema is where River's tables are; empty means "runs_river". River allows
	// letters, digits and underscores, at most 46 of them.
	Schema string

	// Queue is River's queue for the runs; empty means "runs". Processes that
	// execute different types of runs need queues of their own.
	Queue string

	// Workers is how many runs this process executes at a time; 0 or less means
	// GOMAXPROCS, and 10,000 is the most that River allows.
	Workers int

	// Logger gets the panics that a worker survived, the claims that failed,
	// and what River itself logs. If nil, nobody does.
	Logger *slog.Logger
}

// A Dispatcher is a [runs.Dispatcher] and a [runs.Worker] whose references are
// carried by River to this process or to another one with the same queue.
type Dispatcher struct {
	cfg     Config
	inserts *river.Client[pgx.Tx] // never started
	works   *river.Client[pgx.Tx]
	working atomic.Pointer[call] // while Work is under way
}

// A call is one call of Work.
type call struct {
	ctx   context.Context
	claim runs.Claim
}

const (
	// fetchCooldown is the least time between two fetches of jobs. With River's
	// own 100 ms a process would execute no more than Workers short runs in that
	// time.
	fetchCooldown = 5 * time.Millisecond

	// notifyCooldown is the time during which River announces only the first of
	// several new jobs. It is the least that River allows, because the fetch
	// that follows must come after the others.
	notifyCooldown = time.Millisecond

	// pollInterval is how late a job can be that was not announced after all.
	pollInterval = 250 * time.Millisecond
)

// jobTimeout is when River takes a job for lost. It must be longer than any run
// should take only because River logs a warning about those that exceed it.
const jobTimeout = 24 * time.Hour

// New returns a Dispatcher made of cfg, or an error that says what is wrong
// with it. It does not reach for the database; see [Dispatcher.Migrate] and
// [Dispatcher.Work].
func New(cfg Config) (*Dispatcher, error) {
	if cfg.Pool == nil {
		return nil, errors.New("riverruns: Config.Pool is missing")
	}
	cfg.Schema = cmp.Or(cfg.Schema, "runs_river")
	cfg.Queue = cmp.Or(cfg.Queue, "runs")
	if cfg.Workers <= 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	d := &Dispatcher{cfg: cfg}
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{d: d})
	var err error
	d.works, err = river.NewClient(riverpgxv5.New(cfg.Pool), &river.Config{
		Schema:                      cfg.Schema,
		Queues:                      map[string]river.QueueConfig{cfg.Queue: {MaxWorkers: cfg.Workers}},
		Workers:                     workers,
		FetchCooldown:               fetchCooldown,
		FetchPollInterval:           pollInterval,
		RescueStuckJobsAfter:        jobTimeout + time.Hour,
		CompletedJobRetentionPeriod: time.Hour,
		CancelledJobRetentionPeriod: time.Hour,
		Logger:                      cfg.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("riverruns: %w", err)
	}
	d.inserts, err = river.NewClient(riverpgxv5.New(cfg.Pool), &river.Config{
		Schema:        cfg.Schema,
		FetchCooldown: notifyCooldown,
		Logger:        cfg.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("riverruns: %w", err)
	}
	return d, nil
}

// A job is what River keeps of a reference.
type job struct {
	Tenant string    `json:"tenant"`
	ID     string    `json:"id"`
	Type   runs.Type `json:"type"`
}

// Kind implements [river.JobArgs].
func (job) Kind() string { return "tenantatlas.run" }

// waits are the states of a job that is still to be worked on, and, because
// River insists on it, of one that is.
func waits() []rivertype.JobState {
	return []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning,
		rivertype.JobStateScheduled,
	}
}

// Dispatch inserts a job for ref, in a transaction of its own, unless one waits
// already. There is always room; what keeps the database from answering is an
// error.
func (d *Dispatcher) Dispatch(ctx context.Context, ref runs.Ref) error {
	j := job{ref.Tenant, ref.ID, ref.Type}
	opts := &river.InsertOpts{
		Queue:      d.cfg.Queue,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByQueue: true, ByState: waits()},
	}
	there, err := d.inserts.Insert(ctx, j, opts)
	if err == nil && there.UniqueSkippedAsDuplicate && there.Job.State == rivertype.JobStateRunning {
		// It may be a dead process that works on it, or one that has found
		// before this call that there is nothing to do.
		_, err = d.inserts.Insert(ctx, j, &river.InsertOpts{Queue: d.cfg.Queue})
	}
	if err != nil {
		return fmt.Errorf("insert job: %w", err)
	}
	return nil
}

// Work implements [runs.Worker]. It reports an error if the database cannot be
// reached when it begins; later it waits for the database to come back. A
// second call at the same time is an error.
func (d *Dispatcher) Work(ctx context.Context, claim runs.Claim) error {
	if !d.working.CompareAndSwap(nil, &call{ctx, claim}) {
		return errors.New("riverruns: Work is under way already")
	}
	defer d.working.Store(nil)
	if ctx.Err() != nil {
		return nil
	}
	// The end of ctx ends the contexts of jobs, too, which nobody looks at.
	if err := d.works.Start(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("start River: %w", err)
	} else if err != nil {
		return nil
	}
	<-d.works.Stopped()
	return nil
}

// A worker is what River calls.
type worker struct {
	river.WorkerDefaults[job]
	d *Dispatcher
}

// Timeout implements [river.Worker]. Without one, River would never clean up
// after a process that died.
func (w *worker) Timeout(*river.Job[job]) time.Duration { return jobTimeout }

// Work implements [river.Worker]. River's context says how River is, and not
// whether the run should go on. The goroutine is there to survive if claim or
// execute end theirs, which would cost River a worker.
func (w *worker) Work(_ context.Context, j *river.Job[job]) error {
	done := make(chan error, 1)
	go w.d.handle(w.d.working.Load(), j, done)
	return <-done
}

// handle claims and executes the run of j, and tells done whether the job is to
// be delivered again.
func (d *Dispatcher) handle(c *call, j *river.Job[job], done chan<- error) {
	var again error // stays nil after a panic: the sweep offers the run again
	defer func() {
		d.survive(c.ctx, j, recover())
		done <- again
	}()
	if c.ctx.Err() != nil {
		again = river.JobSnooze(0)
		return
	}
	execute, err := c.claim(c.ctx, runs.Ref{Tenant: j.Args.Tenant, ID: j.Args.ID, Type: j.Args.Type})
	switch {
	case err != nil:
		again = river.JobSnooze(d.rest(c.ctx, j, err))
	case execute != nil:
		execute(context.WithoutCancel(c.ctx))
	}
}
