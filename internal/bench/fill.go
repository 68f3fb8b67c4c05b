package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"syscall"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
)

// The tenants of a filled table: a share of the runs is the large one's, the
// others are spread over the small ones.
const (
	largeTenant  = "tenant-0"
	smallTenants = 999
)

// readOnly is beyond how many runs a table is filled only to be read, so that it
// need not be logged.
const readOnly = 500_000

// fillSpan is how long ago the oldest run of a filled table was created, in
// milliseconds: 90 days.
const fillSpan = 90 * 24 * 3600 * 1000

// draw is a number that looks like chance and comes out of g, which numbers the
// runs by age; each salt gives another.
func draw(salt, below int) string {
	return fmt.Sprintf("(((g + %d) * 2654435761 / 65536) %% %d)", salt*7919, below)
}

// choose is an expression for one of the values, each with its share in
// 10,000.
func choose(salt int, values ...any) string {
	n := draw(salt, 10_000)
	var b strings.Builder
	b.WriteString("CASE")
	sum := 0
	for i := 0; i+1 < len(values); i += 2 {
		sum += values[i+1].(int)
		fmt.Fprintf(&b, " WHEN %s < %d THEN '%s'", n, sum, values[i])
	}
	return b.String() + " END"
}

// fillText returns the statement that fills the table with n runs, the newest
// created at the instant now, in milliseconds since 1970. One in share is the
// large tenant's. One in 2,000 is active, all of those among the newest.
func fillText(d bunkit.Dialect, n, share int, now int64) string {
	at, hex := "to_timestamp((%s) / 1000.0)", "lpad(to_hex(%s), %d, '0')"
	source := fmt.Sprintf("SELECT g FROM generate_series(1::bigint, %d) AS g", n)
	if d == bunkit.SQLite3 {
		at, hex = "((%s) * 1000)", "printf('%%0%[2]dx', %[1]s)"
		source = fmt.Sprintf("SELECT g FROM (WITH RECURSIVE s(g) AS (SELECT 1 UNION ALL SELECT g + 1 FROM s WHERE g < %d) SELECT g FROM s)", n)
	}
	active := fmt.Sprintf("g > %d", n-n/2000)
	ms := fmt.Sprintf("(%d - (%d - g) * %d / %d)", now, n, int64(fillSpan), n)
	instant := func(after int) string { return fmt.Sprintf(at, fmt.Sprint(ms, " + ", after)) }
	ended := func(value string) string { return "CASE WHEN " + active + " THEN NULL ELSE " + value + " END" }
	columns := [][2]string{
		{"id", "substr(" + fmt.Sprintf(hex, ms, 12) + ", 1, 8) || '-' || substr(" + fmt.Sprintf(hex, ms, 12) + ", 9, 4) || '-7000-8000-' || " + fmt.Sprintf(hex, "g", 12)},
		{"tenant", "CASE WHEN " + draw(1, share) + " = 0 THEN '" + largeTenant + "' ELSE 'tenant-' || (1 + " + draw(2, smallTenants) + ") END"},
		{"type", choose(3, "inventory.sync", 5000, "directory.groups.sync", 3000, "drift.generate", 1000, "backup_set.verify", 989, "restore.execute", 10, "restore.preview", 1)},
		{"key", "'v1:' || " + fmt.Sprintf(hex, "g", 64)},
		{"once", "CASE WHEN " + draw(4, 10) + " < 3 THEN 'slot ' || g ELSE '' END"},
		{"initiator_kind", choose(5, "schedule", 8000, "user", 2000)},
		{"initiator_id", "CASE WHEN " + draw(5, 10_000) + " < 8000 THEN 'nightly' ELSE 'user-' || " + draw(6, 50) + " END"},
		{"initiator_name", "'Every night'"},
		{"created_at", instant(0)},
		{"revision", "CASE WHEN " + active + " THEN 1 ELSE 5 END"},
		{"status", "CASE WHEN NOT (" + active + ") THEN 'completed' WHEN g % 4 = 0 THEN 'running' ELSE 'queued' END"},
		{"outcome", "CASE WHEN " + active + " THEN '' ELSE " + choose(7, "succeeded", 9400, "partially_succeeded", 300, "failed", 200, "canceled", 95, "blocked", 5) + " END"},
		{"target_kind", "'backup_set'"},
		{"target_id", "'set-' || " + draw(8, 1000)},
		{"target_name", "'Weekly'"},
		{"total", "66"},
		{"succeeded", "64"},
		{"extra", `'{"objects":1234}'`},
		{"attempt", "CASE WHEN " + active + " AND g % 4 <> 0 THEN 0 ELSE 1 END"},
		{"announced", map[bool]string{true: "NOT (" + active + ")", false: "CASE WHEN " + active + " THEN 0 ELSE 1 END"}[d == bunkit.PostgreSQL]},
		{"started_at", ended(instant(700))},
		{"completed_at", ended(instant(60_700))},
		{"updated_at", instant(60_700)},
		{"next_ring", instant(5000)},
		{"params", `'{"policy_types":["deviceConfiguration"],"n":' || g || '}'`},
		{"context", `'{"selection":"everything"}'`},
	}
	var names, values []string
	for _, c := range columns {
		names, values = append(names, c[0]), append(values, c[1])
	}
	for empty := range strings.FieldsSeq("lane retry_of reason message waiting_reason waiting_message cancel_kind cancel_id cancel_name cancel_why") {
		names, values = append(names, empty), append(values, "''")
	}
	for _, zero := range []string{"failed", "skipped", "lost"} {
		names, values = append(names, zero), append(values, "0")
	}
	names, values = append(names, "inline"), append(values, map[bool]string{true: "false", false: "0"}[d == bunkit.PostgreSQL])
	return "INSERT INTO operation_runs (" + strings.Join(names, ", ") + ") SELECT " + strings.Join(values, ", ") + " FROM (" + source + ") AS numbers"
}

// fill puts n runs into the empty table, which is quicker without its indexes,
// and makes these again.
func fill(ctx context.Context, db bunkit.DB, d bunkit.Dialect, n, share int, now int64) error {
	conn, err := db.Write.DB.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	find := "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'operation_runs' AND sql IS NOT NULL"
	before := []string{"PRAGMA cache_size = -400000"}
	after := []string{"ANALYZE"}
	if d == bunkit.PostgreSQL {
		find = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema AND tablename = 'operation_runs' AND indexname NOT LIKE '%pkey'"
		before = []string{"SET maintenance_work_mem = '512MB'"}
		if n > readOnly {
			before = append(before, "ALTER TABLE operation_runs SET UNLOGGED")
		}
		after = []string{"VACUUM ANALYZE operation_runs", "CHECKPOINT"}
	}
	names, texts, err := pairs(ctx, conn, find)
	if err != nil {
		return err
	}
	for _, name := range names {
		before = append(before, "DROP INDEX "+name)
	}
	all := append(before, fillText(d, n, share, now))
	all = append(append(all, texts...), after...)
	for _, text := range all {
		if _, err := conn.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("%.80s: %w", text, err)
		}
	}
	syscall.Sync() // or the gigabytes that are still to be written are measured, too
	return nil
}

func pairs(ctx context.Context, conn *sql.Conn, text string) (first, second []string, err error) {
	rows, err := conn.QueryContext(ctx, text)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var a, b string
		if err := rows.Scan(&a, &b); err != nil {
			return nil, nil, err
		}
		first, second = append(first, a), append(second, b)
	}
	return first, second, rows.Err()
}
