package runstest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// honest is a dispatcher that keeps every promise, unless one of its functions
// is replaced by one that does not.
type honest struct {
	room     int
	dispatch func(ctx context.Context, ref runs.Ref) error
	handle   func(ctx context.Context, claim runs.Claim, ref runs.Ref)
	ended    func(ctx context.Context) // when Work is about to return

	mu    sync.Mutex
	queue []runs.Ref
	calls int // of Work
	dead  bool
	idle  *sync.Cond
}

func newHonest() *honest {
	h := &honest{room: 8}
	h.idle = sync.NewCond(&h.mu)
	h.dispatch = func(_ context.Context, ref runs.Ref) error { return h.push(ref, h.room) }
	h.handle = h.handleWell
	h.ended = func(context.Context) {}
	return h
}

func (h *honest) push(ref runs.Ref, room int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.queue) >= room {
		return runs.ErrFull
	}
	h.queue = append(h.queue, ref)
	h.idle.Signal()
	return nil
}

func (h *honest) pop(ctx context.Context) (ref runs.Ref, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for (len(h.queue) == 0 || h.dead) && ctx.Err() == nil {
		h.idle.Wait()
	}
	if ctx.Err() != nil {
		return ref, false
	}
	ref, h.queue = h.queue[0], h.queue[1:]
	return ref, true
}

func (h *honest) kill() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dead = true
}

func (h *honest) Dispatch(ctx context.Context, ref runs.Ref) error { return h.dispatch(ctx, ref) }

func (h *honest) Work(ctx context.Context, claim runs.Claim) error {
	h.mu.Lock()
	h.calls++
	h.mu.Unlock()
	stop := context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.idle.Broadcast()
	})
	defer stop()
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			for ref, ok := h.pop(ctx); ok; ref, ok = h.pop(ctx) {
				h.handle(ctx, claim, ref)
			}
		})
	}
	group.Wait()
	h.ended(ctx)
	return nil
}

func (h *honest) handleWell(ctx context.Context, claim runs.Claim, ref runs.Ref) {
	defer func() { _ = recover() }()
	execute, err := claim(ctx, ref)
	switch {
	case err != nil:
		_ = h.push(ref, 1<<20)
	case execute != nil:
		execute(context.WithoutCancel(ctx))
	}
}

// handling replaces how a reference is handled.
func handling(handle func(h *honest, ctx context.Context, claim runs.Claim, ref runs.Ref)) func(h *honest) {
	return func(h *honest) {
		h.handle = func(ctx context.Context, claim runs.Claim, ref runs.Ref) {
			defer func() { _ = recover() }()
			handle(h, ctx, claim, ref)
		}
	}
}

