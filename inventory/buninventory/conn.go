package buninventory

import (
	"context"
	"database/sql"
	"errors"
	"hash/fnv"
	"regexp"
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
)

// casts are the types of parameters, without which PostgreSQL would take some
// of them for texts, and which SQLite does not know.
var casts = regexp.MustCompile(`::[a-z]+(\[\])?`)

// translate returns a statement, which is written for PostgreSQL, for the
// dialect.
func translate(d bunkit.Dialect, text string) string {
	if d != bunkit.SQLite3 {
		return text
	}
	text = strings.NewReplacer("greatest(", "max(", "strpos(", "instr(").Replace(text)
	return d.Bind(casts.ReplaceAllString(text, ""))
}

// A column is one of the columns of the rows that a bulk is given.
type column struct {
	name string
	kind string // as PostgreSQL calls it
}

// A bulk is a statement that is given any number of rows.
type bulk struct {
	text    string
	columns []column
}

// newBulk returns the statement with this text, in which ROWS is a table r
// with the columns, and $1 is the tenant.
func newBulk(d bunkit.Dialect, text string, columns []column) bulk {
	var params, names []string
	for i, c := range columns {
		n := strconv.Itoa(i + 2)
		if d == bunkit.SQLite3 {
			params = append(params, "$"+n+" AS "+c.name)
			continue
		}
		params, names = append(params, "$"+n+"::"+c.kind+"[]"), append(names, c.name)
	}
	rows := "unnest(" + strings.Join(params, ", ") + ") AS r(" + strings.Join(names, ", ") + ")"
	if d == bunkit.SQLite3 {
		rows = "(SELECT " + strings.Join(params, ", ") + ") AS r"
	}
	return bulk{translate(d, strings.ReplaceAll(text, "ROWS", rows)), columns}
}

// A tx is a transaction that writes.
type tx struct {
	*sql.Tx
	dialect bunkit.Dialect
	tenant  string
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

// bulkRows is how many rows PostgreSQL is given at once.
const bulkRows = 1000

// bulk runs a statement for rows: a thousand at a time with PostgreSQL, in an
// array for each column; one at a time with SQLite, where a statement is a
// function call.
func (t *tx) bulk(ctx context.Context, b bulk, rows [][]any) (err error) {
	if len(rows) == 0 {
		return nil
	}
	if t.dialect == bunkit.SQLite3 {
		stmt, err := t.PrepareContext(ctx, b.text)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stmt.Close()) }()
		for _, row := range rows {
			if _, err := stmt.ExecContext(ctx, append([]any{t.tenant}, row...)...); err != nil {
				return err
			}
		}
		return nil
	}
	for len(rows) > 0 {
		n := min(len(rows), bulkRows)
		args := make([]any, len(b.columns))
		for i := range args {
			array := make([]any, n)
			for j, row := range rows[:n] {
				array[j] = row[i]
			}
			args[i] = array
		}
		if _, err := t.exec(ctx, b.text, args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// write runs body in a transaction, and again while other writers are in its
// way. With shared, others of the tenant's writes that are shared may go on at
// the same time, and no other ones: what an item is seen by and what refers to
// a content is worked out from several tables.
func (s *Store) write(ctx context.Context, tenant string, shared bool, body func(ctx context.Context, t *tx) error) error {
	return bunkit.Retry(ctx, func(ctx context.Context) error {
		var opts sql.TxOptions
		if s.dialect == bunkit.PostgreSQL {
			// What follows the lock must see what was committed before it.
			opts.Isolation = sql.LevelReadCommitted
		}
		raw, err := s.db.Write.DB.BeginTx(ctx, &opts)
		if err != nil {
			return err
		}
		t := &tx{Tx: raw, dialect: s.dialect, tenant: tenant}
		if err := t.lock(ctx, shared); err != nil {
			return errors.Join(err, t.rollback())
		}
		if err := body(ctx, t); err != nil {
			return errors.Join(err, t.rollback())
		}
		return t.Commit()
	})
}

// lock takes the tenant's lock until the transaction ends. SQLite has only one
// transaction that writes.
func (t *tx) lock(ctx context.Context, shared bool) error {
	if t.dialect == bunkit.SQLite3 {
		return nil
	}
	text := "SELECT pg_advisory_xact_lock($1)"
	if shared {
		text = "SELECT pg_advisory_xact_lock_shared($1)"
	}
	_, err := t.ExecContext(ctx, text, lockKey(t.tenant))
	return err
}

func lockKey(tenant string) int64 {
	h := fnv.New64a()
	h.Write([]byte("buninventory " + tenant))
	return int64(h.Sum64())
}

// rollback returns nil for a transaction that the driver has ended already.
func (t *tx) rollback() error {
	if err := t.Rollback(); !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}
