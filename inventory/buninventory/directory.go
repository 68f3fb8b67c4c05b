package buninventory

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
)

var _ directory.Store = (*Directory)(nil)

// A Directory is a [directory.Store] in a database. Its methods are safe for
// concurrent use.
type Directory struct{ store *Store }

// Directory returns the groups that are kept in the same database. Their tables
// come with [Store.Migrate].
func (s *Store) Directory() *Directory { return &Directory{s} }

// State implements [directory.Cache].
func (d *Directory) State(ctx context.Context, tenant string) (directory.State, error) {
	if err := ctx.Err(); err != nil {
		return directory.State{}, err
	}
	if !bunkit.Storable(tenant) {
		return directory.State{}, nil
	}
	s, err := state(ctx, d.store.db.Read.DB, d.store.sql.groups.state, tenant)
	if err != nil {
		return directory.State{}, d.store.explain(ctx, "read state of groups", err)
	}
	return s, nil
}

func state(ctx context.Context, c bunkit.Conn, text, tenant string) (s directory.State, err error) {
	err = bunkit.Query(ctx, c, text, []any{tenant}, func(rows *sql.Rows) error {
		s.Round.Tenant = tenant
		return rows.Scan(at{&s.SyncedAt}, at{&s.FullAt}, &s.Link, &s.Round.Run, &s.Round.Full, at{&s.Round.At}, &s.Next, &s.Groups, &s.Removed)
	})
	return s, err
}

// Begin implements [directory.Store]. It is one statement.
func (d *Directory) Begin(ctx context.Context, r directory.Round) error {
	return d.write(ctx, "begin round of groups", r, func(ctx context.Context, t *tx) error {
		n, err := t.exec(ctx, d.store.sql.groups.begin, r.Run, r.Full, d.store.dialect.Instant(r.At))
		return conflictUnless(n > 0, err)
	})
}

// write runs body for a round in a transaction, while nobody else writes groups
// of the tenant.
func (d *Directory) write(ctx context.Context, doing string, r directory.Round, body func(ctx context.Context, t *tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if r.Tenant == "" || r.Run == "" {
		return fmt.Errorf("%w: a round without a tenant or a run", directory.ErrInvalid)
	}
	if err := checkNames(r.Tenant, r.Run); err != nil {
		return err
	}
	lock := bunkit.Lock{Name: "buninventory groups " + r.Tenant}
	return d.store.explain(ctx, doing, d.store.db.Locked(ctx, lock, func(ctx context.Context, raw *sql.Tx) error {
		return body(ctx, &tx{raw, r.Tenant})
	}))
}

func conflictUnless(ok bool, err error) error {
	if err == nil && !ok {
		return directory.ErrConflict
	}
	return err
}

// Put implements [directory.Store]. It is a transaction of three statements, as
// long as PostgreSQL takes the rows at once; see bulkRows.
func (d *Directory) Put(ctx context.Context, r directory.Round, p directory.Part) error {
	records, err := directory.Records(p.Changes)
	if err != nil {
		return err
	}
	if !bunkit.Storable(p.Next) {
		return fmt.Errorf("%w: a link that is no text", directory.ErrInvalid)
	}
	var there, gone [][]any
	for i := range records {
		switch c := &records[i]; {
		case c.Removed:
			gone = append(gone, []any{c.ID})
		default:
			there = append(there, []any{c.ID, c.Name, c.Fold, bunkit.Clean(string(c.Type)), c.Dynamic, c.Synced})
		}
	}
	return d.write(ctx, "put groups", r, func(ctx context.Context, t *tx) error {
		n, err := t.exec(ctx, d.store.sql.groups.advance, r.Run, r.Full, p.Next, len(there), len(gone))
		if err := conflictUnless(n > 0, err); err != nil {
			return err
		}
		if err := t.bulk(ctx, d.store.sql.groups.put, there); err != nil {
			return err
		}
		return t.bulk(ctx, d.store.sql.groups.remove, gone)
	})
}

// Finish implements [directory.Store].
func (d *Directory) Finish(ctx context.Context, r directory.Round, link string) (sum directory.Summary, err error) {
	if !bunkit.Storable(link) {
		return sum, fmt.Errorf("%w: a link that is no text", directory.ErrInvalid)
	}
	err = d.write(ctx, "finish round of groups", r, func(ctx context.Context, t *tx) error {
		sum = directory.Summary{}
		s, err := state(ctx, t, d.store.sql.groups.state, r.Tenant)
		if err != nil {
			return err
		}
		if s.Round.Run != r.Run || s.Round.Full != r.Full {
			return directory.ErrConflict
		}
		if s.Over() {
			return nil
		}
		if sum, err = d.forget(ctx, t, s.Round); err != nil {
			return err
		}
		_, err = t.exec(ctx, d.store.sql.groups.finish, link)
		return err
	})
	if err != nil {
		return directory.Summary{}, err
	}
	return sum, nil
}

// forget settles what r has not seen.
func (d *Directory) forget(ctx context.Context, t *tx, r directory.Round) (directory.Summary, error) {
	began := d.store.dialect.Instant(r.At)
	var missed int64
	var err error
	if r.Full {
		if missed, err = t.exec(ctx, d.store.sql.groups.miss, began); err != nil {
			return directory.Summary{}, err
		}
	}
	purged, err := t.exec(ctx, d.store.sql.groups.purge, d.store.dialect.Instant(r.At.Add(-directory.PurgeAfter)), began)
	return directory.Summary{Missed: int(missed), Purged: int(purged)}, err
}

// lookupBatch is how many ids are looked up at a time.
const lookupBatch = 1000

// Lookup implements [directory.Cache]. It is one statement for a thousand ids, and
// one more for those that are not found and can be spelled otherwise.
func (d *Directory) Lookup(ctx context.Context, tenant string, ids []string) (map[string]directory.Group, error) {
	found, err := d.byID(ctx, tenant, ids)
	if err != nil {
		return nil, err
	}
	others := directory.Respelled(ids, found)
	if len(others) == 0 {
		return found, nil
	}
	again := make([]string, len(others))
	for i, s := range others {
		again[i] = s.ID
	}
	more, err := d.byID(ctx, tenant, again)
	if err != nil {
		return nil, err
	}
	for _, s := range others {
		if g, ok := more[s.ID]; ok {
			found[s.Asked] = g
		}
	}
	return found, nil
}

// byID returns the groups with exactly these ids.
func (d *Directory) byID(ctx context.Context, tenant string, ids []string) (map[string]directory.Group, error) {
	found := make(map[string]directory.Group)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !bunkit.Storable(tenant) {
		return found, nil
	}
	ids = slices.Clone(ids)
	slices.Sort(ids)
	for some := range slices.Chunk(slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return !bunkit.Storable(id) }), lookupBatch) {
		err := bunkit.Query(ctx, d.store.db.Read.DB, d.store.sql.groups.lookup, []any{tenant, array(some)}, func(rows *sql.Rows) error {
			var g directory.Group
			err := rows.Scan(scanGroup(&g)...)
			found[g.ID] = g
			return err
		})
		if err != nil {
			return nil, d.store.explain(ctx, "look groups up", err)
		}
	}
	return found, nil
}

// scanGroup returns the destinations for the columns shownGroup.
func scanGroup(g *directory.Group) []any {
	return []any{&g.ID, &g.Name, (*string)(&g.Type), &g.Dynamic, &g.Synced, &g.Missing, at{&g.LastSeenAt}}
}
