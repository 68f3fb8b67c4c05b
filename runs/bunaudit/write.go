package bunaudit

import (
	"context"
	"database/sql"
	"errors"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/audit"
)

// Append implements [audit.Store].
func (s *Store) Append(ctx context.Context, tenant, last, next string, rows []audit.Row) error {
	err := bunkit.Retry(ctx, func(ctx context.Context) error {
		if s.dialect == bunkit.SQLite3 {
			return s.appendSQLite(ctx, tenant, last, next, rows)
		}
		return s.appendPostgres(ctx, tenant, last, next, rows)
	})
	return s.explain(ctx, "append to the audit", err)
}

// appendPostgres is one statement, which waits for others of the tenant that
// are under way and then finds the head moved.
func (s *Store) appendPostgres(ctx context.Context, tenant, last, next string, rows []audit.Row) error {
	n := len(rows)
	seqs, seals := make([]int64, n), make([][]byte, n)
	var texts [5][]string
	for i, r := range rows {
		seqs[i], seals[i] = r.Seq, r.Seal
		for j, v := range []string{string(r.Body), r.Index.Actor, r.Index.Object, string(r.Index.Event), string(r.Index.Action)} {
			texts[j] = append(texts[j], v)
		}
	}
	args := []any{tenant, next, seqs, seals, texts[0], texts[1], texts[2], texts[3], texts[4]}
	text := s.sql.appendFirst
	if last != "" {
		text, args = s.sql.appendNext, append(args, last)
	}
	result, err := s.db.Write.DB.ExecContext(ctx, text, args...)
	if err != nil {
		return err
	}
	return changed(result, int64(n))
}

// changed reports runs.ErrConflict if a statement has not changed n rows.
func changed(result sql.Result, n int64) error {
	got, err := result.RowsAffected()
	if err == nil && got != n {
		err = runs.ErrConflict
	}
	return err
}

func (s *Store) appendSQLite(ctx context.Context, tenant, last, next string, rows []audit.Row) error {
	return s.transaction(ctx, func(tx *sql.Tx) error {
		var result sql.Result
		var err error
		if last == "" {
			result, err = tx.ExecContext(ctx, s.sql.headFirst, tenant, next)
		} else {
			result, err = tx.ExecContext(ctx, s.sql.headNext, tenant, next, last)
		}
		if err == nil {
			err = changed(result, 1)
		}
		for _, r := range rows {
			if err != nil {
				return err
			}
			x := r.Index
			_, err = tx.ExecContext(ctx, s.sql.insert, tenant, r.Seq, string(r.Body), r.Seal, x.Actor, x.Object, string(x.Event), string(x.Action))
		}
		return err
	})
}

// transaction runs body in a transaction that writes.
func (s *Store) transaction(ctx context.Context, body func(tx *sql.Tx) error) error {
	tx, err := s.db.Write.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := body(tx); err != nil {
		if undo := tx.Rollback(); !errors.Is(undo, sql.ErrTxDone) {
			err = errors.Join(err, undo)
		}
		return err
	}
	return tx.Commit()
}

// Prune implements [audit.Store].
func (s *Store) Prune(ctx context.Context, tenant, base, next string, upTo int64) error {
	err := bunkit.Retry(ctx, func(ctx context.Context) error {
		return s.transaction(ctx, func(tx *sql.Tx) error {
			result, err := tx.ExecContext(ctx, s.sql.base, tenant, next, base)
			if err == nil {
				err = changed(result, 1)
			}
			if err == nil {
				_, err = tx.ExecContext(ctx, s.sql.prune, tenant, upTo)
			}
			return err
		})
	})
	return s.explain(ctx, "prune the audit", err)
}
