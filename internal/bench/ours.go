package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/bench/riverpeer"
	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/bunruns"
)

const noop runs.Type = riverpeer.Kind

type input = riverpeer.Input

// An ours is a tracker on a database.
type ours struct {
	tracker *runs.Tracker
	store   *watched
	base    atomic.Int64 // so that no two measurements start the same
	late    atomic.Int64 // starts that were tried again
	stop    func()
}

// end stops what newOurs has started, and says what no rate shows.
func (o *ours) end() {
	o.stop()
	if n := o.late.Load(); n > 0 {
		fmt.Fprintf(os.Stderr, "bench: %d starts got no answer in time and were tried again\n", n)
	}
}

// A watched store says which runs have ended, and counts updates.
type watched struct {
	*bunruns.Store
	ended   riverpeer.Ended[string]
	updates atomic.Int64
}

func (w *watched) Update(ctx context.Context, r *runs.Run) (*runs.Run, error) {
	stored, err := w.Store.Update(ctx, r)
	w.updates.Add(1)
	if err == nil && stored.Status == runs.StatusCompleted {
		w.ended.Tell(stored.ID)
	}
	return stored, err
}

// nobody accepts what is dispatched, and does nothing.
type nobody struct{}

func (nobody) Dispatch(context.Context, runs.Ref) error { return nil }

// newOurs returns a tracker that works with the dispatcher, or starts only if
// it is nil.
func newOurs(ctx context.Context, db bunkit.DB, d runs.Dispatcher, handle func(ctx context.Context, x *runs.Exec, in input) error) (*ours, error) {
	store, err := bunruns.New(db)
	if err != nil {
		return nil, err
	}
	if err := store.Migrate(ctx); err != nil {
		return nil, err
	}
	o := &ours{store: &watched{Store: store}, stop: func() {}}
	o.base.Store(time.Now().UnixMicro())
	cfg := runs.Config{Store: o.store, Dispatcher: nobody{}, Operations: []runs.Operation{runs.Define(noop, handle)}}
	if d != nil {
		cfg.Dispatcher = d
	}
	if o.tracker, err = runs.New(cfg); err != nil || d == nil {
		return o, err
	}
	working, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = o.tracker.Run(working) // says that its context has ended
	}()
	o.stop = func() {
		cancel()
		<-done
	}
	return o, nil
}

func idle(context.Context, *runs.Exec, input) error { return nil }

// start starts a run and reports its ID.
func (o *ours) start(ctx context.Context, n int64, created bool) (string, error) {
	started, err := o.tracker.Start(ctx, runs.Request{
		Tenant: fmt.Sprintf("tenant-%d", n%20), Type: noop, Initiator: runs.User("dana", "Dana"), Params: input{N: n},
	})
	switch {
	case errors.Is(err, runs.ErrStoreUnavailable) && ctx.Err() == nil:
		// No answer in time: what an overloaded machine costs. It may have
		// been made nevertheless, so a new one is another.
		o.late.Add(1)
		if created {
			n = o.base.Add(1)
		}
		return o.start(ctx, n, created)
	case err != nil:
		return "", err
	case started.Created != created:
		return "", fmt.Errorf("start %d: created = %v", n, started.Created)
	}
	return started.Run.ID, nil
}

func (o *ours) startNew(ctx context.Context, _ int64) error {
	_, err := o.start(ctx, o.base.Add(1), true)
	return err
}

func (o *ours) startDuplicate(ctx context.Context, n int64) error {
	_, err := o.start(ctx, n%riverpeer.Duplicates, false)
	return err
}

// live starts a run and waits until it has ended.
func (o *ours) live(ctx context.Context, _ int64) error {
	id, err := o.start(ctx, o.base.Add(1), true)
	if err != nil {
		return err
	}
	return o.store.ended.Wait(ctx, id)
}

func (o *ours) prepare(ctx context.Context) error {
	for n := range int64(riverpeer.Duplicates) {
		if _, err := o.start(ctx, n, true); err != nil {
			return err
		}
	}
	return nil
}
