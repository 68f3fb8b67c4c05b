package bunkit

import (
	"context"
	"database/sql"
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// casts are the types of parameters, without which PostgreSQL would take some
// of them for texts, and which SQLite does not know.
var casts = regexp.MustCompile(`::[a-z]+(\[\])?`)

// Translate returns a statement, which is written for PostgreSQL, for the
// dialect: with its parameters, see [Dialect.Bind], without the types of them,
// and with its names for greatest and strpos.
func (d Dialect) Translate(text string) string {
	if d != SQLite3 {
		return text
	}
	text = strings.NewReplacer("greatest(", "max(", "strpos(", "instr(").Replace(text)
	return d.Bind(casts.ReplaceAllString(text, ""))
}

// A Column is one of the columns of the rows that a [Bulk] is given.
type Column struct {
	Name string
	Kind string // as PostgreSQL calls it
}

// A Bulk is a statement that is given any number of rows. Text is what is run,
// with the first parameter for what all rows share, and one for each column.
type Bulk struct {
	Text    string
	Columns []Column

	dialect Dialect
}

// NewBulk returns the statement with this text, in which ROWS is a table r
// with the columns, and $1 is what all rows share.
func NewBulk(d Dialect, text string, columns []Column) Bulk {
	var params, names []string
	for i, c := range columns {
		n := strconv.Itoa(i + 2)
		if d == SQLite3 {
			params = append(params, "$"+n+" AS "+c.Name)
			continue
		}
		params, names = append(params, "$"+n+"::"+c.Kind+"[]"), append(names, c.Name)
	}
	rows := "unnest(" + strings.Join(params, ", ") + ") AS r(" + strings.Join(names, ", ") + ")"
	if d == SQLite3 {
		rows = "(SELECT " + strings.Join(params, ", ") + ") AS r"
	}
	return Bulk{d.Translate(strings.ReplaceAll(text, "ROWS", rows)), columns, d}
}

// bulkRows is how many rows PostgreSQL is given at once.
const bulkRows = 1000

// Exec runs the statement for rows: a thousand at a time with PostgreSQL, in an
// array for each column; one at a time with SQLite, where a statement is a
// function call.
func (b Bulk) Exec(ctx context.Context, tx *sql.Tx, shared any, rows [][]any) (err error) {
	if len(rows) == 0 {
		return nil
	}
	if b.dialect == SQLite3 {
		stmt, err := tx.PrepareContext(ctx, b.Text)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stmt.Close()) }()
		for _, row := range rows {
			if _, err := stmt.ExecContext(ctx, append([]any{shared}, row...)...); err != nil {
				return err
			}
		}
		return nil
	}
	return b.arrays(shared, rows, func(args []any) error {
		_, err := tx.ExecContext(ctx, b.Text, args...)
		return err
	})
}

// Query does the same for a statement that has a result, and calls row for each
// row of it.
func (b Bulk) Query(ctx context.Context, c Conn, shared any, rows [][]any, row func(rows *sql.Rows) error) error {
	if b.dialect == SQLite3 {
		for _, values := range rows {
			if err := Query(ctx, c, b.Text, append([]any{shared}, values...), row); err != nil {
				return err
			}
		}
		return nil
	}
	return b.arrays(shared, rows, func(args []any) error { return Query(ctx, c, b.Text, args, row) })
}

// arrays calls run with an array for each column.
func (b Bulk) arrays(shared any, rows [][]any, run func(args []any) error) error {
	for len(rows) > 0 {
		n := min(len(rows), bulkRows)
		args := make([]any, 1, 1+len(b.Columns))
		args[0] = shared
		for i := range b.Columns {
			array := make([]any, n)
			for j, row := range rows[:n] {
				array[j] = row[i]
			}
			args = append(args, array)
		}
		if err := run(args); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// Probe returns a join, an inner one if join is "", that finds the rows of a
// table one by one in an index. Both databases would otherwise at times read
// the whole tenant for a few rows.
func (d Dialect) Probe(join, columns, table, as, on string) string {
	if d == SQLite3 {
		if join == "" {
			join = "CROSS" // keeps the order of the tables
		}
		return " " + join + " JOIN " + table + " AS " + as + " ON " + on
	}
	return " " + join + " JOIN LATERAL (SELECT " + columns + " FROM " + table + " AS " + as + " WHERE " + on + " OFFSET 0) AS " + as + " ON true"
}

// Among returns the condition that a column has one of the values that a
// statement selects, for the same reason.
func (d Dialect) Among(column, values string) string {
	if d == SQLite3 {
		return column + " IN (" + values + ")"
	}
	return column + " = ANY (ARRAY (" + values + "))"
}
