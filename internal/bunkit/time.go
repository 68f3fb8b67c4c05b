package bunkit

import (
	"fmt"
	"strconv"
	"time"

	"github.com/uptrace/bun/schema"
)

// Micros returns the instant as both dialects keep it and [Time] reads it: in
// UTC, without the part below a microsecond and without a monotonic reading. A
// zero t stays zero.
func Micros(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMicro(t.UnixMicro()).UTC()
}

// A Time is an instant in a row. It scans what the columns of both dialects
// hold, NULL into the zero time, and is written in a statement of bun as
// [Dialect.Time] would bind it.
type Time struct{ time.Time }

// Scan implements sql.Scanner.
func (t *Time) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		t.Time = time.Time{}
	case int64:
		t.Time = time.UnixMicro(v).UTC()
	case time.Time:
		t.Time = Micros(v)
	default:
		return fmt.Errorf("a column of type %T is no instant", src)
	}
	return nil
}

// AppendQuery implements schema.QueryAppender of bun.
func (t Time) AppendQuery(gen schema.QueryGen, b []byte) ([]byte, error) {
	if t.IsZero() {
		return append(b, "NULL"...), nil
	}
	if of(gen.Dialect().Name()) == SQLite3 {
		return strconv.AppendInt(b, t.UnixMicro(), 10), nil
	}
	return Micros(t.Time).AppendFormat(b, "'2006-01-02 15:04:05.000000+00'"), nil
}
