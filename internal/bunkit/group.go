package bunkit

import (
	"context"
	"errors"
	"sync"
)

// ErrAlone is what [Group.Together] reports for a call that did nothing and is
// to be done by itself.
var ErrAlone = errors.New("to be done alone")

// A Group does calls together that would wait for each other anyway, so that
// they share what one commit costs. Nothing waits for a timer: a call that
// finds few others goes by itself at once, those that arrive while many are
// under way are done together as soon as the ones before them are.
//
// Its fields are not to be changed once it is used. It has no goroutine while
// it has no calls.
type Group[C any] struct {
	// Alone does one call.
	Alone func(ctx context.Context, call C) error

	// Together does calls, all or none of them, and returns what each of them
	// is to get. The context has the values of the first call's, and ends when
	// nobody waits for any of them.
	Together func(ctx context.Context, calls []C) []error

	// Direct is how many calls at once are done alone, before others queue. From
	// then on calls are done together until there are a quarter as many.
	Direct int

	// Apart is how many more calls at once are done alone because they could
	// not be done together: some of them may take long, and the others of their
	// batch need places, too. Less than one means one.
	Apart int

	// Exclusive says that calls that are done alone and together would wait for
	// the same connection: then what queues is gathered until it is free.
	Exclusive bool

	// Most is how many calls are done together at most.
	Most int

	mu       sync.Mutex
	active   int  // calls that are done alone
	flushing bool // flush runs
	queue    []*waiter[C]
	again    chan struct{} // a place for each call that is done alone after all
}

// A waiter is a call that queues, or is done together with others.
type waiter[C any] struct {
	ctx    context.Context //nolint:containedctx // of the call, as long as it takes
	call   C
	done   chan error // has room for one
	batch  *batch     // once it is taken from the queue
	direct bool       // told to go alone, with a place
	left   bool       // nobody waits for it
}

// A batch is what is done together.
type batch struct {
	waiting int
	cancel  context.CancelFunc
}

// errGo tells a waiter to go by itself; it has its place already.
var errGo = errors.New("go")

// Do does a call, alone or with others, and returns its error. If ctx ends it
// returns the error of ctx, and the call may have been done or may still be.
func (g *Group[C]) Do(ctx context.Context, call C) error {
	g.mu.Lock()
	if !g.flushing && len(g.queue) == 0 && g.active < g.Direct {
		g.active++
		g.mu.Unlock()
		defer g.leaveDirect()
		return g.Alone(ctx, call)
	}
	w := &waiter[C]{ctx: ctx, call: call, done: make(chan error, 1)}
	g.queue = append(g.queue, w)
	g.start()
	g.mu.Unlock()

	var err error
	select {
	case err = <-w.done:
	case <-ctx.Done():
		g.leave(w)
		return ctx.Err()
	}
	switch {
	case errors.Is(err, errGo):
		defer g.leaveDirect()
		return g.Alone(ctx, call)
	case errors.Is(err, ErrAlone):
		return g.doAgain(ctx, call)
	default:
		return err
	}
}

// doAgain does a call alone that could not be done with others.
func (g *Group[C]) doAgain(ctx context.Context, call C) error {
	g.mu.Lock()
	if g.again == nil {
		g.again = make(chan struct{}, max(g.Apart, 1))
	}
	places := g.again
	g.mu.Unlock()
	select {
	case places <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-places }()
	return g.Alone(ctx, call)
}

// leaveDirect gives back the place of a call that was done alone.
func (g *Group[C]) leaveDirect() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.active--
	g.start()
}

// leave lets go of a call whose context has ended.
func (g *Group[C]) leave(w *waiter[C]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w.left = true
	if w.direct {
		g.active--
		g.start()
	}
	if w.batch != nil {
		if w.batch.waiting--; w.batch.waiting == 0 {
			w.batch.cancel()
		}
	}
}

// start has the queue emptied, if there is something in it and nothing in the
// way. The caller holds g.mu.
func (g *Group[C]) start() {
	if g.flushing || len(g.queue) == 0 || g.Exclusive && g.active > 0 {
		return
	}
	g.flushing = true
	go g.flush()
}

// flush does what queues until there is nothing, or little enough to go alone.
func (g *Group[C]) flush() {
	for {
		waiters, ctx := g.take()
		if waiters == nil {
			return
		}
		calls := make([]C, len(waiters))
		for i, w := range waiters {
			calls[i] = w.call
		}
		errs := g.Together(ctx, calls)
		waiters[0].batch.cancel()
		for i, w := range waiters {
			w.done <- errs[i]
		}
	}
}

// take returns the calls to do next, or none when flush has to end.
func (g *Group[C]) take() ([]*waiter[C], context.Context) {
	g.mu.Lock()
	defer g.mu.Unlock()
	staying := g.queue[:0]
	for _, w := range g.queue {
		if !w.left && w.ctx.Err() == nil {
			staying = append(staying, w)
		}
	}
	clear(g.queue[len(staying):])
	g.queue = staying
	// Of those who were answered just now, most are about to call again: they
	// are done together until few are left, or they would go alone every other
	// time.
	if len(g.queue) == 0 || g.active+len(g.queue) <= min(g.Direct, max(1, g.Direct/4)) {
		for _, w := range g.queue {
			g.active++
			w.direct = true
			w.done <- errGo
		}
		g.queue, g.flushing = nil, false
		return nil, nil
	}
	n := min(len(g.queue), g.Most)
	waiters := append([]*waiter[C](nil), g.queue[:n]...)
	rest := copy(g.queue, g.queue[n:])
	clear(g.queue[rest:])
	g.queue = g.queue[:rest]
	ctx, cancel := context.WithCancel(context.WithoutCancel(waiters[0].ctx))
	b := &batch{waiting: n, cancel: cancel}
	for _, w := range waiters {
		w.batch = b
	}
	return waiters, ctx
}
