package bunruns

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/runs"
)

// Insert implements [runs.Store]. A new run takes one statement with PostgreSQL
// and two with SQLite; joining one takes one statement, which writes nothing.
func (s *Store) Insert(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
	if err := r.Validate(); err != nil {
		return nil, false, err
	}
	stored, inserted, err := s.insert(ctx, r)
	if err != nil {
		return nil, false, s.explain(ctx, "insert run", err)
	}
	return stored, inserted, nil
}

// insertTries is how often an insert begins anew because a run that was in its
// way is gone when it looks for it.
const insertTries = 10

func (s *Store) insert(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
	for range insertTries {
		if s.dialect == bunkit.SQLite3 {
			if found, err := s.look(ctx, r); found != nil || err != nil {
				return found, false, err
			}
		}
		stored, inserted, err := s.add(ctx, r)
		if stored != nil || err != nil {
			return stored, inserted, err
		}
		// Another run has been in the way. Which?
		if found, err := s.look(ctx, r); found != nil || err != nil {
			return found, false, err
		}
		var taken, busy bool
		_, err = queryRow(ctx, s.find, s.sql.taken, []any{r.ID, r.Tenant, r.Lane, string(r.Status)}, &taken, &busy)
		switch {
		case err != nil:
			return nil, false, err
		case taken:
			return nil, false, runs.ErrExists
		case busy:
			return nil, false, runs.ErrLaneBusy
		}
	}
	return nil, false, fmt.Errorf("%w: the runs in its way change too fast", runs.ErrStoreUnavailable)
}

// look returns the run that r joins, or nil, without a look if nobody can share
// anything with r.
func (s *Store) look(ctx context.Context, r *runs.Run) (*runs.Run, error) {
	if r.Once == "" && (r.Key == "" || !r.Active()) {
		return nil, nil
	}
	found := new(runs.Run)
	ok, err := queryRow(ctx, s.find, s.sql.look,
		[]any{r.Tenant, string(r.Type), r.Once, string(r.Key), string(r.Status)}, scanWhole(found)...)
	if err != nil || !ok {
		return nil, err
	}
	return found, nil
}

// add runs the insert, and returns the run that it has inserted, or joined, or
// nil.
func (s *Store) add(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
	next, after := s.kept(r)
	next.Revision = 1
	args := append(s.bindFixed([]any{r.Tenant, r.ID}, next), bindParams(next))
	args, err := s.bindState(args, next, after)
	if err != nil {
		return nil, false, err
	}
	w := &write{r: next, insert: true, args: args}
	w.alone = func(ctx context.Context, c executor) (err error) {
		w.done, w.stored = false, nil
		if s.dialect == bunkit.SQLite3 {
			if w.done, err = changed(c.ExecContext(ctx, s.sql.insert, args...)); w.done {
				w.stored = next
			}
			return err
		}
		row := new(runs.Run)
		ok, err := queryRow(ctx, c, s.sql.insert, args, slices.Concat([]any{&w.done}, scanWhole(row))...)
		if ok {
			w.keep(row)
		}
		return err
	}
	if err := s.commit(ctx, s.groups.inserts, w); err != nil {
		return nil, false, err
	}
	return w.stored, w.done, nil
}

// keep sets what has been stored to the row that an insert gave: the run that it
// joins or, if it is done, nothing but stamped.
func (w *write) keep(row *runs.Run) {
	if w.stored = row; w.done {
		w.stored = w.r
		w.r.LeaseUntil, w.r.NotBefore, w.r.NextRing = row.LeaseUntil, row.NotBefore, row.NextRing
	}
}

// changed reports whether a statement has changed a row.
func changed(result sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// Update implements [runs.Store]. It is one statement, and one more to tell why
// it changed nothing.
func (s *Store) Update(ctx context.Context, r *runs.Run) (*runs.Run, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	stored, err := s.update(ctx, r)
	if err != nil {
		return nil, s.explain(ctx, "update run", err)
	}
	return stored, nil
}

func (s *Store) update(ctx context.Context, r *runs.Run) (*runs.Run, error) {
	next, after := s.kept(r)
	args, err := s.bindState([]any{r.Tenant, r.ID, r.Revision}, next, after)
	if err != nil {
		return nil, err
	}
	next.Revision++
	next.Params = nil
	w := &write{r: next, args: args}
	w.alone = func(ctx context.Context, c executor) (err error) {
		w.done, err = queryRow(ctx, c, s.sql.update, s.bindNow(slices.Clip(args)), scanUpdated(next)...)
		return err
	}
	err = s.commit(ctx, s.groups.updates, w)
	switch {
	case err != nil:
		return nil, duplicate(err)
	case !w.done:
		return nil, s.refused(ctx, r)
	}
	return next, nil
}

// scanUpdated scans what an update gives: stamped, and what cannot change,
// which is as it was inserted, whatever the caller says.
func scanUpdated(r *runs.Run) []any {
	return scanFixed([]any{at{&r.LeaseUntil}, at{&r.NotBefore}, at{&r.NextRing}}, r)
}

// refused returns why an update of r has changed nothing.
func (s *Store) refused(ctx context.Context, r *runs.Run) error {
	var revision int64
	var lane, early bool
	found, err := queryRow(ctx, s.find, s.sql.revision, s.bindNow([]any{r.Tenant, r.ID}), &revision, &lane, &early)
	switch {
	case err != nil:
		return err
	case !found:
		return runs.ErrNotFound
	case revision != r.Revision:
		return runs.ErrConflict
	case early, !lane: // its time may have come since
		return runs.ErrNotDue
	default:
		return runs.ErrLaneBusy
	}
}

// Get implements [runs.Store].
func (s *Store) Get(ctx context.Context, ref runs.Ref) (*runs.Run, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !bunkit.Storable(ref.Tenant, ref.ID) {
		return nil, runs.ErrNotFound
	}
	r := new(runs.Run)
	found, err := queryRow(ctx, s.find, s.sql.get, []any{ref.Tenant, ref.ID}, scanWhole(r)...)
	if err == nil && !found {
		err = runs.ErrNotFound
	}
	if err != nil {
		return nil, s.explain(ctx, "get run", err)
	}
	return r, nil
}
