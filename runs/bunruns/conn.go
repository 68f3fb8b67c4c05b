package bunruns

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
)

// An executor runs statements with bind parameters: a pool or a transaction.
type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// maxPrepared is how many statements of one pool are kept prepared. There are
// about ten, and those of lists, whose text depends on the filter.
const maxPrepared = 200

// A prepared is an executor that keeps its statements prepared, as long as db
// is open.
type prepared struct {
	db    *sql.DB
	stmts sync.Map // *sql.Stmt by text
	n     atomic.Int64
}

func (p *prepared) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, err := p.stmt(ctx, query) //nolint:sqlclosecheck // db closes it
	if err != nil {
		return nil, err
	}
	if stmt == nil {
		return p.db.ExecContext(ctx, query, args...)
	}
	return stmt.ExecContext(ctx, args...)
}

func (p *prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := p.stmt(ctx, query) //nolint:sqlclosecheck // db closes it
	if err != nil {
		return nil, err
	}
	if stmt == nil {
		return p.db.QueryContext(ctx, query, args...)
	}
	return stmt.QueryContext(ctx, args...)
}

// stmt returns the prepared query, or nil if there are too many already.
func (p *prepared) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, ok := p.stmts.Load(query); ok {
		return stmt.(*sql.Stmt), nil
	}
	if p.n.Load() >= maxPrepared {
		return nil, nil
	}
	stmt, err := p.db.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if first, there := p.stmts.LoadOrStore(query, stmt); there {
		return first.(*sql.Stmt), stmt.Close() //nolint:sqlclosecheck // the other one is kept
	}
	p.n.Add(1)
	return stmt, nil
}

// A transaction is an executor that runs the statements of a pool. It ends, and
// closes them, with tx.
type transaction struct {
	tx    *sql.Tx
	pool  *prepared
	stmts map[string]*sql.Stmt
}

func (t *transaction) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if stmt := t.stmt(ctx, query); stmt != nil { //nolint:sqlclosecheck // tx closes it
		return stmt.ExecContext(ctx, args...)
	}
	return t.tx.ExecContext(ctx, query, args...)
}

func (t *transaction) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := t.stmt(ctx, query); stmt != nil { //nolint:sqlclosecheck // tx closes it
		return stmt.QueryContext(ctx, args...)
	}
	return t.tx.QueryContext(ctx, query, args...)
}

// stmt returns the query as the pool has prepared it, or nil if it has not.
func (t *transaction) stmt(ctx context.Context, query string) *sql.Stmt {
	stmt, ok := t.stmts[query]
	if !ok {
		if prepared, there := t.pool.stmts.Load(query); there {
			stmt = t.tx.StmtContext(ctx, prepared.(*sql.Stmt))
		}
		t.stmts[query] = stmt
	}
	return stmt
}

// query runs a statement and calls row for each row of its result. It reads the
// result to its end, because a statement that writes has not committed before.
func query(ctx context.Context, c executor, text string, args []any, row func(rows *sql.Rows) error) (err error) {
	rows, err := c.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// queryRow scans the only row of a result, and reports whether there was one.
func queryRow(ctx context.Context, c executor, text string, args []any, dest ...any) (found bool, err error) {
	err = query(ctx, c, text, args, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(dest...)
	})
	return found, err
}
