package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A chain is what a Log remembers of a tenant while entries are added: those
// that arrive while others are being stored are stored together.
type chain struct {
	waiting []*waiter
	busy    bool       // flush runs
	last    Checkpoint // as far as this process knows
	known   bool       // last was read or written
}

// A waiter is an entry on its way.
type waiter struct {
	ctx   context.Context //nolint:containedctx // of the call, as long as it takes
	entry Entry
	done  chan error // has room for one
}

const (
	maxBatch  = 100  // entries that are stored together
	maxChains = 1024 // tenants that are remembered
)

// queue hands e to the flush of its chain and waits for it.
func (l *Log) queue(ctx context.Context, e Entry) error {
	w := &waiter{ctx: ctx, entry: e, done: make(chan error, 1)}
	l.mu.Lock()
	c := l.chains[e.Tenant]
	if c == nil {
		l.makeRoom()
		c = new(chain)
		l.chains[e.Tenant] = c
	}
	c.waiting = append(c.waiting, w)
	if !c.busy {
		c.busy = true
		go l.flush(e.Tenant, c)
	}
	l.mu.Unlock()
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// makeRoom forgets an idle tenant if there are too many. The caller holds l.mu.
func (l *Log) makeRoom() {
	if len(l.chains) < maxChains {
		return
	}
	for tenant, c := range l.chains {
		if !c.busy {
			delete(l.chains, tenant)
			return
		}
	}
}

// flush stores what waits until nothing does.
func (l *Log) flush(tenant string, c *chain) {
	for {
		batch := l.take(c)
		if batch == nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(batch[0].ctx), l.cfg.Timeout)
		entries := make([]Entry, len(batch))
		for i, w := range batch {
			entries[i] = w.entry
		}
		err := l.append(ctx, tenant, c, entries)
		if err != nil && ctx.Err() != nil {
			err = errSlow // nothing else ends it
		}
		cancel()
		for _, w := range batch {
			w.done <- err
		}
	}
}

// take returns what to store next, or nil when flush has to end. Entries that
// nobody waits for any more were reported as not recorded, and are not.
func (l *Log) take(c *chain) []*waiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	var batch []*waiter
	n := 0
	for _, w := range c.waiting {
		if len(batch) == maxBatch {
			break
		}
		n++
		if w.ctx.Err() == nil {
			batch = append(batch, w)
		}
	}
	c.waiting = append([]*waiter(nil), c.waiting[n:]...)
	c.busy = batch != nil
	return batch
}

// append adds entries at the end of the chain, wherever that is by now. Only
// the flush of c calls it, one at a time.
func (l *Log) append(ctx context.Context, tenant string, c *chain, entries []Entry) error {
	for {
		if !c.known {
			h, err := l.cfg.Store.Head(ctx, tenant)
			if err != nil {
				return err
			}
			if c.last, err = l.ring.checked(h.Last, kindLast, tenant); err != nil {
				return fmt.Errorf("the end of the audit of %s: %w", tenant, err)
			}
		}
		rows, next, err := l.ring.link(c.last, entries, l.cfg.Now())
		if err != nil {
			return err
		}
		err = l.cfg.Store.Append(ctx, tenant, c.last.String(), next.String(), rows)
		c.known = err == nil
		if err == nil {
			c.last = next
			return nil
		}
		if !errors.Is(err, runs.ErrConflict) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}
