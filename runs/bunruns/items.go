package bunruns

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/runs"
)

// An itemRow is what newPutItems reads of an item.
type itemRow struct {
	Key     string           `json:"key"`
	Outcome runs.ItemOutcome `json:"outcome"`
	Reason  runs.Reason      `json:"reason"`
	Message string           `json:"message"`
	At      any              `json:"at"`
}

// newPutItems returns the statement that keeps items. It is given the tenant
// and the ID of the run, the attempt, and a JSON array of itemRow. It changes
// nothing unless the run is running this attempt, which with PostgreSQL a lock
// on the run makes sure of until the items are committed.
func newPutItems(d bunkit.Dialect) string {
	b := &binder{dialect: d}
	tenant, run, attempt, items := b.next(text), b.next(text), b.next(number), b.next(text)
	holder := "SELECT 1 FROM operation_runs WHERE tenant = " + tenant + " AND id = " + run +
		" AND status = 'running' AND attempt = " + attempt
	insert := "INSERT INTO operation_run_items (tenant, run_id, key, outcome, reason, message, attempt, at) SELECT " + tenant + ", " + run
	replace := " ON CONFLICT (run_id, key) DO UPDATE SET outcome = excluded.outcome, reason = excluded.reason," +
		" message = excluded.message, attempt = excluded.attempt, at = excluded.at"
	if d == bunkit.PostgreSQL {
		return "WITH holder AS MATERIALIZED (" + holder + " FOR SHARE) " + insert +
			", i.key, i.outcome, i.reason, i.message, " + attempt + ", i.at FROM holder, json_to_recordset(" + items +
			"::json) AS i(key text, outcome text, reason text, message text, at timestamptz)" + replace
	}
	return insert + ", value->>'key', value->>'outcome', value->>'reason', value->>'message', " + attempt + ", value->>'at'" +
		" FROM json_each(" + items + ") WHERE EXISTS (" + holder + ")" + replace
}

// PutItems implements [runs.ItemStore], in one statement however many items
// there are.
func (s *Store) PutItems(ctx context.Context, ref runs.Ref, attempt int, items []runs.Item) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, it := range items {
		if err := it.Validate(); err != nil {
			return err
		}
	}
	if !bunkit.Storable(ref.Tenant, ref.ID) {
		return runs.ErrNotFound
	}
	kept, err := s.keepItems(ctx, ref, attempt, items)
	if err == nil && !kept {
		err = s.notHeld(ctx, ref, attempt, len(items))
	}
	return s.explain(ctx, "put items", err)
}

// keepItems reports whether it has kept any.
func (s *Store) keepItems(ctx context.Context, ref runs.Ref, attempt int, items []runs.Item) (bool, error) {
	if len(items) == 0 {
		return false, nil
	}
	array, err := s.encodeItems(items)
	if err != nil {
		return false, err
	}
	w := new(write)
	w.alone = func(ctx context.Context, c executor) (err error) {
		w.done, err = changed(c.ExecContext(ctx, s.sql.putItems, ref.Tenant, ref.ID, int64(attempt), array))
		return err
	}
	if err := s.commit(ctx, s.groups.items, w); err != nil {
		return false, err
	}
	return w.done, nil
}

// encodeItems returns items as JSON, the last of each key, in the order of the
// keys: two writers in the same order do not wait for each other in a circle.
func (s *Store) encodeItems(items []runs.Item) (string, error) {
	byKey := make(map[string]itemRow, len(items))
	for _, it := range items {
		byKey[it.Key] = itemRow{it.Key, it.Outcome, it.Reason, it.Message, s.itemTime(it.At)}
	}
	rows := slices.SortedFunc(maps.Values(byKey), func(a, b itemRow) int { return strings.Compare(a.Key, b.Key) })
	array, err := json.Marshal(rows)
	if err != nil {
		return "", fmt.Errorf("encode: %w", err)
	}
	return string(array), nil
}

