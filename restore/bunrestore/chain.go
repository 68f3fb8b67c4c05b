package bunrestore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
)

// Head implements [backup.Chain].
func (s *Store) Head(ctx context.Context, tenant string) (head *backup.Link, err error) {
	if !bunkit.Storable(tenant) {
		return nil, nil
	}
	err = s.query(ctx, s.sql.head, []any{tenant}, func(rows *sql.Rows) error {
		var seq int64
		head = new(backup.Link)
		return scanLink(rows, head, &seq)
	})
	if err != nil {
		return nil, s.explain(ctx, "get head", err)
	}
	return head, nil
}

// scanLink reads a link, and before it more columns.
func scanLink(rows *sql.Rows, l *backup.Link, before ...any) error {
	var text string
	if err := rows.Scan(append(before, &text)...); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(text), l); err != nil {
		return fmt.Errorf("decode link: %w", err)
	}
	return nil
}

// Links implements [backup.Chain].
func (s *Store) Links(ctx context.Context, tenant string, after int64, limit int) (links []backup.Link, err error) {
	if !bunkit.Storable(tenant) {
		return nil, nil
	}
	err = s.query(ctx, s.sql.links, []any{tenant, after, runs.PageSize(limit)}, func(rows *sql.Rows) error {
		var l backup.Link
		err := scanLink(rows, &l)
		links = append(links, l)
		return err
	})
	if err != nil {
		return nil, s.explain(ctx, "list links", err)
	}
	return links, nil
}

// Append implements [backup.Chain]. It is one transaction.
func (s *Store) Append(ctx context.Context, l backup.Link, sealing *backup.Sealing) error {
	if err := checkNames(l.Tenant); err != nil {
		return err
	}
	if !bunkit.Storable(l.Set, l.Manifest) {
		return s.explain(ctx, "append", backup.ErrNotFound)
	}
	details, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("encode link: %w", err)
	}
	err = s.write(ctx, l.Tenant, func(ctx context.Context, tx *sql.Tx) error {
		var head int64
		err := bunkit.Query(ctx, tx, s.sql.head, []any{l.Tenant}, func(rows *sql.Rows) error {
			var last backup.Link
			return scanLink(rows, &last, &head)
		})
		if err == nil && l.Seq != head+1 {
			err = backup.ErrConflict
		}
		if err == nil {
			err = s.setExists(ctx, tx, l.Tenant, l.Set)
		}
		if err != nil {
			return err
		}
		if sealing != nil {
			err = s.seal(ctx, tx, &l, sealing)
		} else {
			err = s.drop(ctx, tx, &l)
		}
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, s.sql.putLink, l.Tenant, l.Seq, string(details))
		return err
	})
	return s.explain(ctx, "append", err)
}

// seal makes what is staged part of the set.
func (s *Store) seal(ctx context.Context, tx *sql.Tx, l *backup.Link, sealing *backup.Sealing) error {
	_, err := tx.ExecContext(ctx, s.sql.putSealing, l.Tenant, l.Set, notNull(sealing.Manifest), notNull(sealing.Certificate), sealing.Complete)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, s.sql.unstage, l.Tenant, l.Set); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, s.sql.sealSet, l.Tenant, l.Set, s.dialect.Time(l.At), l.Manifest, l.Seq, sealing.Complete)
	return err
}

// notNull returns doc as a parameter for a column without NULL.
func notNull(doc []byte) []byte {
	if doc == nil {
		return []byte{}
	}
	return doc
}

// drop deletes a set that nobody uses.
func (s *Store) drop(ctx context.Context, tx *sql.Tx, l *backup.Link) error {
	used, err := exists(ctx, tx, s.sql.used, l.Tenant, l.Set, s.dialect.Instant(l.At))
	if err == nil && used {
		err = backup.ErrInUse
	}
	if err != nil {
		return err
	}
	for _, text := range []string{s.sql.dropVersions, s.sql.dropItems, s.sql.dropUses, s.sql.dropSealing, s.sql.dropSet} {
		if _, err := tx.ExecContext(ctx, text, l.Tenant, l.Set); err != nil {
			return err
		}
	}
	return nil
}

// GetSealing implements [backup.Chain].
func (s *Store) GetSealing(ctx context.Context, tenant, set string) (*backup.Sealing, error) {
	found := new(backup.Sealing)
	err := s.one(ctx, s.sql.getSealing, []string{tenant, set}, func(rows *sql.Rows) error {
		return rows.Scan(&found.Manifest, &found.Certificate, &found.Complete)
	})
	if err != nil {
		return nil, s.explain(ctx, "get sealing", err)
	}
	return found, nil
}
