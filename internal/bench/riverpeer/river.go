// Package riverpeer is the other side of the benchmark: a client of River, and how calls
// are timed. It is a module of its own, because River's driver for SQLite is not
// to be had for the version that River has on PostgreSQL here; see onsqlite.
package riverpeer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivermigrate"
)

// Kind is the kind of the jobs.
const Kind = "bench.noop"

// An Input is what makes jobs and runs different.
type Input struct {
	N int64 `json:"n" river:"unique"`
}

// Kind implements river.JobArgs.
func (Input) Kind() string { return Kind }

type worker struct{ river.WorkerDefaults[Input] }

func (worker) Work(context.Context, *river.Job[Input]) error { return nil }

// A Peer is a client of River.
type Peer[Tx any] struct {
	client *river.Client[Tx]
	ended  Ended[int64]
	base   atomic.Int64
	stop   func() error
}

// Settings are what a Peer can be told. Those that are zero are River's defaults.
type Settings struct {
	Workers        int // none: it inserts only
	Cooldown, Poll time.Duration
}

// New returns a Peer whose tables are there, and which works if it has workers.
func New[Tx any](ctx context.Context, driver riverdriver.Driver[Tx], s Settings) (*Peer[Tx], error) {
	if err := Migrate(ctx, driver); err != nil {
		return nil, err
	}
	p := &Peer[Tx]{stop: func() error { return nil }}
	p.base.Store(time.Now().UnixMicro())
	cfg := &river.Config{Logger: slog.New(slog.DiscardHandler), FetchCooldown: s.Cooldown, FetchPollInterval: s.Poll}
	if s.Workers > 0 {
		all := river.NewWorkers()
		river.AddWorker(all, &worker{})
		cfg.Workers, cfg.Queues = all, map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: s.Workers}}
	}
	var err error
	if p.client, err = river.NewClient(driver, cfg); err != nil || s.Workers == 0 {
		return p, err
	}
	events, unsubscribe := p.client.SubscribeConfig(&river.SubscribeConfig{
		ChanSize: 100_000,
		Kinds:    []river.EventKind{river.EventKindJobCompleted},
	})
	go func() {
		for e := range events {
			p.ended.Tell(e.Job.ID)
		}
	}()
	p.stop = func() error {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()
		err := p.client.Stop(stopping)
		unsubscribe()
		return err
	}
	return p, p.client.Start(ctx)
}

// Migrate makes River's tables.
func Migrate[Tx any](ctx context.Context, driver riverdriver.Driver[Tx]) error {
	migrator, err := rivermigrate.New(driver, nil)
	if err == nil {
		_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	}
	return err
}

// Duplicates is how many different jobs are inserted again and again.
const Duplicates = 1000

// Stop ends the work.
func (p *Peer[Tx]) Stop() error { return p.stop() }

// insert inserts a job that must be the only one with its input, and reports
// its ID.
func (p *Peer[Tx]) insert(ctx context.Context, n int64, created bool) (int64, error) {
	result, err := p.client.Insert(ctx, Input{n}, &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true}})
	if err != nil {
		return 0, err
	}
	if result.UniqueSkippedAsDuplicate == created {
		return 0, fmt.Errorf("insert %d: skipped = %v", n, created)
	}
	return result.Job.ID, nil
}

// InsertNew inserts a job that there is not yet.
func (p *Peer[Tx]) InsertNew(ctx context.Context, _ int64) error {
	_, err := p.insert(ctx, p.base.Add(1), true)
	return err
}

// InsertDuplicate inserts a job that Prepare has inserted.
func (p *Peer[Tx]) InsertDuplicate(ctx context.Context, n int64) error {
	_, err := p.insert(ctx, n%Duplicates, false)
	return err
}

// Live inserts a job and waits until it is completed.
func (p *Peer[Tx]) Live(ctx context.Context, _ int64) error {
	id, err := p.insert(ctx, p.base.Add(1), true)
	if err != nil {
		return err
	}
	return p.ended.Wait(ctx, id)
}

// Prepare inserts the jobs that are inserted again and again.
func (p *Peer[Tx]) Prepare(ctx context.Context) error {
	var errs error
	for n := range int64(Duplicates) {
		_, err := p.insert(ctx, n, true)
		errs = errors.Join(errs, err)
	}
	return errs
}
