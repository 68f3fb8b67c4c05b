package buninventory

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/inventory"
)

// at scans an instant.
type at struct{ t *time.Time }

// Scan implements sql.Scanner.
func (a at) Scan(src any) error {
	var t bunkit.Time
	err := t.Scan(src)
	*a.t = t.Time
	return err
}

// doc scans a JSON text; NULL leaves v as it is.
type doc struct{ v any }

// Scan implements sql.Scanner.
func (d doc) Scan(src any) error {
	switch text := src.(type) {
	case nil:
		return nil
	case string:
		return json.Unmarshal([]byte(text), d.v)
	case []byte:
		return json.Unmarshal(text, d.v)
	default:
		return fmt.Errorf("a column of type %T is no JSON", src)
	}
}

// scanItem returns the destinations for the columns shown.
func scanItem(i *inventory.Item) []any {
	return []any{
		&i.Kind,
		&i.ID,
		&i.Name,
		(*string)(&i.Platform),
		(*string)(&i.Category),
		doc{&i.ScopeTags},
		doc{&i.Assigned},
		doc{&i.Meta},
		&i.Hash,
		&i.AssignmentsHash,
		at{&i.ModifiedAt},
		at{&i.FirstSeenAt},
		&i.Hidden,
		at{&i.LastSeenAt},
		&i.LastSeenRun,
		(*string)(&i.Confidence),
	}
}

// Get implements [inventory.Reader]. It is one statement.
func (s *Store) Get(ctx context.Context, tenant string, ref inventory.Ref, selection string) (inventory.Document, error) {
	if err := ctx.Err(); err != nil {
		return inventory.Document{}, err
	}
	if !bunkit.Storable(tenant, ref.Kind, ref.ID, selection) {
		return inventory.Document{}, inventory.ErrNotFound
	}
	d, err := s.get(ctx, tenant, ref, selection)
	if err != nil {
		return inventory.Document{}, s.explain(ctx, "get item", err)
	}
	return d, nil
}

func (s *Store) get(ctx context.Context, tenant string, ref inventory.Ref, selection string) (d inventory.Document, err error) {
	var content, assignments []byte
	found := false
	err = bunkit.Query(ctx, s.db.Read.DB, s.sql.get, []any{tenant, selection, ref.Kind, ref.ID}, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(append(scanItem(&d.Item), &content, &assignments)...)
	})
	switch {
	case err != nil:
		return d, err
	case !found, content == nil, assignments == nil && d.AssignmentsHash != "":
		return d, inventory.ErrNotFound
	}
	d.Missing = d.Confidence != ""
	if d.Content, err = s.packer.Unpack(content); err != nil || d.AssignmentsHash == "" {
		return d, err
	}
	d.Assignments, err = s.packer.Unpack(assignments)
	return d, err
}

// Content implements [inventory.Reader].
func (s *Store) Content(ctx context.Context, tenant, hash string) (json.RawMessage, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !bunkit.Storable(tenant, hash) {
		return nil, inventory.ErrNotFound
	}
	var packed []byte
	err := bunkit.Query(ctx, s.db.Read.DB, s.sql.content, []any{tenant, hash}, func(rows *sql.Rows) error { return rows.Scan(&packed) })
	if err == nil && packed == nil {
		err = inventory.ErrNotFound
	}
	var content json.RawMessage
	if err == nil {
		content, err = s.packer.Unpack(packed)
	}
	return content, s.explain(ctx, "get content", err)
}

// Known implements [inventory.Store]. It is one statement, and so of one
// moment.
func (s *Store) Known(ctx context.Context, tenant, kind string) (inventory.Known, error) {
	known := inventory.Known{Items: make(map[string]inventory.Trace)}
	if err := ctx.Err(); err != nil {
		return known, err
	}
	if !bunkit.Storable(tenant, kind) {
		return known, nil
	}
	err := bunkit.Query(ctx, s.db.Read.DB, s.sql.known, []any{tenant, kind}, func(rows *sql.Rows) error {
		var id, hash, assignments, stamp sql.NullString
		var linked sql.NullBool
		err := rows.Scan(at{&known.CoveredAt}, at{&known.FullAt}, &id, &hash, &assignments, &stamp, &linked)
		if id.Valid {
			known.Items[id.String] = inventory.Trace{
				Hash: hash.String, AssignmentsHash: assignments.String, Stamp: stamp.String, Linked: linked.Bool,
			}
		}
		return err
	})
	if err != nil {
		return inventory.Known{}, s.explain(ctx, "read what is known", err)
	}
	return known, nil
}

// Hide implements [inventory.Store].
func (s *Store) Hide(ctx context.Context, tenant string, ref inventory.Ref, hidden bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := checkSync(inventory.Sync{Tenant: tenant}); err != nil {
		return err
	}
	if !bunkit.Storable(ref.Kind, ref.ID) {
		return inventory.ErrNotFound
	}
	err := bunkit.Retry(ctx, func(ctx context.Context) error {
		result, err := s.db.Write.DB.ExecContext(ctx, s.sql.hide, tenant, ref.Kind, ref.ID, hidden)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); n > 0 || err != nil {
			return err
		}
		return inventory.ErrNotFound
	})
	return s.explain(ctx, "hide item", err)
}
