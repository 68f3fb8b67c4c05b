// Package pondruns executes runs in this process, on a bounded number of
// goroutines.
package pondruns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/alitto/pond/v2"

	"github.com/tenantatlas/tenantatlas/runs"
)

var (
	_ runs.Dispatcher = (*Dispatcher)(nil)
	_ runs.Worker     = (*Dispatcher)(nil)
)

// Config says how much a [Dispatcher] does at a time. The zero value is fine.
type Config struct {
	// Workers is how many runs are executed at a time; 0 or less means
	// GOMAXPROCS. Handlers that mostly wait for others do well with more.
	Workers int

	// Queue is how many references wait at most while all workers are busy; 0
	// or less means 128. More of them need not wait here: they are safe in the
	// store, and are fetched when a worker is free.
	Queue int

	// Logger gets the panics that a worker survived and the claims that failed.
	// If nil, nobody does.
	Logger *slog.Logger
}

// A Dispatcher is a [runs.Dispatcher] and a [runs.Worker] in this process. What
// waits in it when the process ends is not lost: it is still queued in the
// store.
type Dispatcher struct {
	cfg Config

	mu      sync.Mutex
	working *worker    // while Work is under way
	waiting []runs.Ref // while it is not
}

// New returns a Dispatcher made of cfg. It starts nothing; see
// [Dispatcher.Work].
func New(cfg Config) *Dispatcher {
	if cfg.Workers <= 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	if cfg.Queue <= 0 {
		cfg.Queue = 128
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Dispatcher{cfg: cfg}
}

// Dispatch hands ref to a worker, or lets it wait for one. It reports
// [runs.ErrFull] when Config.Queue references are waiting.
func (d *Dispatcher) Dispatch(_ context.Context, ref runs.Ref) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.working == nil && len(d.waiting) < d.cfg.Queue:
		d.waiting = append(d.waiting, ref)
		return nil
	case d.working != nil && d.working.pool.WaitingTasks() < uint64(d.cfg.Queue):
		return d.working.submit(ref)
	default:
		return runs.ErrFull
	}
}

// keep lets ref wait for the next call of Work, also if there is no room.
func (d *Dispatcher) keep(ref runs.Ref) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting = append(d.waiting, ref)
}

// Work implements [runs.Worker]. References that nobody has claimed when ctx
// ends wait for the next call. A second call at the same time is an error.
func (d *Dispatcher) Work(ctx context.Context, claim runs.Claim) error {
	w, err := d.begin(ctx, claim)
	if err != nil {
		return err
	}
	<-ctx.Done()
	d.mu.Lock()
	d.working = nil
	d.mu.Unlock()
	w.pool.StopAndWait()
	return nil
}

func (d *Dispatcher) begin(ctx context.Context, claim runs.Claim) (*worker, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.working != nil {
		return nil, errors.New("pondruns: Work is under way already; each Tracker needs a Dispatcher of its own")
	}
	waiting := d.waiting
	w := &worker{
		d:     d,
		ctx:   ctx,
		claim: claim,
		// Workers may put back what they could not claim, in any case.
		pool: pond.NewPool(d.cfg.Workers,
			pond.WithQueueSize(max(d.cfg.Queue, len(waiting))+d.cfg.Workers), pond.WithNonBlocking(true)),
	}
	for _, ref := range waiting {
		if err := w.submit(ref); err != nil {
			return nil, err // unreachable: the queue has room for all of them
		}
	}
	d.working, d.waiting = w, nil
	return w, nil
}

// A worker is one call of Work.
type worker struct {
	d     *Dispatcher
	ctx   context.Context // of Work
	claim runs.Claim
	pool  pond.Pool
}

// submit never waits.
func (w *worker) submit(ref runs.Ref) error {
	return w.pool.Go(func() { w.handle(ref) })
}

// retryPause is how long a worker rests when the store could not be asked. It
// keeps its slot, since the next claim would fare no better.
const retryPause = 100 * time.Millisecond

// handle claims and executes what ref names.
func (w *worker) handle(ref runs.Ref) {
	defer w.survive(ref)
	if w.ctx.Err() != nil {
		w.d.keep(ref)
		return
	}
	execute, err := w.claim(w.ctx, ref)
	switch {
	case err != nil:
		w.retry(ref, err)
	case execute != nil:
		execute(context.WithoutCancel(w.ctx))
	}
}

// retry rests, and then puts ref behind the others.
func (w *worker) retry(ref runs.Ref, err error) {
	if w.ctx.Err() == nil {
		w.d.cfg.Logger.WarnContext(w.ctx, "claim failed", "run", ref.ID, "type", ref.Type, "error", err)
	}
	rest := time.NewTimer(retryPause)
	defer rest.Stop()
	select {
	case <-w.ctx.Done():
	case <-rest.C:
	}
	if w.submit(ref) != nil {
		w.d.keep(ref) // the pool has stopped
	}
}

func (w *worker) survive(ref runs.Ref) {
	if v := recover(); v != nil {
		w.d.cfg.Logger.ErrorContext(w.ctx, "worker panicked", "run", ref.ID, "type", ref.Type,
			"panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	}
}
