package bunruns

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A walk says where in the indexes of a table the rows of a list are, and what
// is left to look at there.
type walk struct {
	table string
	by    string // the column that has the order of the list
	key   string // by as the indexes of the list have it; empty if that is the same
	down  bool
	base  []condition

	// also is a condition that no index has, and that all rows of the list
	// fulfil or none.
	also []condition

	// branches each select a stretch of an index that has that order, together
	// with base. They do not overlap. No branch means that base does it.
	branches []condition

	// rest is what else a row must fulfil. Without it, every row in the
	// branches is listed.
	rest []condition

	// whole is set if the branches are short enough to look at all of them.
	whole bool
}

// A condition is a text, with the parameter for arg in the middle unless that
// is nil.
type condition struct {
	before string
	arg    any
	after  string
}

// anyOf says that the column has one of values.
func anyOf[T ~string](d bunkit.Dialect, column string, values []T) condition {
	array, err := json.Marshal(values)
	if err != nil {
		array = []byte("[]") // unreachable: values are texts
	}
	if d == bunkit.SQLite3 {
		return condition{column + " IN (SELECT value FROM json_each(", string(array), "))"}
	}
	return condition{column + " = ANY (ARRAY(SELECT jsonb_array_elements_text(", string(array), "::text::jsonb)))"}
}

// A statement is a text that is being written, with its arguments.
type statement struct {
	text strings.Builder
	args []any
}

// bind returns c with its parameter.
func (s *statement) bind(c condition) string {
	if c.arg == nil {
		return c.before + c.after
	}
	s.args = append(s.args, c.arg)
	return c.before + "$" + strconv.Itoa(len(s.args)) + c.after
}

// bindAll returns that all of them hold.
func (s *statement) bindAll(all []condition) string {
	var texts []string
	for _, c := range all {
		texts = append(texts, s.bind(c))
	}
	return strings.Join(texts, " AND ")
}

// merge writes the selection of the given columns of the rows in the branches
// that fulfil more, each branch with this end: an order and a limit. The order is
// lost if there are several of them.
func (s *statement) merge(w *walk, columns, end string, more []condition) {
	common := s.bindAll(slices.Concat(w.base, w.also, more))
	branches := w.branches
	if len(branches) == 0 {
		branches = []condition{{}}
	}
	for i, branch := range branches {
		where := common
		if branch.before != "" {
			where += " AND " + s.bind(branch)
		}
		one := "SELECT " + columns + " FROM " + w.table +
			" WHERE " + where + end
		if len(branches) == 1 {
			s.text.WriteString(one)
			return
		}
		if i > 0 {
			s.text.WriteString(" UNION ALL ")
		}
		fmt.Fprintf(&s.text, "SELECT * FROM (%s) AS branch%d", one, i)
	}
}

// order is that of what has been found.
func (w *walk) order() string { return w.by + w.direction() }

func (w *walk) direction() string {
	if w.down {
		return " DESC"
	}
	return ""
}

// along is the end of a selection that goes along the index up to limit.
func (w *walk) along(limit string) string {
	return " ORDER BY " + w.inIndex() + w.direction() + " " + limit
}

func (w *walk) inIndex() string { return cmp.Or(w.key, w.by) }

// beyond and upTo are the conditions for the rows behind a position, and for
// those up to one.
func (w *walk) beyond(position string) condition {
	return condition{before: w.inIndex() + map[bool]string{true: " < ", false: " > "}[w.down], arg: position}
}

func (w *walk) upTo(position string) condition {
	return condition{before: w.inIndex() + map[bool]string{true: " >= ", false: " <= "}[w.down], arg: position}
}

// maxLook is how many rows a page looks at before it is short, and a count before
// it is capped. With PostgreSQL each may be on another page of the table, which
// takes 2 to 3 µs; so many leave one call in a hundred below 5 ms.
const maxLook = 800

// page calls row for each of the next rows of w behind the position after, up
// to one more than size of them. It returns the position to which it has
// looked, which is empty if that was the end.
func (s *Store) page(ctx context.Context, w *walk, columns []column, after string, size int, row func(*sql.Rows) error) (looked string, err error) {
	var within []condition
	if after != "" {
		within = append(within, w.beyond(after))
	}
	if len(w.rest) > 0 && !w.whole {
		if looked, err = s.horizon(ctx, w, within, maxLook); err != nil {
			return "", err
		}
		if looked != "" {
			within = append(within, w.upTo(looked))
		}
	}
	// A limit that is a parameter would be planned for as if it could be
	// anything; with a few of them the plans are few.
	limit := fmt.Sprintf("LIMIT %d", runs.MaxLimit+1)
	for _, few := range []int{10, 50} {
		if size <= few {
			limit = fmt.Sprintf("LIMIT %d", few+1)
			break
		}
	}
	var stmt statement
	if len(w.rest) == 0 && !w.whole && (s.dialect == bunkit.PostgreSQL || len(w.branches) > 1) {
		stmt.late(s.dialect, w, list("", columns), limit, within)
	} else {
		stmt.merge(w, list("", columns), w.along(limit), append(within, w.rest...))
		if len(w.branches) > 1 {
			stmt.text.WriteString(" ORDER BY " + w.order() + " " + limit)
		}
	}
	n := 0
	return looked, query(ctx, s.read, s.dialect.Bind(stmt.text.String()), stmt.args, func(rows *sql.Rows) error {
		if n++; n > size+1 {
			return nil
		}
		return row(rows)
	})
}

// late writes the selection of columns of the rows in the branches, in the
// order of the list and cut by limit. It finds their positions in an index
// first, and nowhere else, so that of several branches no more rows are read
// than of one. PostgreSQL plans for the average stretch: where that is short it
// would read and sort all of one, and the longest may be a million times longer.
func (s *statement) late(d bunkit.Dialect, w *walk, columns, limit string, within []condition) {
	in, end := " = ANY (ARRAY(", "))"
	if d == bunkit.SQLite3 {
		in, end = " IN (", ")"
	}
	s.text.WriteString("SELECT " + columns + " FROM " + w.table + " WHERE " + s.bindAll(slices.Concat(w.base, w.also)) + " AND " + w.by + in)
	s.merge(w.positions(), w.by, w.along(limit), within)
	if len(w.branches) > 1 {
		s.text.WriteString(" ORDER BY " + w.order() + " " + limit)
	}
	s.text.WriteString(end + " ORDER BY " + w.order())
}

// positions returns w without what no index has.
func (w *walk) positions() *walk {
	p := *w
	p.also = nil
	return &p
}

// horizon returns a position such that there are look rows, or a few less,
// in the branches up to it; or nothing if there are no more than that at all.
// What is inserted later makes no difference to it: what a page looks at is
// given by positions, so that the next page can begin where it ends.
func (s *Store) horizon(ctx context.Context, w *walk, within []condition, look int) (string, error) {
	each := look / max(len(w.branches), 1)
	nearest := "min"
	if w.down {
		nearest = "max"
	}
	var stmt statement
	stmt.text.WriteString("SELECT " + nearest + "(" + w.by + ") FROM (")
	stmt.merge(w.positions(), w.by, w.along(fmt.Sprintf("LIMIT 1 OFFSET %d", each-1)), within)
	stmt.text.WriteString(") AS ends")
	var position sql.NullString
	_, err := queryRow(ctx, s.read, s.dialect.Bind(stmt.text.String()), stmt.args, &position)
	return position.String, err
}
