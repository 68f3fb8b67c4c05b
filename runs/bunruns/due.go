package bunruns

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
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
	args := s.bindNow([]any{string(array)})
	if q.Instance != "" {
		if !bunkit.Storable(q.Instance, q.Incarnation) {
			return nil, nil
		}
		args = append(args, q.Instance, q.Incarnation)
	}
	var found []*runs.Run
	err = query(ctx, s.find, dueText(s.dialect, q, roundUp(limit)), args, func(rows *sql.Rows) error {
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
	for n := 10; ; n *= 10 {
		for _, step := range []int{1, 2, 5} {
			if limit <= n*step {
				return n * step
			}
		}
	}
}

// The ways in which runs of one type are due, each with the instant since when.
// The orders are those of the indexes, but for what was parked and what runs,
// of which there is little.
const (
	dueReady = `SELECT id, id AS at FROM (
		SELECT id FROM operation_runs
		WHERE type = {type} AND status = 'queued' AND not_before IS NULL
		ORDER BY type, id LIMIT {limit}) AS ready`

	dueParked = `SELECT id, id FROM (
		SELECT id FROM operation_runs
		WHERE type = {type} AND status = 'queued' AND not_before IS NOT NULL AND not_before <= {now}
		ORDER BY id LIMIT {limit}) AS parked`

	dueQueued = `SELECT id, at FROM (
		SELECT id, {free} AS at FROM operation_runs
		WHERE type = {type} AND status = 'queued' AND {free} IS NULL
		ORDER BY {free}, id LIMIT {limit}) AS free
	UNION ALL SELECT id, at FROM (
		SELECT id, {free} AS at FROM operation_runs
		WHERE type = {type} AND status = 'queued' AND {free} <= {now}
		ORDER BY {free}, id LIMIT {limit}) AS rung`

	dueUnannounced = `SELECT id, next_ring AS at FROM (
		SELECT id, next_ring FROM operation_runs
		WHERE type = {type} AND status = 'completed' AND NOT announced AND next_ring IS NULL
		ORDER BY next_ring, id LIMIT {limit}) AS silent
	UNION ALL SELECT id, next_ring FROM (
		SELECT id, next_ring FROM operation_runs
		WHERE type = {type} AND status = 'completed' AND NOT announced AND next_ring <= {now}
		ORDER BY next_ring, id LIMIT {limit}) AS unheard`

	// dueLost has no order of an index: leases are in none.
	dueLost = `SELECT id, lease_until AS at FROM (
		SELECT id, lease_until FROM operation_runs
		WHERE type {lost} AND status = 'running' AND (lease_until IS NULL OR lease_until <= {now})
		ORDER BY lease_until NULLS FIRST, id LIMIT {limit}) AS lost`

	// dueLeft has an index of what runs under some name.
	dueLeft = `SELECT id, lease_until AS at FROM (
		SELECT id, lease_until FROM operation_runs
		WHERE instance = {instance} AND instance <> '' AND status = 'running' AND incarnation <> {incarnation} AND type {lost}
		ORDER BY lease_until NULLS FIRST, id LIMIT {limit}) AS abandoned`

	// dueSince says the same of the row r.
	dueSince = `CASE r.status WHEN 'queued' THEN {r.free} WHEN 'running' THEN r.lease_until ELSE r.next_ring END`
)

// dueText returns the statement for limit runs, the longest waiting first. The
// lost ones are looked for in all types at once with PostgreSQL, because its
// planner, which cannot know how many types there are, would think that
// expensive enough to compile it.
func dueText(d bunkit.Dialect, q runs.DueQuery, limit int) string {
	var ways, lost string
	since := dueSince
	switch {
	case q.Instance != "":
		lost = dueLeft
	case q.Claimable:
		ways, since = dueReady+" UNION ALL "+dueParked, "r.id"
	case q.Status == runs.StatusQueued:
		ways = dueQueued
	case q.Status == runs.StatusRunning:
		lost = dueLost
	case q.Status == runs.StatusCompleted:
		ways = dueUnannounced
	default:
		ways = dueQueued + " UNION ALL " + dueUnannounced
		lost = " UNION ALL " + dueLost
	}
	if d == bunkit.SQLite3 && ways == "" {
		ways, lost = lost, ""
	}
	if d == bunkit.SQLite3 {
		// It has no LATERAL, but a subquery of an expression sees as much.
		return strings.NewReplacer(
			"{columns}", list("r.", whole()),
			"{limit}", strconv.Itoa(limit),
			"{type}", "t.value",
			"{lost}", "= t.value",
			"{now}", "?2",
			"{instance}", "?3",
			"{incarnation}", "?4",
			"{free}", "coalesce(max(not_before, next_ring), not_before, next_ring)",
			"{r.free}", "coalesce(max(r.not_before, r.next_ring), r.not_before, r.next_ring)",
		).Replace("SELECT {columns} FROM json_each(?1) AS t CROSS JOIN operation_runs AS r" +
			" ON r.id IN (SELECT id FROM (" + ways + lost + ")) ORDER BY " + since + " NULLS FIRST, r.id LIMIT {limit}")
	}
	each := ""
	if ways != "" {
		each = "SELECT d.id, d.at FROM unnest({types}) AS t(type) CROSS JOIN LATERAL (" + ways + ") AS d"
	}
	return strings.NewReplacer(
		"{columns}", list("r.", whole()),
		"{limit}", strconv.Itoa(limit),
		"{type}", "t.type",
		"{types}", "ARRAY(SELECT jsonb_array_elements_text($1::text::jsonb))",
		"{lost}", "= ANY (ARRAY(SELECT jsonb_array_elements_text($1::text::jsonb)))",
		"{now}", d.Now(),
		"{instance}", "$2::text",
		"{incarnation}", "$3::text",
		"{free}", "greatest(not_before, next_ring)",
		"{r.free}", "greatest(r.not_before, r.next_ring)",
	).Replace("SELECT {columns} FROM operation_runs AS r WHERE r.id = ANY (ARRAY(SELECT id FROM (" +
		each + lost +
		") AS due ORDER BY at NULLS FIRST, id LIMIT {limit})) ORDER BY " + since + " NULLS FIRST, r.id")
}
