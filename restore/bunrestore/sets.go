package bunrestore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A setDetails is what no statement looks for in a set.
type setDetails struct {
	Name        string     `json:"name"`
	Description string     `json:"description,omitempty"`
	CreatedBy   runs.Actor `json:"created_by"`
	Origin      string     `json:"origin,omitempty"`
}

// scanSet reads the columns of setColumns.
func scanSet(rows *sql.Rows, set *backup.Set) error {
	var created, sealed bunkit.Time
	var text string
	err := rows.Scan(&set.Tenant, &set.ID, &created, &text, &set.Items, &sealed, &set.Manifest, &set.Seq, &set.Complete)
	if err != nil {
		return err
	}
	var d setDetails
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return fmt.Errorf("decode set: %w", err)
	}
	set.CreatedAt, set.Sealed = created.Time, sealed.Time
	set.Name, set.Description, set.CreatedBy, set.Origin = d.Name, d.Description, d.CreatedBy, d.Origin
	return nil
}

// CreateSet implements [backup.Sets].
func (s *Store) CreateSet(ctx context.Context, set *backup.Set) error {
	if err := checkNames(set.Tenant, set.ID); err != nil {
		return err
	}
	details, err := json.Marshal(setDetails{set.Name, set.Description, set.CreatedBy, set.Origin})
	if err != nil {
		return fmt.Errorf("encode set: %w", err)
	}
	err = s.write(ctx, set.Tenant, func(ctx context.Context, tx *sql.Tx) error {
		n, err := exec(ctx, tx, s.sql.createSet, set.Tenant, set.ID, s.dialect.Instant(set.CreatedAt), string(details))
		if err == nil && n == 0 {
			err = backup.ErrExists
		}
		return err
	})
	return s.explain(ctx, "create backup set", err)
}

// GetSet implements [backup.Sets].
func (s *Store) GetSet(ctx context.Context, tenant, id string) (*backup.Set, error) {
	set := new(backup.Set)
	err := s.one(ctx, s.sql.getSet, []string{tenant, id}, func(rows *sql.Rows) error { return scanSet(rows, set) })
	if err != nil {
		return nil, s.explain(ctx, "get backup set", err)
	}
	return set, nil
}

// ListSets implements [backup.Sets].
func (s *Store) ListSets(ctx context.Context, q backup.SetQuery) (backup.SetPage, error) {
	l := s.setList(q)
	if err := l.after(q.After); err != nil {
		return backup.SetPage{}, err
	}
	page := backup.SetPage{}
	if !bunkit.Storable(q.Tenant) {
		return page, nil
	}
	next, err := l.read(ctx, s, l.text("SELECT "+setColumns+" FROM backup_sets"), func(rows *sql.Rows) ([]string, error) {
		var set backup.Set
		err := scanSet(rows, &set)
		page.Sets = append(page.Sets, set)
		return newestPosition(set.CreatedAt, set.ID), err
	})
	if err != nil {
		return backup.SetPage{}, s.explain(ctx, "list backup sets", err)
	}
	page.Next = next
	return page, nil
}

func (s *Store) setList(q backup.SetQuery) *list {
	l := s.newest(fmt.Sprintf("sets %q", q.Tenant), q.Limit)
	l.where("tenant = ", q.Tenant)
	return l
}

// UseSet implements [backup.Sets].
func (s *Store) UseSet(ctx context.Context, tenant, id, holder string, until time.Time) error {
	if !bunkit.Storable(tenant, id) {
		return s.explain(ctx, "use backup set", backup.ErrNotFound)
	}
	if err := checkNames(holder); err != nil {
		return err
	}
	err := s.write(ctx, tenant, func(ctx context.Context, tx *sql.Tx) error {
		if err := s.setExists(ctx, tx, tenant, id); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, s.sql.use, tenant, id, holder, s.dialect.Instant(until))
		return err
	})
	return s.explain(ctx, "use backup set", err)
}

// setExists reports ErrNotFound for a set that is not there.
func (s *Store) setExists(ctx context.Context, tx *sql.Tx, tenant, id string) error {
	found, err := exists(ctx, tx, s.sql.hasSet, tenant, id)
	if err == nil && !found {
		err = backup.ErrNotFound
	}
	return err
}

// Key implements [backup.Keys].
func (s *Store) Key(ctx context.Context, tenant string) (wrapped []byte, err error) {
	err = s.one(ctx, s.sql.key, []string{tenant}, func(rows *sql.Rows) error { return rows.Scan(&wrapped) })
	return wrapped, s.explain(ctx, "get key", err)
}

// PutKey implements [backup.Keys].
func (s *Store) PutKey(ctx context.Context, tenant string, wrapped []byte) (kept []byte, err error) {
	if err := checkNames(tenant); err != nil {
		return nil, err
	}
	err = s.write(ctx, tenant, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, s.sql.putKey, tenant, wrapped); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, s.sql.key, tenant).Scan(&kept)
	})
	if err != nil {
		return nil, s.explain(ctx, "put key", err)
	}
	return kept, nil
}