// dispatchSaboteurs break the promise with this name.
var dispatchSaboteurs = []struct {
	promise string
	breaks  func(h *honest)
}{
	{"dispatch", func(h *honest) { // forgets the type
		h.dispatch = func(_ context.Context, ref runs.Ref) error {
			ref.Type = ""
			return h.push(ref, h.room)
		}
	}},
	{"dispatch", handling(func(_ *honest, ctx context.Context, claim runs.Claim, ref runs.Ref) { _, _ = claim(ctx, ref) })},
	{"dispatch-before", dropping(func(h *honest) bool { return h.calls == 0 })},
	{"dispatch-between", dropping(func(h *honest) bool { return h.calls == 2 })},
	{"dispatch-at-once", func(h *honest) { // waits for room
		h.dispatch = func(ctx context.Context, ref runs.Ref) error {
			for {
				if err := h.push(ref, h.room); err == nil || ctx.Err() != nil {
					return err
				}
				_ = pause(ctx, time.Millisecond)
			}
		}
	}},
	{"dispatch-full", func(h *honest) { // says nothing
		h.dispatch = func(_ context.Context, ref runs.Ref) error {
			_ = h.push(ref, h.room)
			return nil
		}
	}},
	{"dispatch-full", func(h *honest) {
		h.dispatch = func(_ context.Context, ref runs.Ref) error {
			if h.push(ref, h.room) != nil {
				return errors.New("no space left")
			}
			return nil
		}
	}},
	{"dispatch-full", func(h *honest) { // accepts it nevertheless
		h.dispatch = func(_ context.Context, ref runs.Ref) error {
			if h.push(ref, h.room) == nil {
				return nil
			}
			return errors.Join(runs.ErrFull, h.push(ref, 1000))
		}
	}},
	{"dispatch-context", func(h *honest) { // executes in the context of Dispatch
		var mu sync.Mutex
		contexts := map[runs.Ref]context.Context{}
		h.dispatch = func(ctx context.Context, ref runs.Ref) error {
			mu.Lock()
			defer mu.Unlock()
			contexts[ref] = ctx
			return h.push(ref, h.room)
		}
		h.handle = func(_ context.Context, claim runs.Claim, ref runs.Ref) {
			mu.Lock()
			ctx := contexts[ref]
			mu.Unlock()
			if execute, _ := claim(ctx, ref); execute != nil {
				execute(ctx)
			}
		}
	}},
	{"dispatch-concurrent", func(h *honest) { // overwrites what another writes
		var mu sync.Mutex
		h.dispatch = func(_ context.Context, ref runs.Ref) error {
			if !mu.TryLock() {
				return nil
			}
			defer mu.Unlock()
			time.Sleep(100 * time.Microsecond)
			return h.push(ref, h.room)
		}
	}},
	{"claim-nothing", handling(func(h *honest, ctx context.Context, claim runs.Claim, ref runs.Ref) {
		execute, err := claim(ctx, ref)
		if execute == nil && err == nil {
			h.kill()
			return
		}
		execute(context.WithoutCancel(ctx))
	})},
	{"claim-error", handling(func(_ *honest, ctx context.Context, claim runs.Claim, ref runs.Ref) {
		if execute, err := claim(ctx, ref); err == nil {
			execute(context.WithoutCancel(ctx))
		}
	})},
	{"claim-error", handling(func(h *honest, ctx context.Context, claim runs.Claim, ref runs.Ref) { // one after the other
		execute, err := claim(ctx, ref)
		for err != nil && ctx.Err() == nil {
			h.kill()
			execute, err = claim(ctx, ref)
		}
		execute(context.WithoutCancel(ctx))
	})},
	{"claim-panic", diesOfPanic},
	{"execute-panic", diesOfPanic},
	{"execute-once", handling(func(_ *honest, ctx context.Context, claim runs.Claim, ref runs.Ref) {
		execute, _ := claim(ctx, ref)
		execute(ctx)
		execute(ctx)
	})},
	{"execute-once", handling(func(_ *honest, ctx context.Context, claim runs.Claim, ref runs.Ref) {
		execute, _ := claim(ctx, ref)
		_ = pause(ctx, 5*time.Second)
		if ctx.Err() == nil {
			execute(ctx)
		}
	})},
	{"work-waits", handling(func(_ *honest, ctx context.Context, claim runs.Claim, ref runs.Ref) {
		execute, _ := claim(ctx, ref)
		go execute(context.WithoutCancel(ctx))
	})},
	{"work-waits", handling(func(_ *honest, ctx context.Context, claim runs.Claim, ref runs.Ref) {
		execute, _ := claim(ctx, ref)
		execute(ctx)
	})},
	{"work-waits", func(h *honest) { // empties the queue first
		var claim runs.Claim
		h.handle = func(ctx context.Context, c runs.Claim, ref runs.Ref) {
			claim = c
			h.handleWell(ctx, claim, ref)
		}
		h.ended = func(ctx context.Context) {
			for _, ref := range h.queue {
				h.handleWell(ctx, claim, ref)
			}
		}
	}},
	{"work-keeps", func(h *honest) {
		h.ended = func(context.Context) { h.queue = nil }
	}},
	{"work-ended", func(h *honest) {
		h.ended = func(context.Context) { h.queue = nil }
	}},
	{"work-leaves-nothing", func(h *honest) {
		h.ended = func(context.Context) { go func() { _ = pause(context.Background(), time.Second) }() }
	}},
}

// dropping loses references when it says so.
func dropping(lose func(h *honest) bool) func(h *honest) {
	return func(h *honest) {
		h.dispatch = func(_ context.Context, ref runs.Ref) error {
			h.mu.Lock()
			lost := lose(h)
			h.mu.Unlock()
			if lost {
				return nil
			}
			return h.push(ref, h.room)
		}
	}
}

// diesOfPanic stops working at a panic.
func diesOfPanic(h *honest) {
	h.handle = func(ctx context.Context, claim runs.Claim, ref runs.Ref) {
		defer func() {
			if recover() != nil {
				h.kill()
			}
		}()
		if execute, err := claim(ctx, ref); err == nil && execute != nil {
			execute(context.WithoutCancel(ctx))
		}
	}
}

func TestHonestDispatcher(t *testing.T) {
	TestDispatcher(t, func(testing.TB) Engine { return Engine{Dispatcher: newHonest(), Room: 8} })
}

func TestDispatcherNotices(t *testing.T) {
	for _, p := range slices.Concat(dispatchPromises, workPromises) {
		t.Run(p.name, func(t *testing.T) {
			n := 0
			for _, s := range dispatchSaboteurs {
				if s.promise != p.name {
					continue
				}
				n++
				h := newHonest()
				s.breaks(h)
				patience := 100 * time.Millisecond
				if p.name == "work-waits" {
					patience = 2 * time.Second // waits for a part of it
				}
				err := p.check(t.Context(), newEngine(Engine{Dispatcher: h, Room: h.room, Patience: patience}))
				if err == nil {
					t.Errorf("saboteur %d passes %q", n, p.text)
				}
				t.Log(err)
			}
			if n == 0 {
				t.Errorf("nobody breaks %q", p.text)
			}
		})
	}
}
