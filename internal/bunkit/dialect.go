package bunkit

import (
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// A Dialect is one of the two kinds of SQL that the drivers speak. The zero
// value is none of them.
type Dialect int

// The dialects.
const (
	PostgreSQL Dialect = iota + 1
	SQLite3
)

// String returns the name, which is also that of the folder with the
// migrations of this dialect.
func (d Dialect) String() string {
	switch d {
	case PostgreSQL:
		return "postgres"
	case SQLite3:
		return "sqlite"
	default:
		return "none"
	}
}

// Bind returns the query, which is written with $1, $2, …, with the parameters
// of the dialect. It leaves quoted text alone and does not know comments.
// Drivers call it once per statement, not once per call.
func (d Dialect) Bind(query string) string {
	if d != SQLite3 {
		return query
	}
	b := []byte(query)
	var quote byte
	for i, c := range b {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '$' && i+1 < len(b) && b[i+1] >= '0' && b[i+1] <= '9':
			b[i] = '?' // ?1 may repeat and come in any order, as $1 may
		}
	}
	return string(b)
}

// Now returns the expression for the instant at which the statement began, by
// the clock of the store, in the form that [Dialect.Time] gives to instants.
// SQLite's clock is that of the machine, in milliseconds.
func (d Dialect) Now() string {
	if d == SQLite3 {
		return "CAST(round(unixepoch('subsec')*1000000) AS INTEGER)"
	}
	// Unlike now(), it moves on within a transaction; unlike
	// clock_timestamp(), an index can be searched for it.
	return "statement_timestamp()"
}

// After returns the expression for the instant that is later than
// [Dialect.Now] by the microseconds in an expression, for example a parameter.
func (d Dialect) After(micros string) string {
	if d == SQLite3 {
		return "(" + d.Now() + " + " + micros + ")"
	}
	return "(" + d.Now() + " + (" + micros + ")::bigint * interval '1 microsecond')"
}

// Time returns t as a parameter: the instant in microseconds, or NULL if t is
// zero. A column for it is a timestamptz in PostgreSQL and an INTEGER in
// SQLite, microseconds since 1970: it compares and indexes as what it is, and
// neither needs a layout that text would have to keep to.
func (d Dialect) Time(t time.Time) any {
	switch {
	case t.IsZero():
		return nil
	case d == SQLite3:
		return t.UnixMicro()
	default:
		return Micros(t)
	}
}

// Instant returns t as a parameter for a column without NULL. Unlike that of
// [Dialect.Time], the zero time is the instant that it is.
func (d Dialect) Instant(t time.Time) any {
	if d == SQLite3 {
		return t.UnixMicro()
	}
	return time.UnixMicro(t.UnixMicro()).UTC()
}

// SQLiteDSN returns the two data source names under which the driver of
// modernc.org/sqlite opens the file at path for [SQLite]: for the one
// connection that writes, and for the pool that reads and cannot write.
//
// The file is in WAL mode, so that readers and the writer do not wait for each
// other; a commit is on the disk when it returns; a transaction takes the
// write lock when it begins, not halfway, where it could not wait for it;
// another process that holds the lock is waited for, 10 seconds at most.
func SQLiteDSN(path string) (write, read string) {
	name := url.URL{Scheme: "file", Path: filepath.ToSlash(path)}
	if !strings.HasPrefix(name.Path, "/") {
		name.Opaque = name.EscapedPath() // "file:" and a relative path
	}
	common := url.Values{
		"_busy_timeout": {"10000"},
		"_pragma":       {"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"},
	}
	name.RawQuery = common.Encode() + "&_txlock=immediate"
	write = name.String()
	common.Add("_pragma", "query_only(1)")
	name.RawQuery = common.Encode()
	return write, name.String()
}
