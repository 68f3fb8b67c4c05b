package buninventory

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/inventory"
)

// Finish implements [inventory.Store]. It looks only at contents that items
// have left since the Finish before, and at no more than 10,000 of them, and as
// many to forget; the next one goes on.
func (s *Store) Finish(ctx context.Context, sync inventory.Sync, at time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := checkSync(sync); err != nil {
		return err
	}
	err := s.write(ctx, sync.Tenant, false, func(ctx context.Context, t *tx) error {
		first, err := t.exec(ctx, s.sql.finish, sync.Run, sync.Selection, s.dialect.Instant(at))
		if err != nil {
			return err
		}
		if first > 0 {
			if _, err := t.exec(ctx, s.sql.scopes, sync.Run, sync.Selection); err != nil {
				return err
			}
		}
		return s.forget(ctx, t, at)
	})
	return s.explain(ctx, "finish", err)
}

func (s *Store) forget(ctx context.Context, t *tx, at time.Time) error {
	expired := s.dialect.Instant(at.Add(-inventory.ContentGrace))
	for _, step := range []struct {
		text string
		arg  any
	}{
		{s.sql.sortLoose, s.dialect.Instant(at)},
		{s.sql.dropUnused, expired},
		{s.sql.keepUsed, expired},
		{s.sql.dropCoverage, inventory.KeptReports},
		{s.sql.dropReports, inventory.KeptReports},
	} {
		if _, err := t.exec(ctx, step.text, step.arg); err != nil {
			return err
		}
	}
	return nil
}

// Coverage implements [inventory.Reader]. It is one statement.
func (s *Store) Coverage(ctx context.Context, q inventory.CoverageQuery) (inventory.Report, error) {
	if err := ctx.Err(); err != nil {
		return inventory.Report{}, err
	}
	if !bunkit.Storable(q.Tenant, q.Run, q.Selection) {
		return inventory.Report{}, inventory.ErrNotFound
	}
	text, args := s.sql.reportOfAny, []any{q.Tenant}
	switch {
	case q.Run != "":
		text, args = s.sql.reportOfRun, append(args, q.Run)
	case q.Selection != "":
		text, args = s.sql.reportOfSelection, append(args, q.Selection)
	}
	r, err := s.reportOf(ctx, text, args)
	if err != nil {
		return inventory.Report{}, s.explain(ctx, "get coverage", err)
	}
	return r, nil
}

func (s *Store) reportOf(ctx context.Context, text string, args []any) (r inventory.Report, err error) {
	found := false
	err = bunkit.Query(ctx, s.db.Read.DB, text, args, func(rows *sql.Rows) error {
		found = true
		var body sql.NullString
		if err := rows.Scan(&r.Run, &r.Selection, at{&r.CompletedAt}, &body); err != nil || !body.Valid {
			return err // a run without coverage
		}
		var c inventory.Coverage
		err := json.Unmarshal([]byte(body.String), &c)
		r.Kinds = append(r.Kinds, c)
		return err
	})
	if err == nil && !found {
		err = inventory.ErrNotFound
	}
	return r, err
}
