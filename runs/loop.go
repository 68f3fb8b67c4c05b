package runs

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// hardStop is how long after Config.Grace a handler that ignores its context is
// waited for.
const hardStop = 5 * time.Second

// Run executes runs in this process, if the Dispatcher is a [Worker], and looks
// after those that wait for somebody: it offers queued ones again, takes runs
// from workers that have vanished, and tells the observers what they have
// missed. It does so until ctx ends. Then it claims nothing more, lets handlers
// go on for Config.Grace, cancels them and queues their runs again. It can be
// called once; it returns nil, or an error if it was called before.
func (t *Tracker) Run(ctx context.Context) error {
	if !t.ran.CompareAndSwap(false, true) {
		return errors.New("runs: Tracker.Run was called before")
	}
	var group sync.WaitGroup
	group.Go(func() { t.maintain(ctx) })
	if t.worker != nil {
		group.Go(func() { t.work(ctx) })
	}
	idle := make(chan struct{})
	go func() {
		group.Wait()
		close(idle)
	}()

	<-ctx.Done()
	grace := time.NewTimer(t.cfg.Grace)
	defer grace.Stop()
	select {
	case <-idle:
		return nil
	case <-grace.C:
	}
	t.live.stop()
	last := time.NewTimer(hardStop)
	defer last.Stop()
	select {
	case <-idle:
		return nil
	case <-last.C:
	}
	close(t.abandon)
	<-idle
	return nil
}

// work lets the dispatcher execute runs, and begins anew when it cannot go on.
func (t *Tracker) work(ctx context.Context) {
	pause := time.Second
	for {
		err := t.worker.Work(ctx, t.claim)
		if ctx.Err() != nil {
			return
		}
		t.cfg.Logger.ErrorContext(ctx, "worker cannot go on", "error", err, "pause", pause)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
			pause = min(2*pause, 30*time.Second)
		}
	}
}

// maintain sweeps, and fills slots that became free.
func (t *Tracker) maintain(ctx context.Context) {
	sweep := time.NewTimer(0)
	defer sweep.Stop()
	const soon = 50 * time.Millisecond
	pause := soon
	var refill <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-sweep.C:
			if t.sweep(ctx) {
				sweep.Reset(0)
			} else {
				// Uneven, so that processes that started together drift apart.
				sweep.Reset(t.cfg.Sweep*3/4 + rand.N(t.cfg.Sweep/2+1))
			}
			continue
		case <-t.pull:
			pause = soon
		case <-refill:
			pause = min(2*pause, time.Second)
		}
		refill = nil
		if t.refill(ctx) {
			refill = time.After(pause)
		}
	}
}

// freed says that a slot is free.
func (t *Tracker) freed() {
	if t.backlog.Load() {
		t.askPull()
	}
}

func (t *Tracker) askPull() {
	t.backlog.Store(true)
	select {
	case t.pull <- struct{}{}:
	default:
	}
}

// refill offers queued runs that the dispatcher had no room for, and reports
// whether there may be more of them.
func (t *Tracker) refill(ctx context.Context) (more bool) {
	if !t.backlog.Swap(false) {
		return false
	}
	const batch = 64
	limit := t.handed.len() + batch
	due, err := t.cfg.Store.Due(ctx, DueQuery{Types: t.types, Claimable: true, Limit: limit})
	if err != nil {
		t.backlog.Store(true)
		return ctx.Err() == nil
	}
	for _, r := range due {
		if t.handed.has(r.ID) {
			continue
		}
		full, err := t.offer(ctx, r)
		if full {
			return true // offer has marked the backlog
		}
		if err != nil {
			t.cfg.Logger.WarnContext(ctx, "dispatch failed", "run", r.ID, "type", r.Type, "error", err)
		}
	}
	if len(due) == limit {
		t.backlog.Store(true)
		return true
	}
	return false
}

// liveRuns are the executions of this process.
type liveRuns struct {
	mu       sync.Mutex
	execs    map[string]*Exec
	stopping bool
}

func (l *liveRuns) add(x *Exec) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.execs == nil {
		l.execs = make(map[string]*Exec)
	}
	l.execs[x.ref.ID] = x
	if l.stopping {
		x.cancel(ErrStopping)
	}
}

func (l *liveRuns) remove(x *Exec) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.execs[x.ref.ID] == x {
		delete(l.execs, x.ref.ID)
	}
}

// stop ends the contexts of all handlers, also of those still to come.
func (l *liveRuns) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopping = true
	for _, x := range l.execs {
		x.cancel(ErrStopping)
	}
}

// cancel ends the context of a run's handler, if it is executed here.
func (l *liveRuns) cancel(r *Run) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if x := l.execs[r.ID]; x != nil && x.attempt == r.Attempt {
		x.cancel(ErrCanceled)
	}
}
