package bunrestore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/runs"
)

// documentColumns are those of a restore that is listed; see scanDocument.
const documentColumns = "tenant, id, set_id, created_at, founded, revision, fence, details"

// A founded is what stays of a restore.
type founded struct {
	CreatedBy runs.Actor `json:"created_by"`
	RerunOf   string     `json:"rerun_of,omitempty"`
}

// A document is what no statement looks for in a restore, without what has a
// column of its own.
type document struct {
	restore.Restore
	ScopeItems []inventory.Ref `json:"scope_items"` // nil and none are two things
}

// encode returns the details and the mapping of r.
func encode(r *restore.Restore) (details, mapping string, err error) {
	d := document{*r, r.Scope.Items}
	d.Mapping, d.Scope.Items = nil, nil
	first, err := json.Marshal(d)
	if err != nil {
		return "", "", fmt.Errorf("encode restore: %w", err)
	}
	second, err := json.Marshal(r.Mapping)
	if err != nil {
		return "", "", fmt.Errorf("encode mapping: %w", err)
	}
	return string(first), string(second), nil
}

// scanDocument reads the columns of documentColumns, and more.
func scanDocument(rows *sql.Rows, r *restore.Restore, more ...any) error {
	var d document
	var created bunkit.Time
	var tenant, id, set, stays, details string
	var revision, fence int64
	err := rows.Scan(append([]any{&tenant, &id, &set, &created, &stays, &revision, &fence, &details}, more...)...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(details), &d); err != nil {
		return fmt.Errorf("decode restore: %w", err)
	}
	var f founded
	if err := json.Unmarshal([]byte(stays), &f); err != nil {
		return fmt.Errorf("decode restore: %w", err)
	}
	*r = d.Restore
	r.Scope.Items = d.ScopeItems
	r.Tenant, r.ID, r.Set, r.CreatedAt, r.CreatedBy, r.RerunOf = tenant, id, set, created.Time, f.CreatedBy, f.RerunOf
	r.Revision, r.Fence = revision, fence
	return nil
}

// Create implements [restore.Documents].
func (s *Store) Create(ctx context.Context, r *restore.Restore) error {
	if err := checkNames(r.Tenant, r.ID); err != nil {
		return err
	}
	if len(r.Set) > maxName || !bunkit.Storable(r.Set) {
		return fmt.Errorf("%w: a set that is none", restore.ErrInvalid)
	}
	details, mapping, err := encode(r)
	if err != nil {
		return err
	}
	stays, err := json.Marshal(founded{r.CreatedBy, r.RerunOf})
	if err != nil {
		return fmt.Errorf("encode restore: %w", err)
	}
	err = s.db.Locked(ctx, bunkit.Lock{}, func(ctx context.Context, tx *sql.Tx) error {
		n, err := exec(ctx, tx, s.sql.create, r.Tenant, r.ID, r.Set, s.dialect.Instant(r.CreatedAt), string(stays), r.Fence, details, mapping)
		if err == nil && n == 0 {
			err = restore.ErrExists
		}
		return err
	})
	if err != nil {
		return s.explain(ctx, "create restore", err)
	}
	r.Revision = 1
	return nil
}

// Get implements [restore.Documents].
func (s *Store) Get(ctx context.Context, tenant, id string) (*restore.Restore, error) {
	r := new(restore.Restore)
	err := s.one(ctx, s.sql.get, []string{tenant, id}, func(rows *sql.Rows) error {
		var mapping string
		if err := scanDocument(rows, r, &mapping); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(mapping), &r.Mapping); err != nil {
			return fmt.Errorf("decode mapping: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, s.explain(ctx, "get restore", err)
	}
	return r, nil
}

// Replace implements [restore.Documents].
func (s *Store) Replace(ctx context.Context, r *restore.Restore) error {
	if !bunkit.Storable(r.Tenant, r.ID) {
		return s.explain(ctx, "replace restore", restore.ErrNotFound)
	}
	details, mapping, err := encode(r)
	if err != nil {
		return err
	}
	err = s.db.Locked(ctx, bunkit.Lock{}, func(ctx context.Context, tx *sql.Tx) error {
		n, err := exec(ctx, tx, s.sql.replace, r.Tenant, r.ID, r.Revision, r.Fence, details, mapping)
		if err != nil || n > 0 {
			return err
		}
		found, err := exists(ctx, tx, s.sql.has, r.Tenant, r.ID)
		switch {
		case err != nil:
			return err
		case found:
			return restore.ErrConflict
		default:
			return restore.ErrNotFound
		}
	})
	if err != nil {
		return s.explain(ctx, "replace restore", err)
	}
	r.Revision++
	return nil
}

// List implements [restore.Documents]. It is one statement that reads what it
// returns.
func (s *Store) List(ctx context.Context, q restore.Query) (page restore.Page, err error) {
	if !bunkit.Storable(q.Tenant, q.Set) {
		return page, nil
	}
	l, err := s.restoreList(q)
	if err != nil {
		return page, err
	}
	page.Next, err = l.read(ctx, s, l.text("SELECT "+documentColumns+" FROM restore_documents"), func(rows *sql.Rows) ([]string, error) {
		var r restore.Restore
		err := scanDocument(rows, &r)
		page.Restores = append(page.Restores, r)
		return newestPosition(r.CreatedAt, r.ID), err
	})
	if err != nil {
		return restore.Page{}, s.explain(ctx, "list restores", err)
	}
	return page, nil
}

func (s *Store) restoreList(q restore.Query) (*list, error) {
	l := s.newest(fmt.Sprintf("restores %q %q", q.Tenant, q.Set), q.Limit)
	l.where("tenant = ", q.Tenant)
	if q.Set != "" {
		l.where("set_id = ", q.Set)
	}
	return l, l.after(q.After)
}
