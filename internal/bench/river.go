package main

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

// Kind implements river.JobArgs.
func (input) Kind() string { return string(noop) }

type worker struct{ river.WorkerDefaults[input] }

func (worker) Work(context.Context, *river.Job[input]) error { return nil }

// A peer is a client of River.
type peer[Tx any] struct {
	client *river.Client[Tx]
	ended  ended[int64]
	base   atomic.Int64
	stop   func() error
}

// newPeer returns a client that has workers, or inserts only if there are none.
// Settings that are zero are River's defaults.
func newPeer[Tx any](ctx context.Context, driver riverdriver.Driver[Tx], workers int, cooldown, poll time.Duration) (*peer[Tx], error) {
	if err := migrate(ctx, driver); err != nil {
		return nil, err
	}
	p := &peer[Tx]{stop: func() error { return nil }}
	p.base.Store(time.Now().UnixMicro())
	cfg := &river.Config{Logger: slog.New(slog.DiscardHandler), FetchCooldown: cooldown, FetchPollInterval: poll}
	if workers > 0 {
		all := river.NewWorkers()
		river.AddWorker(all, &worker{})
		cfg.Workers, cfg.Queues = all, map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers}}
	}
	var err error
	if p.client, err = river.NewClient(driver, cfg); err != nil || workers == 0 {
		return p, err
	}
	events, unsubscribe := p.client.SubscribeConfig(&river.SubscribeConfig{
		ChanSize: 100_000,
		Kinds:    []river.EventKind{river.EventKindJobCompleted},
	})
	go func() {
		for e := range events {
			p.ended.tell(e.Job.ID)
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

func migrate[Tx any](ctx context.Context, driver riverdriver.Driver[Tx]) error {
	migrator, err := rivermigrate.New(driver, nil)
	if err == nil {
		_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	}
	return err
}

// insert inserts a job that must be the only one with its input, and reports
// its ID.
func (p *peer[Tx]) insert(ctx context.Context, n int64, created bool) (int64, error) {
	result, err := p.client.Insert(ctx, input{n}, &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true}})
	if err != nil {
		return 0, err
	}
	if result.UniqueSkippedAsDuplicate == created {
		return 0, fmt.Errorf("insert %d: skipped = %v", n, created)
	}
	return result.Job.ID, nil
}

func (p *peer[Tx]) insertNew(ctx context.Context, _ int64) error {
	_, err := p.insert(ctx, p.base.Add(1), true)
	return err
}

func (p *peer[Tx]) insertDuplicate(ctx context.Context, n int64) error {
	_, err := p.insert(ctx, n%duplicates, false)
	return err
}

// live inserts a job and waits until it is completed.
func (p *peer[Tx]) live(ctx context.Context, _ int64) error {
	id, err := p.insert(ctx, p.base.Add(1), true)
	if err != nil {
		return err
	}
	return p.ended.wait(ctx, id)
}

func (p *peer[Tx]) prepare(ctx context.Context) error {
	var errs error
	for n := range int64(duplicates) {
		_, err := p.insert(ctx, n, true)
		errs = errors.Join(errs, err)
	}
	return errs
}
