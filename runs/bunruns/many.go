package bunruns

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/runs"
)

// after are what follows stamped in the parameters for PostgreSQL.
var after = []column{{"after_lease", number}, {"after_delay", number}, {"after_ring", number}}

// The columns of the rows that the statements for many writes are given; they
// are those that the statements for one bind.
var (
	insertRow = slices.Concat(name, fixed, params, state, detail, stamped, after)
	updateRow = slices.Concat(name, revision, state, detail, stamped, after)
)

// patience is how long a statement for many writes waits for a transaction of
// somebody else. Those that it would be done with wait no longer either: then
// each of them is done alone. It is less than it takes PostgreSQL to look for a
// deadlock.
const patience = "set_config('lock_timeout', '500ms', true)"

// rows returns the rows that a statement is given, an array for each of their
// columns; n is the number of a row.
func rows(columns []column) string {
	var arrays []string
	for i, c := range columns {
		arrays = append(arrays, "$"+strconv.Itoa(i+1)+c.kind.cast()+"[]")
	}
	return "unnest(" + strings.Join(arrays, ", ") + ") WITH ORDINALITY AS r(" + list("", columns) + ", n)"
}

// ofRow returns the expressions for columns of a row; see [binder.stamps].
func ofRow(columns []column) []string {
	var exprs []string
	for _, c := range columns {
		expr := "r." + c.name
		if i := slices.Index(stamped, c); i >= 0 {
			later := "r." + after[i].name
			expr = "CASE WHEN " + later + " >= 0 THEN " + bunkit.PostgreSQL.After(later) + " ELSE " + expr + " END"
		}
		exprs = append(exprs, expr)
	}
	return exprs
}

// newInsertMany returns the statement of PostgreSQL that does what many of
// newInsert would. It gives the number of a row with the run that it joins,
// after false, or the ID of one that was added with its stamped, after true, or
// nothing.
func newInsertMany() string {
	columns := slices.Concat(name, fixed, params, state, detail, stamped)
	whole := whole()
	given := blank(whole)
	return "WITH r AS MATERIALIZED (SELECT r.*, " + patience + " AS patience, (SELECT found.id FROM (" +
		same([]column{{"id", text}}, "r.tenant", "r.type", "r.once", "r.key", "r.status") + ") AS found) AS joins FROM " + rows(insertRow) +
		"), added AS (INSERT INTO operation_runs (revision, " + list("", columns) + ") SELECT 1, " + strings.Join(ofRow(columns), ", ") +
		" FROM r WHERE r.joins IS NULL ORDER BY r.n ON CONFLICT DO NOTHING RETURNING id AS added_id, " + list("", stamped) +
		") SELECT r.n, '', false, " + list("o.", whole) + " FROM r JOIN operation_runs AS o ON o.id = r.joins" +
		" UNION ALL SELECT 0, added_id, true, " + given + " FROM added"
}

// newUpdateMany returns the statement of PostgreSQL that does what many of
// newUpdate would, each of another run, and gives the number of each row that
// has changed its run before what newUpdate gives.
func newUpdateMany() string {
	columns := slices.Concat(state, detail, stamped)
	set := []string{"revision = o.revision + 1"}
	for i, expr := range ofRow(columns) {
		set = append(set, columns[i].name+" = "+expr)
	}
	return "WITH r AS MATERIALIZED (SELECT r.*, " + patience + " AS patience FROM " + rows(updateRow) + ")" +
		" UPDATE operation_runs AS o SET " + strings.Join(set, ", ") + " FROM r" +
		" WHERE o.tenant = r.tenant AND o.id = r.id AND o.revision = r.revision" +
		" AND " + freeLane("o", "r.tenant", "r.status") +
		" AND " + come("o", "r.status", "r.outcome", bunkit.PostgreSQL.Now()) +
		" RETURNING r.n, " + list("o.", stamped) + ", " + list("o.", fixed)
}

// insertMany makes inserts in one statement.
func (s *Store) insertMany(ctx context.Context, writes []*write) error {
	byID := make(map[string]*write, len(writes))
	for _, w := range writes {
		w.done, w.stored = false, nil
		byID[w.r.ID] = w
	}
	args, err := arrays(insertRow, writes)
	if err != nil {
		return err
	}
	return query(ctx, s.write, s.sql.insertMany, args, func(rows *sql.Rows) error {
		var n int
		var id string
		var done bool
		row := new(runs.Run)
		if err := rows.Scan(slices.Concat([]any{&n, &id, &done}, scanWhole(row))...); err != nil {
			return err
		}
		w := byID[id]
		if !done {
			w = writes[n-1]
		}
		w.done = done
		w.keep(row)
		return nil
	})
}

// updateMany makes updates in one statement.
func (s *Store) updateMany(ctx context.Context, writes []*write) error {
	for _, w := range writes {
		w.done = false
	}
	args, err := arrays(updateRow, writes)
	if err != nil {
		return err
	}
	return query(ctx, s.write, s.sql.updateMany, args, func(rows *sql.Rows) error {
		var n int
		row := new(runs.Run)
		if err := rows.Scan(append([]any{&n}, scanUpdated(row)...)...); err != nil {
			return err
		}
		w := writes[n-1]
		w.done = true
		w.r.LeaseUntil, w.r.NotBefore, w.r.NextRing = row.LeaseUntil, row.NotBefore, row.NextRing
		w.r.Type, w.r.Key, w.r.Once, w.r.Lane, w.r.Inline = row.Type, row.Key, row.Once, row.Lane, row.Inline
		w.r.Initiator, w.r.RetryOf, w.r.CreatedAt = row.Initiator, row.RetryOf, row.CreatedAt
		return nil
	})
}

// arrays returns the parameters of the writes, an array for each column.
func arrays(columns []column, writes []*write) ([]any, error) {
	var args []any
	for i, c := range columns {
		var arg any
		var err error
		switch c.kind {
		case text:
			arg, err = array[string](writes, i)
		case document:
			arg, err = arrayOrNull[string](writes, i)
		case number:
			arg, err = array[int64](writes, i)
		case flag:
			arg, err = array[bool](writes, i)
		case instant:
			arg, err = arrayOrNull[time.Time](writes, i)
		}
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.name, err)
		}
		args = append(args, arg)
	}
	return args, nil
}

// array returns the i-th parameter of each write.
func array[T any](writes []*write, i int) ([]T, error) {
	values := make([]T, len(writes))
	for n, w := range writes {
		v, ok := w.args[i].(T)
		if !ok {
			return nil, fmt.Errorf("parameter of type %T", w.args[i])
		}
		values[n] = v
	}
	return values, nil
}

// arrayOrNull is array for parameters that may be NULL.
func arrayOrNull[T any](writes []*write, i int) ([]sql.Null[T], error) {
	values := make([]sql.Null[T], len(writes))
	for n, w := range writes {
		if w.args[i] == nil {
			continue
		}
		v, ok := w.args[i].(T)
		if !ok {
			return nil, fmt.Errorf("parameter of type %T", w.args[i])
		}
		values[n] = sql.Null[T]{V: v, Valid: true}
	}
	return values, nil
}
