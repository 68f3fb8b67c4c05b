package bunkit

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"
	"unicode/utf8"
)

// Result codes of SQLite; the low byte of an extended code is the primary one.
const (
	sqliteError      = 1
	sqliteBusy       = 5
	sqliteIOErr      = 10
	sqliteFull       = 13
	sqliteCantOpen   = 14
	sqlitePrimaryKey = 1555
	sqliteUnique     = 2067
)

// sqlState returns PostgreSQL's code of an error, as pgx and lib/pq tell it,
// or nothing.
func sqlState(err error) string {
	var e interface{ SQLState() string }
	if errors.As(err, &e) {
		return e.SQLState()
	}
	return ""
}

// sqliteCode returns the extended result code of an error of modernc.org/sqlite,
// or 0.
func sqliteCode(err error) int {
	var e interface{ Code() int }
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

// Transient reports whether a transaction that ended with err left nothing
// behind and may succeed if it is run again as it was: two writers were in each
// other's way.
func Transient(err error) bool {
	switch sqlState(err) {
	case "40001", "40P01": // serialization failure, deadlock
		return true
	}
	return sqliteCode(err)&0xff == sqliteBusy
}

// Duplicate reports whether a unique index or a primary key refused a row.
func Duplicate(err error) bool {
	code := sqliteCode(err)
	return sqlState(err) == "23505" || code == sqliteUnique || code == sqlitePrimaryKey
}

// Unreachable reports whether err says that the database could not be worked
// with at all, rather than something about the statement: nobody answers, it
// is starting or stopping or out of connections, or its disk fails or is full.
// A write may nevertheless have been committed, if the connection was lost
// while its answer was awaited.
func Unreachable(err error) bool {
	var netErr net.Error
	switch {
	case err == nil:
		return false
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return true
	}
	switch state := sqlState(err); {
	case strings.HasPrefix(state, "08"), // connection exception
		strings.HasPrefix(state, "53"),                       // out of connections, memory, disk
		state == "57P01", state == "57P02", state == "57P03", // stopping, crashed, starting
		strings.HasPrefix(state, "58"), state == "25006": // input or output failed; a standby
		return true
	case state != "":
		return false
	}
	switch sqliteCode(err) & 0xff {
	case sqliteIOErr, sqliteFull, sqliteCantOpen:
		return true
	}
	// A context's deadline is a net.Error too, but says nothing about the
	// database.
	return errors.As(err, &netErr) && !errors.Is(err, context.DeadlineExceeded)
}

// outdated reports whether a table or a column is not there. SQLite has no code
// for that.
func outdated(err error) bool {
	switch sqlState(err) {
	case "42P01", "42703": // undefined table, undefined column
		return true
	}
	return sqliteCode(err) == sqliteError &&
		(strings.Contains(err.Error(), "no such table") || strings.Contains(err.Error(), "no such column") || strings.Contains(err.Error(), "has no column"))
}

// Storable reports whether a column can hold all of the texts. PostgreSQL
// refuses others even as a parameter of a query.
func Storable(texts ...string) bool {
	for _, t := range texts {
		if !utf8.ValidString(t) || strings.ContainsRune(t, 0) {
			return false
		}
	}
	return true
}
