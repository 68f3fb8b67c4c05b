package bunrestore

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A list is a statement for one page, while it is written. A page begins behind
// a position, which is the values of the columns that the list is in the order
// of.
type list struct {
	filter     string // what the cursor is bound to
	size       int
	columns    []string
	descending bool
	instant    bool // the first column is one
	dialect    bunkit.Dialect
	conditions []string
	args       []any
	// skipped is how many of the columns have one value only: they are in a
	// position, and not in the order.
	skipped int
}

// newest returns a list of what was created last first.
func (s *Store) newest(filter string, limit int) *list {
	return &list{dialect: s.dialect, filter: filter, size: runs.PageSize(limit), columns: []string{"created_at", "id"}, descending: true, instant: true}
}

func newestPosition(at time.Time, id string) []string {
	return []string{strconv.FormatInt(at.UnixMicro(), 10), id}
}

// byName returns a list in the order of kinds, folded names and ids, of one kind
// only if it is not empty.
func (s *Store) byName(filter string, limit int, id, kind string) *list {
	l := &list{dialect: s.dialect, filter: filter, size: runs.PageSize(limit), columns: []string{"kind", "fold", id}}
	if kind != "" {
		// With SQLite, an index is only searched for the columns behind.
		l.where("kind = ", kind)
		l.skipped = 1
	}
	return l
}

// arg adds a parameter and returns it.
func (l *list) arg(v any) string {
	l.args = append(l.args, v)
	return "$" + strconv.Itoa(len(l.args))
}

// where adds a condition that ends with a parameter.
func (l *list) where(condition string, v any) { l.and(condition + l.arg(v)) }

func (l *list) and(condition string) { l.conditions = append(l.conditions, condition) }

// anyOf adds the condition that a column has one of the values, if there are any.
func anyOf[T ~string](l *list, column string, values []T) {
	if len(values) == 0 {
		return
	}
	params := make([]string, len(values))
	for i, v := range values {
		params[i] = l.arg(bunkit.Clean(string(v)))
	}
	l.and(column + " IN (" + strings.Join(params, ", ") + ")")
}

// after adds the condition that a row is behind a cursor.
func (l *list) after(c backup.Cursor) error {
	if c == "" {
		return nil
	}
	position, ok := bunkit.Position(string(c), l.filter, len(l.columns))
	if !ok || !bunkit.Storable(position...) {
		return backup.ErrBadCursor
	}
	var params []string
	for i, v := range position[l.skipped:] {
		var value any = v
		if l.instant && i == 0 {
			micros, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return backup.ErrBadCursor
			}
			value = l.dialect.Instant(time.UnixMicro(micros))
		}
		params = append(params, l.arg(value))
	}
	how := " > "
	if l.descending {
		how = " < "
	}
	l.and("(" + strings.Join(l.columns[l.skipped:], ", ") + ")" + how + "(" + strings.Join(params, ", ") + ")")
	return nil
}

// order is the order of the list, with a prefix for the columns.
func (l *list) order(prefix string) string {
	how := ""
	if l.descending {
		how = " DESC"
	}
	return " ORDER BY " + prefix + strings.Join(l.columns[l.skipped:], how+", "+prefix) + how
}

// text returns the statement for one row more than are on a page. A limit that
// is a parameter would be planned for as if it could be anything.
func (l *list) text(from string) string {
	return from + " WHERE " + strings.Join(l.conditions, " AND ") + l.order("") + " LIMIT " + strconv.Itoa(l.size+1)
}

// read runs the statement and calls row, which returns the position of a row, for
// those of the page. It returns the cursor for the next page.
func (l *list) read(ctx context.Context, s *Store, text string, row func(rows *sql.Rows) ([]string, error)) (next backup.Cursor, err error) {
	n := 0
	var last []string
	err = s.query(ctx, l.dialect.Translate(text), l.args, func(rows *sql.Rows) (err error) {
		if n++; n > l.size {
			next = backup.Cursor(bunkit.Cursor(l.filter, last...))
			return nil
		}
		last, err = row(rows)
		return err
	})
	return next, err
}
