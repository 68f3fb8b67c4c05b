package bunruns

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
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

// commit runs one write, and again while other writers are in its way. All
// writes pass through here. op is one statement, and so a whole transaction. If
// commit returns an error, op may still be running.
func (s *Store) commit(ctx context.Context, op func(ctx context.Context, c executor) error) error {
	return bunkit.Retry(ctx, func(ctx context.Context) error {
		if s.dialect == bunkit.PostgreSQL {
			return op(ctx, s.write)
		}
		// SQLite waits for the lock of another process without looking up.
		done := make(chan error, 1)
		go func() { done <- op(ctx, s.write) }()
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	})
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
