package runs

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// bufferSize is how many items may wait to be stored before reporting waits
	// for the store.
	bufferSize = 2000
	itemBatch  = 500
)

// storeItems writes the items that are buffered, as far as ctx allows. Those
// that could not be written stay there.
func (x *Exec) storeItems(ctx context.Context) {
	select {
	case x.storing <- struct{}{}:
		defer func() { <-x.storing }()
	case <-ctx.Done():
		return
	}
	for {
		x.mu.Lock()
		n := min(len(x.buffer), itemBatch)
		batch := x.buffer[:n:n]
		x.mu.Unlock()
		if n == 0 {
			return
		}
		err := x.t.cfg.Items.PutItems(ctx, x.ref, x.attempt, batch)
		switch {
		case err == nil:
		case errors.Is(err, ErrConflict):
			x.cancel(ErrLeaseLost)
			return
		case errors.Is(err, ErrInvalid), errors.Is(err, ErrNotFound):
			// A run that is gone is noticed by its next heartbeat; one that is
			// there is not in the store that Config.Items is.
			// Trying again would not help, and the counts have them.
			x.t.cfg.Logger.ErrorContext(ctx, "items were refused", "run", x.ref.ID, "error", err)
		case ctx.Err() != nil: // the end of the run stores what is left
			return
		default:
			x.t.cfg.Logger.WarnContext(ctx, "items were not stored", "run", x.ref.ID, "error", err)
			return
		}
		x.mu.Lock()
		x.buffer = x.buffer[n:]
		x.mu.Unlock()
	}
}

// storeAllItems writes the buffered items, in as many tries as ctx allows.
func (x *Exec) storeAllItems(ctx context.Context) {
	pause := 50 * time.Millisecond
	for {
		x.storeItems(ctx)
		x.mu.Lock()
		left := len(x.buffer)
		x.mu.Unlock()
		if left == 0 {
			return
		}
		select {
		case <-ctx.Done():
			x.t.cfg.Logger.ErrorContext(ctx, "items were not stored", "run", x.ref.ID, "items", left)
			return
		case <-time.After(pause):
			pause = min(2*pause, time.Second)
		}
	}
}

// resume loads what earlier attempts have settled. It tries until ctx ends:
// without it work would be done twice.
func (x *Exec) resume(ctx context.Context) error {
	if x.t.cfg.Items == nil || x.attempt < 2 {
		return nil
	}
	x.before = make(map[string]struct{})
	q := ItemQuery{Run: x.ref, Limit: MaxLimit}
	for {
		var page ItemPage
		err := x.t.persist(ctx, 0, func(ctx context.Context, _ bool) (err error) {
			page, err = x.t.cfg.Items.Items(ctx, q)
			return err
		})
		if err != nil {
			return fmt.Errorf("resume: %w", err)
		}
		x.mu.Lock()
		for _, it := range page.Items {
			x.before[it.Key] = struct{}{}
			x.tally(it)
		}
		x.mu.Unlock()
		if q.After = page.Next; q.After == "" {
			return nil
		}
	}
}
