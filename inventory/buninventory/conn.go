package buninventory

import (
	"context"
	"database/sql"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
)

// A column is one of the columns of the rows that a bulk is given.
type column struct {
	name string
	kind string // as PostgreSQL calls it
}

// newBulk returns the statement with this text, in which ROWS is a table r
// with the columns, and $1 is the tenant.
func newBulk(d bunkit.Dialect, text string, columns []column) bunkit.Bulk {
	all := make([]bunkit.Column, len(columns))
	for i, c := range columns {
		all[i] = bunkit.Column{Name: c.name, Kind: c.kind}
	}
	return bunkit.NewBulk(d, text, all)
}

// A tx is a transaction that writes.
type tx struct {
	*sql.Tx
	tenant string
}

// exec runs a statement whose first parameter is the tenant, and returns how
// many rows it has changed.
func (t *tx) exec(ctx context.Context, text string, args ...any) (int64, error) {
	result, err := t.ExecContext(ctx, text, append([]any{t.tenant}, args...)...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// bulk runs a statement for rows.
func (t *tx) bulk(ctx context.Context, b bunkit.Bulk, rows [][]any) error {
	return b.Exec(ctx, t.Tx, t.tenant, rows)
}

// write runs body in a transaction, and again while other writers are in its
// way. With shared, others of the tenant's writes that are shared may go on at
// the same time, and no other ones: what an item is seen by and what refers to
// a content is worked out from several tables.
func (s *Store) write(ctx context.Context, tenant string, shared bool, body func(ctx context.Context, t *tx) error) error {
	return s.db.Locked(ctx, lockOf(tenant, shared), func(ctx context.Context, raw *sql.Tx) error {
		return body(ctx, &tx{raw, tenant})
	})
}

func lockOf(tenant string, shared bool) bunkit.Lock {
	return bunkit.Lock{Name: "buninventory " + tenant, Shared: shared}
}
