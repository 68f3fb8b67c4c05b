package runs

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// What a stopping process waits for after Config.Grace: first for handlers that
// ignore their context, then for records that cannot be written and observers
// that do not return.
const (
	hardStop = 5 * time.Second
	lastStop = 3 * time.Second
)

// Run executes runs in this process, if the Dispatcher is a [Worker], and looks
// after those that wait for somebody: it offers queued ones again, takes runs
// from workers that have vanished, and tells the observers what they have
// missed. It does so until ctx ends. Then it claims nothing more, lets handlers
// go on for Config.Grace, cancels them and queues their runs again. It can be
// called once; it returns nil, or an error if it was called before. [Tracker.Stop]
// ends it too.
func (t *Tracker) Run(ctx context.Context) error {
	if !t.ran.CompareAndSwap(false, true) {
		return errors.New("runs: Tracker.Run was called before")
	}
	defer close(t.ended)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var group sync.WaitGroup
	group.Go(func() { t.maintain(ctx) })
	if t.worker != nil {
		group.Go(func() { t.work(ctx) })
	}
	idle := make(chan struct{})
	go func() {
		group.Wait()
		t.background.Wait()
		close(idle)
	}()

	grace := time.NewTimer(t.cfg.Grace)
	defer grace.Stop()
	select {
	case <-ctx.Done():
		grace.Reset(t.cfg.Grace)
	case <-t.stopping:
		grace.Stop() // the context of Stop says how long
		cancel()
	}
	select {
	case <-idle:
		return nil
	case <-grace.C:
	case <-t.hurry:
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
	last.Reset(lastStop)
	select {
	case <-idle:
	case <-last.C:
		close(t.last)
		<-idle
	}
	return nil
}

// Stop ends [Tracker.Run] and returns when it has returned. Handlers may go on
// until ctx ends; then they are canceled and their runs queued again, which
// takes a few seconds at most. It may be called at any time and any number of
// times: if Run was not called yet, it will return at once.
func (t *Tracker) Stop(ctx context.Context) {
	t.stopOnce.Do(func() { close(t.stopping) })
	if !t.ran.Load() {
		return
	}
	select {
	case <-t.ended:
		return
	case <-ctx.Done():
	}
	t.hurryOnce.Do(func() { close(t.hurry) })
	<-t.ended
}

// lastly calls cancel when the process waits for nothing any longer, until the
// function that it returns is called.
func (t *Tracker) lastly(cancel context.CancelFunc) (done func()) {
	over := make(chan struct{})
	go func() {
		select {
		case <-t.last:
			cancel()
		case <-over:
		}
	}()
	return func() { close(over) }
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
	tookOver := t.cfg.Instance == ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.pull:
			for t.refill(ctx) {
			}
		case <-sweep.C:
			tookOver = tookOver || t.takeOver(ctx)
			// A slot may have become free in the very moment in which the
			// dispatcher said that it was full.
			for t.refill(ctx) {
			}
			if t.sweep(ctx) {
				sweep.Reset(0)
			} else {
				// Uneven, so that processes that started together drift apart.
				sweep.Reset(t.cfg.Sweep*3/4 + rand.N(t.cfg.Sweep/2+1))
			}
		}
	}
}

// freed says that a slot is free. When the dispatcher was full, half of what
// waited then has to be gone before it is offered more: that takes one look for
// many runs.
func (t *Tracker) freed() {
	if t.backlog.Load() && int64(t.handed.len()) <= t.full.Load()/2 {
		t.askPull()
	}
}

// leaveLane says that r is not running any more.
func (t *Tracker) leaveLane(r *Run) {
	if r.Lane != "" {
		t.lanes.free(r)
		t.askPull()
	}
}

func (t *Tracker) askPull() {
	if t.worker == nil {
		return
	}
	t.backlog.Store(true)
	select {
	case t.pull <- struct{}{}:
	default:
	}
}

// refillBatch is how many runs a look for waiting ones brings.
const refillBatch = 128

// refill offers queued runs that the dispatcher had no room for, and reports
// whether it has room for more and there may be some.
func (t *Tracker) refill(ctx context.Context) (more bool) {
	if !t.backlog.Swap(false) {
		return false
	}
	// Those that wait in the dispatcher are the oldest ones, mostly.
	limit := t.handed.len() + refillBatch
	due, err := t.cfg.Store.Due(ctx, DueQuery{Types: t.rings, Claimable: true, Limit: limit})
	if err != nil {
		t.backlog.Store(true) // the next sweep tries again
		if ctx.Err() == nil {
			t.cfg.Logger.WarnContext(ctx, "look for waiting runs failed", "error", err)
		}
		return false
	}
	offered := 0
	for _, r := range due {
		if t.handed.has(r.ID) || t.lanes.busy(r) {
			continue
		}
		r.NotBefore = time.Time{} // the store says that it has come
		full, err := t.offer(ctx, r)
		if full {
			return false // offer has noted that; freed goes on
		}
		if err != nil {
			t.cfg.Logger.WarnContext(ctx, "dispatch failed", "run", r.ID, "type", r.Type, "error", err)
			return false // the sweep rings again
		}
		offered++
	}
	if more = len(due) == limit && offered > 0; more {
		t.backlog.Store(true)
	}
	return more
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
