// Package bunkit is what the drivers for SQLite and PostgreSQL share: the pair
// of handles they work on, migrations, instants, cursors, and the judgement of
// a database's errors.
//
// It imports no SQL driver. Hosts choose and open one, and pass what they
// opened.
package bunkit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
)

// A DB is one database, reached through two handles. A read that begins after
// a commit on Write has returned sees what was committed.
//
// Every driver of a process should be given the same DB: SQLite has one writer
// at a time, and several pools of writers wait for each other by polling,
// where callers of one pool stand in a line.
type DB struct {
	Write *bun.DB // statements that change something, and transactions
	Read  *bun.DB // statements that do not; nil means Write
}

// Postgres returns the DB that uses one pool for everything.
func Postgres(pool *sql.DB) DB {
	db := bun.NewDB(pool, pgdialect.New())
	return DB{Write: db, Read: db}
}

// SQLite returns the DB of one file that was opened twice, with the two names
// that [SQLiteDSN] returns. It restricts write to one connection, which it
// keeps open.
func SQLite(write, read *sql.DB) DB {
	write.SetMaxOpenConns(1)
	write.SetMaxIdleConns(1)
	write.SetConnMaxLifetime(0)
	write.SetConnMaxIdleTime(0)
	return DB{
		Write: bun.NewDB(write, sqlitedialect.New()),
		Read:  bun.NewDB(read, sqlitedialect.New()),
	}
}

// Check returns db with both handles set and its dialect, or says what the
// drivers cannot work with. It does not reach for the database.
func (db DB) Check() (DB, Dialect, error) {
	if db.Write == nil {
		return DB{}, 0, errors.New("no handle for writing")
	}
	if db.Read == nil {
		db.Read = db.Write
	}
	name := db.Write.Dialect().Name()
	if read := db.Read.Dialect().Name(); read != name {
		return DB{}, 0, fmt.Errorf("handles of two dialects, %s and %s", name, read)
	}
	d := of(name)
	if d == 0 {
		return DB{}, 0, fmt.Errorf("no support for the dialect %s", name)
	}
	if n := db.Write.Stats().MaxOpenConnections; d == SQLite3 && n != 1 {
		return DB{}, 0, fmt.Errorf("the handle for writing SQLite allows %d connections (0 is any number); it must be 1", n)
	}
	return db, d, nil
}

func of(name dialect.Name) Dialect {
	switch name {
	case dialect.PG:
		return PostgreSQL
	case dialect.SQLite:
		return SQLite3
	default:
		return 0
	}
}

// A Conn runs statements with bind parameters, whose text is the same at every
// call: *sql.DB, *sql.Tx, *sql.Conn.
type Conn interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Plain returns what c wraps. The types of bun would format the arguments into
// the text, which costs more than some of the statements, and gives the
// database a new text to plan each time.
func Plain(c bun.IConn) Conn {
	switch c := c.(type) {
	case *bun.DB:
		return c.DB
	case bun.Tx:
		return c.Tx
	case *bun.Tx:
		return c.Tx
	case bun.Conn:
		return c.Conn
	case *bun.Conn:
		return c.Conn
	default:
		return c
	}
}
