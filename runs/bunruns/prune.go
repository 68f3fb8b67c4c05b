package bunruns

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/runs"
)

const (
	// deleteRuns and deleteItems are how many one transaction deletes: what
	// SQLite, where a start waits for it, does in some milliseconds.
	deleteRuns  = 25
	deleteItems = 1000
)

// over is the condition of the partial index: nothing will happen to the run
// any more.
const over = "status = 'completed' AND announced"

// Ended implements [runs.Pruner], along an index.
func (s *Store) Ended(ctx context.Context, before time.Time, after runs.EndedRun, limit int) ([]runs.EndedRun, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = 50
	}
	if !bunkit.Storable(after.ID) {
		after.ID = "" // no run has it, so some are listed once more
	}
	b := &binder{dialect: s.dialect}
	text := "SELECT tenant, id, type, outcome, once, completed_at FROM operation_runs WHERE " + over +
		" AND (completed_at, id) > (" + b.next(instant) + ", " + b.next(text) + ") AND completed_at < " + b.next(instant) +
		fmt.Sprintf(" ORDER BY completed_at, id LIMIT %d", roundUp(limit))
	// Like created_at, the bounds are never NULL.
	args := []any{s.created(runs.Instant(after.CompletedAt)), after.ID, s.created(ceil(before))}
	var found []runs.EndedRun
	err := query(ctx, s.read, text, args, func(rows *sql.Rows) error {
		if len(found) == limit {
			return nil
		}
		var r runs.EndedRun
		err := rows.Scan(&r.Tenant, &r.ID, (*string)(&r.Type), (*string)(&r.Outcome), &r.Once, at{&r.CompletedAt})
		found = append(found, r)
		return err
	})
	if err != nil {
		return nil, s.explain(ctx, "list ended runs", err)
	}
	return found, nil
}

// Delete implements [runs.Pruner]. Each transaction deletes 25 runs or 1,000
// items at most, and waits for its turn like other writes.
func (s *Store) Delete(ctx context.Context, refs []runs.Ref) (deleted int, err error) {
	refs = slices.DeleteFunc(slices.Clone(refs), func(ref runs.Ref) bool { return !bunkit.Storable(ref.Tenant, ref.ID) })
	// Two that delete the same do not wait for each other in a circle.
	slices.SortFunc(refs, func(a, b runs.Ref) int { return strings.Compare(a.ID, b.ID) })
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	for batch := range slices.Chunk(refs, deleteRuns) {
		n, err := s.delete(ctx, batch)
		deleted += n
		if err != nil {
			return deleted, s.explain(ctx, "delete runs", err)
		}
	}
	return deleted, nil
}

// delete deletes the items of the runs, in as many transactions as it takes,
// and then the runs.
func (s *Store) delete(ctx context.Context, refs []runs.Ref) (int, error) {
	var tenants, ids []string
	for _, ref := range refs {
		tenants, ids = append(tenants, ref.Tenant), append(ids, ref.ID)
	}
	arrays := make([]any, 2)
	for i, texts := range [][]string{tenants, ids} {
		array, err := json.Marshal(texts)
		if err != nil {
			return 0, fmt.Errorf("encode: %w", err)
		}
		arrays[i] = string(array)
	}
	for {
		n, err := s.affect(ctx, s.sql.deleteItems, arrays)
		if err != nil {
			return 0, err
		}
		if n < deleteItems {
			break
		}
	}
	return s.affect(ctx, s.sql.deleteRuns, arrays)
}

// affect runs a statement in its turn and returns how many rows it changed.
func (s *Store) affect(ctx context.Context, text string, args []any) (int, error) {
	var n int64
	w := &write{alone: func(ctx context.Context, c executor) error {
		result, err := c.ExecContext(ctx, text, args...)
		if err == nil {
			n, err = result.RowsAffected()
		}
		return err
	}}
	err := s.commit(ctx, s.groups.items, w)
	if err != nil {
		return 0, err // and n may still change
	}
	return int(n), nil
}

// newDelete returns the two statements that delete items of runs that are over,
// and those that have none left. Each is given JSON arrays of the tenants and
// the IDs of the runs.
func newDelete(d bunkit.Dialect) (items, whole string) {
	named, row := "json_each(?1) AS t CROSS JOIN json_each(?2) AS d ON d.key = t.key CROSS JOIN operation_runs AS r"+
		" ON r.id = d.value AND r.tenant = t.value", "rowid"
	if d == bunkit.PostgreSQL {
		array := "ARRAY(SELECT jsonb_array_elements_text(%s::text::jsonb))"
		named, row = "unnest("+fmt.Sprintf(array, "$1")+", "+fmt.Sprintf(array, "$2")+") AS d(tenant, id)"+
			" JOIN operation_runs AS r ON r.id = d.id AND r.tenant = d.tenant", "ctid"
	}
	gone := func(table, rows string) string {
		if d == bunkit.PostgreSQL {
			return "DELETE FROM " + table + " WHERE ctid = ANY (ARRAY(" + rows + "))"
		}
		return "DELETE FROM " + table + " WHERE rowid IN (" + rows + ")"
	}
	isOver := strings.NewReplacer("status", "r.status", "announced", "r.announced").Replace(over)
	join := map[bunkit.Dialect]string{bunkit.PostgreSQL: " JOIN LATERAL (SELECT ctid FROM operation_run_items WHERE run_id = r.id) AS i ON true WHERE "}[d]
	if d == bunkit.SQLite3 {
		join = " CROSS JOIN operation_run_items AS i ON i.run_id = r.id WHERE "
	}
	items = gone("operation_run_items", "SELECT i."+row+" FROM "+named+join+isOver+fmt.Sprintf(" LIMIT %d", deleteItems))
	whole = gone("operation_runs", "SELECT r."+row+" FROM "+named+" WHERE "+isOver+
		" AND NOT EXISTS (SELECT 1 FROM operation_run_items AS i WHERE i.run_id = r.id)")
	return items, whole
}
