package bunruns

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/runs"
)

// Due implements [runs.Store], in one statement. Claimable runs come in the
// order of their IDs, others in the order in which they became due.
func (s *Store) Due(ctx context.Context, q runs.DueQuery) ([]*runs.Run, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	limit := q.Limit
	if limit <= 0 {
		limit = 50
	}
	types := storableOf(q.Types)
	if len(types) == 0 {
		return nil, nil
	}
	array, err := json.Marshal(types)
	if err != nil {
		return nil, fmt.Errorf("due runs: %w", err)
	}
	args := []any{string(array)}
	switch {
	case s.dialect == bunkit.SQLite3:
		at := now()
		args = append(args, at.UnixMicro())
		if !q.Claimable {
			args = append(args, q.Grace.Microseconds())
		}
	case !q.Claimable:
		args = append(args, q.Grace.Microseconds())
	}
	var found []*runs.Run
	err = query(ctx, s.read, dueText(s.dialect, q.Claimable, roundUp(limit)), args, func(rows *sql.Rows) error {
		if len(found) == limit {
			return nil
		}
		r := new(runs.Run)
		found = append(found, r)
		return rows.Scan(scanWhole(r)...)
	})
	if err != nil {
		return nil, s.explain(ctx, "due runs", err)
	}
	return found, nil
}

// roundUp keeps the texts with a limit few.
func roundUp(limit int) int {
	n := 10
	for n < limit {
		n *= 10
	}
	return n
}

// dueText returns the statement for limit runs. Each type is looked for in each
// way of being due, in an index, and those that wait longest are read.
func dueText(d bunkit.Dialect, claimable bool, limit int) string {
	columns := list("r.", whole())
	if d == bunkit.PostgreSQL {
		return "SELECT " + columns + " FROM (SELECT d.id, d.at FROM jsonb_array_elements_text($1::text::jsonb) AS t(type)" +
			" CROSS JOIN LATERAL (" + due(d, claimable, "t.type", limit) + ") AS d" +
			fmt.Sprintf(" ORDER BY d.at NULLS FIRST, d.id LIMIT %d", limit) + ") AS d" +
			" JOIN operation_runs AS r ON r.id = d.id ORDER BY d.at NULLS FIRST, d.id"
	}
	// SQLite has no LATERAL, but a subquery of an expression sees as much.
	at := "NULL"
	if !claimable {
		at = "CASE r.status WHEN 'queued' THEN coalesce(" + free(d, "r.") + ", r.created_at + ?3) WHEN 'running' THEN r.lease_until ELSE r.next_ring END"
	}
	return "SELECT " + columns + " FROM json_each(?1) AS t CROSS JOIN operation_runs AS r" +
		" ON r.id IN (SELECT id FROM (" + due(d, claimable, "t.value", limit) + "))" +
		fmt.Sprintf(" ORDER BY %s, r.id LIMIT %d", at, limit)
}

// free is the instant at which a queued run may be rung again, if it has one.
func free(d bunkit.Dialect, prefix string) string {
	if d == bunkit.PostgreSQL {
		return "greatest(" + prefix + "not_before, " + prefix + "next_ring)"
	}
	return strings.ReplaceAll("coalesce(max(~not_before, ~next_ring), ~not_before, ~next_ring)", "~", prefix)
}

// due selects the IDs of the runs of one type, and since when they are due.
func due(d bunkit.Dialect, claimable bool, typ string, limit int) string {
	now, grace := "statement_timestamp()", "$2::bigint * interval '1 microsecond'"
	if d == bunkit.SQLite3 {
		now, grace = "?2", "?3"
	}
	free := free(d, "")
	// The orders are those of the indexes, but for what runs and what was
	// parked, of which there is little.
	ways := []struct{ at, where, order string }{
		{free, "status = 'queued' AND " + free + " <= " + now + " AND (next_ring IS NOT NULL OR created_at <= " + now + " - " + grace + ")", free},
		{"created_at + " + grace, "status = 'queued' AND " + free + " IS NULL AND created_at <= " + now + " - " + grace, free + ", created_at"},
		{"lease_until", "status = 'running' AND (lease_until IS NULL OR lease_until <= " + now + ")", "lease_until NULLS FIRST"},
		{"next_ring", "status = 'completed' AND NOT announced AND next_ring IS NULL", "next_ring"},
		{"next_ring", "status = 'completed' AND NOT announced AND next_ring <= " + now, "next_ring"},
	}
	if claimable {
		ways = ways[:2]
		ways[0].at, ways[0].where, ways[0].order = "NULL", "status = 'queued' AND not_before IS NULL", "type"
		ways[1].at, ways[1].where, ways[1].order = "NULL", "status = 'queued' AND not_before IS NOT NULL AND not_before <= "+now, "type"
	}
	var b strings.Builder
	for i, w := range ways {
		if i > 0 {
			b.WriteString(" UNION ALL ")
		}
		fmt.Fprintf(&b, "SELECT id, at FROM (SELECT id, %s AS at FROM operation_runs WHERE type = %s AND %s ORDER BY %s, id LIMIT %d) AS way%d",
			w.at, typ, w.where, w.order, limit, i)
	}
	return b.String()
}
