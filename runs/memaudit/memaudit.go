// Package memaudit keeps the audit in memory, for tests and for programs whose
// runs are in memory too.
package memaudit

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/audit"
)

var _ audit.Store = (*Store)(nil)

// A Store is an [audit.Store] in memory. It keeps everything until it is pruned.
// Its methods are safe for concurrent use.
type Store struct {
	mu     sync.RWMutex
	chains map[string]*chain
}

var errTaken = errors.New("the number is taken")

type chain struct {
	head audit.Head
	rows []audit.Row // by number
}

// New returns an empty Store.
func New() *Store { return &Store{chains: make(map[string]*chain)} }

// Head implements [audit.Store].
func (s *Store) Head(_ context.Context, tenant string) (audit.Head, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.chain(tenant).head, nil
}

// chain returns the chain of a tenant, perhaps an empty one to read.
func (s *Store) chain(tenant string) *chain {
	if c := s.chains[tenant]; c != nil {
		return c
	}
	return new(chain)
}

// Append implements [audit.Store].
func (s *Store) Append(ctx context.Context, tenant, last, next string, rows []audit.Row) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chain(tenant)
	if c.head.Last != last {
		return runs.ErrConflict
	}
	if n := len(c.rows); n > 0 && len(rows) > 0 && rows[0].Seq <= c.rows[n-1].Seq {
		return errTaken
	}
	s.chains[tenant] = c
	c.head.Last = next
	for _, row := range rows {
		c.rows = append(c.rows, clone(row))
	}
	return nil
}

func clone(row audit.Row) audit.Row {
	row.Body, row.Seal = bytes.Clone(row.Body), bytes.Clone(row.Seal)
	return row
}

// behind returns the place of the first row with a number greater than seq.
func (c *chain) behind(seq int64) int {
	i, there := slices.BinarySearchFunc(c.rows, seq, func(r audit.Row, seq int64) int {
		switch {
		case r.Seq < seq:
			return -1
		case r.Seq > seq:
			return 1
		}
		return 0
	})
	if there {
		i++
	}
	return i
}

// Rows implements [audit.Store].
func (s *Store) Rows(_ context.Context, tenant string, after int64, limit int) ([]audit.Row, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.chain(tenant)
	var rows []audit.Row
	for _, row := range c.rows[c.behind(after):] {
		if len(rows) == limit {
			break
		}
		rows = append(rows, clone(row))
	}
	return rows, nil
}

// maxLook is how many rows a page looks at.
const maxLook = 100_000

// List implements [audit.Store].
func (s *Store) List(_ context.Context, tenant string, f audit.Filter, limit int) (rows []audit.Row, more int64, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.chain(tenant)
	i := len(c.rows)
	if f.Before != 0 {
		i = c.behind(f.Before - 1)
	}
	for looked := 0; i > 0 && c.rows[i-1].Seq > f.After; looked++ {
		if len(rows) == limit || looked == maxLook {
			return rows, c.rows[i-1].Seq + 1, nil
		}
		if i--; f.Matches(c.rows[i]) {
			rows = append(rows, clone(c.rows[i]))
		}
	}
	return rows, 0, nil
}

// Prune implements [audit.Store].
func (s *Store) Prune(_ context.Context, tenant, base, next string, upTo int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chain(tenant)
	if c.head.Base != base {
		return runs.ErrConflict
	}
	s.chains[tenant] = c
	c.head.Base = next
	c.rows = slices.Clone(c.rows[c.behind(upTo):])
	return nil
}