// itemTime returns an instant as JSON has it: microseconds, or a text that
// PostgreSQL reads.
func (s *Store) itemTime(t time.Time) any {
	if s.dialect == bunkit.SQLite3 || t.IsZero() {
		return s.dialect.Time(t)
	}
	return runs.Instant(t).Format("2006-01-02 15:04:05.000000Z07:00")
}

// notHeld returns why no items were kept, which is no error if there were none.
func (s *Store) notHeld(ctx context.Context, ref runs.Ref, attempt, items int) error {
	var status string
	var current int
	found, err := queryRow(ctx, s.find, s.sql.attempt, []any{ref.Tenant, ref.ID}, &status, &current)
	switch {
	case err != nil:
		return err
	case !found:
		return runs.ErrNotFound
	case items == 0 && status == string(runs.StatusRunning) && current == attempt:
		return nil
	default:
		return runs.ErrConflict
	}
}

// itemColumns are the columns of an item.
var itemColumns = []column{{"key", text}, {"outcome", text}, {"reason", text}, {"message", text}, {"attempt", number}, {"at", instant}}

// Items implements [runs.ItemStore]. It looks at the 800 next items at most,
// so a page may be short if q asks for a reason or for what succeeded.
func (s *Store) Items(ctx context.Context, q runs.ItemQuery) (runs.ItemPage, error) {
	if err := ctx.Err(); err != nil {
		return runs.ItemPage{}, err
	}
	filter := fmt.Sprintf("items %q %q %q %q", q.Run.Tenant, q.Run.ID, q.Outcomes, q.Reason)
	after, err := position(string(q.After), filter)
	if err != nil {
		return runs.ItemPage{}, err
	}
	w := itemWalk(q)
	if w == nil {
		return runs.ItemPage{}, nil
	}
	var page runs.ItemPage
	size := runs.PageSize(q.Limit)
	last, err := s.page(ctx, w, itemColumns, after, size, func(rows *sql.Rows) error {
		var it runs.Item
		err := rows.Scan(&it.Key, (*string)(&it.Outcome), (*string)(&it.Reason), &it.Message, &it.Attempt, at{&it.At})
		page.Items = append(page.Items, it)
		return err
	})
	if err != nil {
		return runs.ItemPage{}, s.explain(ctx, "list items", err)
	}
	if len(page.Items) > size {
		page.Items = page.Items[:size]
		last = page.Items[size-1].Key
	}
	if last != "" {
		page.Next = runs.Cursor(bunkit.Cursor(filter, last))
	}
	return page, nil
}

// itemWalk returns the walk along the items that q selects, or nil if q selects
// nothing.
func itemWalk(q runs.ItemQuery) *walk {
	outcomes := slices.Compact(slices.Sorted(slices.Values(q.Outcomes)))
	outcomes = slices.DeleteFunc(outcomes, func(o runs.ItemOutcome) bool {
		return o != runs.ItemSucceeded && o != runs.ItemFailed && o != runs.ItemSkipped
	})
	if len(q.Outcomes) > 0 && len(outcomes) == 0 || !bunkit.Storable(q.Run.Tenant, q.Run.ID, string(q.Reason)) {
		return nil
	}
	w := &walk{
		table: "operation_run_items",
		by:    "key",
		base:  []condition{{before: "run_id = ", arg: q.Run.ID}},
		also:  []condition{{before: "tenant = ", arg: q.Run.Tenant}},
	}
	var either []condition
	for _, o := range outcomes {
		either = append(either, condition{before: "outcome = '" + string(o) + "'"})
	}
	switch {
	case len(either) == 0 || len(either) == 3:
	case slices.Contains(outcomes, runs.ItemSucceeded):
		var texts []string
		for _, c := range either {
			texts = append(texts, c.before)
		}
		w.rest = append(w.rest, condition{before: "(" + strings.Join(texts, " OR ") + ")"})
	default:
		for _, c := range either {
			w.branches = append(w.branches, condition{before: c.before + " AND outcome <> 'succeeded'"})
		}
	}
	if q.Reason != "" {
		w.rest = append(w.rest, condition{before: "reason = ", arg: string(q.Reason)})
	}
	return w
}
