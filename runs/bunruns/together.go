package bunruns

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/runs"
)

const (
	// maxDirect is how many writes of a kind PostgreSQL does at once, each in a
	// transaction of its own, before it does them together.
	maxDirect = 8

	// maxApart is how many more it does so if a batch has failed.
	maxApart = 16

	// maxTogether is how many writes are done together at most.
	maxTogether = 1000
)

// A write is one statement that changes something, and what came of it.
type write struct {
	// alone runs the statement and sets what came of it. It is a whole
	// transaction, or part of one that begins anew if it fails.
	alone func(ctx context.Context, c executor) error

	r      *runs.Run // as it is to be kept, of inserts and updates
	insert bool
	args   []any // of inserts and updates, what the statement binds

	done   bool      // it has changed something
	stored *runs.Run // by an insert, or the run that it joins
}

// The groups do writes together: with SQLite, which has one writer, all of them
// in one transaction; with PostgreSQL those of a kind in one statement. A nil
// group does each write alone.
type groups struct{ inserts, updates, items *bunkit.Group[*write] }

func (s *Store) newGroups() groups {
	if s.dialect == bunkit.SQLite3 {
		all := &bunkit.Group[*write]{Alone: s.alone, Direct: 1, Exclusive: true, Most: maxTogether}
		all.Together = func(ctx context.Context, writes []*write) []error {
			return share(ctx, writes, s.transact)
		}
		return groups{all, all, all}
	}
	group := func(do func(ctx context.Context, writes []*write) error) *bunkit.Group[*write] {
		return &bunkit.Group[*write]{
			Alone:  s.alone,
			Direct: maxDirect,
			Apart:  maxApart,
			Most:   maxTogether,
			Together: func(ctx context.Context, writes []*write) []error {
				return share(ctx, writes, do)
			},
		}
	}
	// Items come by the hundred already.
	return groups{inserts: group(s.insertMany), updates: group(s.updateMany)}
}

// commit does one write, alone or together with those that arrive while others
// are under way, and again while other writers are in its way. All writes pass
// through here. If commit returns an error, the write may still be under way.
func (s *Store) commit(ctx context.Context, g *bunkit.Group[*write], w *write) error {
	if g == nil {
		return s.alone(ctx, w)
	}
	return g.Do(ctx, w)
}

func (s *Store) alone(ctx context.Context, w *write) error {
	if s.joined {
		return w.alone(ctx, s.write)
	}
	return bunkit.Retry(ctx, func(ctx context.Context) error {
		if s.dialect == bunkit.PostgreSQL {
			return w.alone(ctx, s.write)
		}
		// SQLite waits for the lock of another process without looking up.
		done := make(chan error, 1)
		go func() { done <- w.alone(ctx, s.write) }()
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// An identity is what makes two inserts the same.
type identity struct {
	tenant, once string
	typ          runs.Type
	key          runs.Key
	active       bool
}

// same returns the identity of an insert that joins another of the same.
func (w *write) same() (identity, bool) {
	if !w.insert || w.r.Once == "" && (w.r.Key == "" || !w.r.Active()) {
		return identity{}, false
	}
	return identity{w.r.Tenant, w.r.Once, w.r.Type, w.r.Key, w.r.Active()}, true
}

// share has do make all of the writes or none, and returns what each of them
// is to get. Do is given them in an order in which two processes do not wait
// for each other in a circle; each run once; and each identity once: its other
// inserts join the run that the first has inserted or joined.
func share(ctx context.Context, writes []*write, do func(ctx context.Context, writes []*write) error) []error {
	byID := make(map[string]bool, len(writes))
	first := make(map[identity]*write)
	apart := make(map[*write]*write) // those not given to do, and whom they join
	var distinct []*write
	for _, w := range writes {
		if w.r != nil {
			id, ok := w.same()
			if one := first[id]; ok && one != nil || byID[w.r.ID] {
				apart[w] = one
				continue
			}
			byID[w.r.ID] = true
			if ok {
				first[id] = w
			}
		}
		distinct = append(distinct, w)
	}
	slices.SortStableFunc(distinct, inOrder)
	err := bunkit.Retry(ctx, func(ctx context.Context) error { return do(ctx, distinct) })
	if err != nil && !bunkit.Transient(err) && !bunkit.Unreachable(err) && ctx.Err() == nil {
		err = bunkit.ErrAlone // one of them is to blame, and the others are not
	}
	errs := make([]error, len(writes))
	for i, w := range writes {
		one, isApart := apart[w]
		switch {
		case err != nil:
			errs[i] = err
		case isApart && one != nil && one.stored != nil:
			w.done, w.stored = false, one.stored.Clone()
		case isApart:
			errs[i] = bunkit.ErrAlone
		}
	}
	return errs
}

// inOrder compares by what unique indexes have, and rows are locked by.
func inOrder(a, b *write) int {
	switch {
	case a.r == nil || b.r == nil:
		return 0
	case a.insert && b.insert:
		return cmp.Or(
			cmp.Compare(a.r.Tenant, b.r.Tenant), cmp.Compare(a.r.Key, b.r.Key),
			cmp.Compare(a.r.Once, b.r.Once), cmp.Compare(a.r.ID, b.r.ID))
	default:
		return cmp.Compare(a.r.ID, b.r.ID)
	}
}

// transact makes the writes in one transaction of SQLite.
func (s *Store) transact(ctx context.Context, writes []*write) (err error) {
	pool := s.write.(*prepared)
	for _, text := range []string{s.sql.insert, s.sql.update, s.sql.putItems} {
		// The pool has one connection, and it is taken from here on.
		if _, err := pool.stmt(ctx, text); err != nil { //nolint:sqlclosecheck // db closes it
			return err
		}
	}
	tx, err := pool.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	c := &transaction{tx: tx, pool: pool, stmts: map[string]*sql.Stmt{}}
	// Statements that can be interrupted cost more, and these are short.
	uninterrupted := context.WithoutCancel(ctx)
	for _, w := range writes {
		if err := w.alone(uninterrupted, c); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}
