package bunruns

import (
	"context"
	"database/sql"
	"encoding/json"
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
const patience = "WITH patience AS MATERIALIZED (SELECT set_config('lock_timeout', '500ms', true)) "

// given returns the rows that a statement is given, as an array of JSON objects,
// in which what is blank is missing, and the number of them; n is the number of
// a row. To unnest an array for each column took three to five times as long.
// The limit has PostgreSQL plan for few rows, and so with an index.
func given(columns []column) string {
	var types []string
	for _, c := range columns {
		types = append(types, c.name+" "+strings.TrimPrefix(c.kind.cast(), "::"))
	}
	return "(SELECT * FROM ROWS FROM (json_to_recordset($1::json) AS (" + strings.Join(types, ", ") + ")) WITH ORDINALITY LIMIT $2::bigint)" +
		" AS r(" + list("", columns) + ", n)"
}

// ofRow returns the expressions for columns of a row; see [binder.stamps].
func ofRow(columns []column) []string {
	var exprs []string
	for _, c := range columns {
		expr := "r." + c.name
		if i := slices.Index(stamped, c); i >= 0 {
			later := "r." + after[i].name
			expr = "CASE WHEN " + later + " > 0 THEN " + bunkit.PostgreSQL.After(later) + " ELSE " + expr + " END"
		} else if c.kind != document && c.kind != instant {
			expr = "COALESCE(" + expr + ", " + c.kind.blank() + ")"
		}
		exprs = append(exprs, expr)
	}
	return exprs
}

// newLookMany returns the statement of PostgreSQL that looks for what many
// inserts join. It is given an array for each of tenant, type, once, key and
// status, and gives the number of an insert with the run that it joins.
func newLookMany() string {
	return "SELECT r.n, " + list("found.", whole()) +
		" FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY AS r(tenant, type, once, key, status, n)" +
		" CROSS JOIN LATERAL (" + same(whole(), "r.tenant", "r.type", "r.once", "r.key", "r.status") + ") AS found"
}

// newInsertMany returns the statement of PostgreSQL that adds runs, and gives
// the ID of each that it has added, with its stamped.
func newInsertMany() string {
	columns := slices.Concat(name, fixed, params, state, detail, stamped)
	return patience + "INSERT INTO operation_runs (revision, " + list("", columns) + ") SELECT 1, " + strings.Join(ofRow(columns), ", ") +
		" FROM patience CROSS JOIN " + given(insertRow) + " ORDER BY r.n ON CONFLICT DO NOTHING RETURNING id, " + list("", stamped)
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
	// An outcome that is missing is not equal to anything.
	return patience + "UPDATE operation_runs AS o SET " + strings.Join(set, ", ") + " FROM patience CROSS JOIN " + given(updateRow) +
		" WHERE o.tenant = r.tenant AND o.id = r.id AND o.revision = r.revision" +
		" AND " + freeLane("o", "r.tenant", "r.status") +
		" AND " + come("o", "r.status", "r.outcome", bunkit.PostgreSQL.Now()) +
		" RETURNING r.n, " + list("o.", stamped) + ", " + list("o.", fixed)
}

// insertMany makes inserts. It looks first what they join, in a statement that
// costs a fraction of the one that inserts what joins nothing.
func (s *Store) insertMany(ctx context.Context, writes []*write) error {
	added := make([]*write, 0, len(writes))
	if err := s.lookMany(ctx, writes); err != nil {
		return err
	}
	byID := make(map[string]*write, len(writes))
	for _, w := range writes {
		if w.stored == nil {
			added = append(added, w)
			byID[w.r.ID] = w
		}
	}
	if len(added) == 0 {
		return nil
	}
	args, err := objects(insertRow, added)
	if err != nil {
		return err
	}
	return query(ctx, s.write, s.sql.insertMany, args, func(rows *sql.Rows) error {
		var id string
		row := new(runs.Run)
		if err := rows.Scan(&id, at{&row.LeaseUntil}, at{&row.NotBefore}, at{&row.NextRing}); err != nil {
			return err
		}
		w := byID[id]
		w.done = true
		w.keep(row)
		return nil
	})
}

// lookMany sets what is stored of the inserts that join a run.
func (s *Store) lookMany(ctx context.Context, writes []*write) error {
	var asked []*write
	var tenants, types, onces, keys, statuses []string
	for _, w := range writes {
		w.done, w.stored = false, nil
		if _, joins := w.same(); joins {
			asked = append(asked, w)
			tenants, types, onces = append(tenants, w.r.Tenant), append(types, string(w.r.Type)), append(onces, w.r.Once)
			keys, statuses = append(keys, string(w.r.Key)), append(statuses, string(w.r.Status))
		}
	}
	if len(asked) == 0 {
		return nil
	}
	return query(ctx, s.find, s.sql.lookMany, []any{tenants, types, onces, keys, statuses}, func(rows *sql.Rows) error {
		var n int
		row := new(runs.Run)
		if err := rows.Scan(append([]any{&n}, scanWhole(row)...)...); err != nil {
			return err
		}
		asked[n-1].stored = row
		return nil
	})
}

// updateMany makes updates in one statement.
func (s *Store) updateMany(ctx context.Context, writes []*write) error {
	for _, w := range writes {
		w.done = false
	}
	args, err := objects(updateRow, writes)
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

// objects returns the parameters of the writes as a statement for many is given
// them; see [given].
func objects(columns []column, writes []*write) ([]any, error) {
	text := make([]byte, 0, 512*len(writes))
	for i, w := range writes {
		text = append(text, "[,"[min(i, 1)], '{')
		first := true
		for j, c := range columns {
			if w.args[j] == nil || w.args[j] == "" || w.args[j] == int64(0) || w.args[j] == false {
				continue
			}
			if !first {
				text = append(text, ',')
			}
			first = false
			text = append(text, '"')
			text = append(text, c.name...)
			text = append(text, '"', ':')
			var err error
			if text, err = appendJSON(text, w.args[j]); err != nil {
				return nil, fmt.Errorf("column %s: %w", c.name, err)
			}
		}
		text = append(text, '}')
	}
	return []any{string(append(text, ']')), int64(len(writes))}, nil
}

// appendJSON appends a parameter. An instant is a text that PostgreSQL reads.
func appendJSON(text []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case int64:
		return strconv.AppendInt(text, v, 10), nil
	case time.Time:
		return v.UTC().AppendFormat(text, `"2006-01-02 15:04:05.000000Z"`), nil
	case string:
		if !strings.ContainsFunc(v, escaped) {
			text = append(text, '"')
			text = append(text, v...)
			return append(text, '"'), nil
		}
	}
	raw, err := json.Marshal(v)
	return append(text, raw...), err
}

// escaped reports whether JSON has r in another form within a text.
func escaped(r rune) bool { return r < ' ' || r == '"' || r == '\\' }
