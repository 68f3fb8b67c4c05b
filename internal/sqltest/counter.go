package sqltest

import (
	"context"
	"database/sql/driver"
	"slices"
	"sync"
	"testing"
)

// A Counter keeps the statements that reach a database, in their order:
// those with and without results, and "BEGIN", "COMMIT" and "ROLLBACK" of
// transactions. Preparing one is not a statement, running it is.
type Counter struct {
	mu    sync.Mutex
	texts []string
}

// Count opens a [DB.DSN] once more, in pools whose statements are counted.
func Count(t testing.TB, dsn string) (DB, *Counter) {
	t.Helper()
	c := new(Counter)
	return open(t, dsn, func(inner driver.Connector) driver.Connector {
		return countedConnector{Connector: inner, counter: c}
	}), c
}

// Take returns the statements since the last call of it.
func (c *Counter) Take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	texts := c.texts
	c.texts = nil
	return slices.Clip(texts)
}

func (c *Counter) add(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.texts = append(c.texts, text)
}

type countedConnector struct {
	driver.Connector
	counter *Counter
}

func (c countedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &countedConn{fullConn: conn.(fullConn), counter: c.counter}, nil
}

// A fullConn is what the connections of both drivers can do. The wrapper has
// to pass on all of it, or database/sql would take other paths than without.
type fullConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
}

type countedConn struct {
	fullConn
	counter *Counter
}

func (c *countedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.fullConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return &countedStmt{fullStmt: stmt.(fullStmt), counter: c.counter, text: query}, nil
}

func (c *countedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.counter.add("BEGIN")
	tx, err := c.fullConn.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return countedTx{tx: tx, counter: c.counter}, nil
}

func (c *countedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.counter.add(query)
	return c.fullConn.ExecContext(ctx, query, args)
}

func (c *countedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.counter.add(query)
	return c.fullConn.QueryContext(ctx, query, args)
}

// IsValid is what modernc.org/sqlite has and pgx has not.
func (c *countedConn) IsValid() bool {
	v, ok := c.fullConn.(driver.Validator)
	return !ok || v.IsValid()
}

// CheckNamedValue is what pgx has, to take slices as arrays, and
// modernc.org/sqlite has not.
func (c *countedConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.fullConn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

type fullStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type countedStmt struct {
	fullStmt
	counter *Counter
	text    string
}

func (s *countedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.counter.add(s.text)
	return s.fullStmt.ExecContext(ctx, args)
}

func (s *countedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.counter.add(s.text)
	return s.fullStmt.QueryContext(ctx, args)
}

type countedTx struct {
	tx      driver.Tx
	counter *Counter
}

func (t countedTx) Commit() error {
	t.counter.add("COMMIT")
	return t.tx.Commit()
}

func (t countedTx) Rollback() error {
	t.counter.add("ROLLBACK")
	return t.tx.Rollback()
}
