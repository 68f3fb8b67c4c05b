package buninventory

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/inventory"
)

// maxLook is how many items a page looks at before it is short.
const maxLook = 2000

// List implements [inventory.Reader]. Without Text and Missing it is one
// statement that reads what it returns. A page of a query with Text looks at
// the 2,000 next items at most, and one with Missing at as many that the
// latest cover of their kind has missed, so that it may be short.
func (s *Store) List(ctx context.Context, q inventory.Query) (inventory.Page, error) {
	if err := ctx.Err(); err != nil {
		return inventory.Page{}, err
	}
	filter := fmt.Sprintf("items %q %q %q %t %q", q.Tenant, q.Kind, q.Text, q.Missing, q.Selection)
	after, err := position(q.After, filter, 3)
	if err != nil {
		return inventory.Page{}, err
	}
	if !bunkit.Storable(q.Tenant, q.Kind, q.Text, q.Selection) {
		return inventory.Page{}, nil
	}
	page, last, err := s.list(ctx, q, after)
	if err != nil {
		return inventory.Page{}, s.explain(ctx, "list items", err)
	}
	if last != nil {
		page.Next = inventory.Cursor(bunkit.Cursor(filter, last...))
	}
	return page, nil
}

// position returns the n values that cursor stands for in the list that filter
// describes, or nil for the beginning.
func position(cursor inventory.Cursor, filter string, n int) ([]string, error) {
	if cursor == "" {
		return nil, nil
	}
	pos, ok := bunkit.Position(string(cursor), filter, n)
	if !ok || !bunkit.Storable(pos...) {
		return nil, inventory.ErrBadCursor
	}
	return pos, nil
}

// A walk is the condition of a list's statement while it is written.
type walk struct {
	conditions []string
	args       []any
}

// arg adds a parameter and returns it.
func (w *walk) arg(v any) string {
	w.args = append(w.args, v)
	return "$" + strconv.Itoa(len(w.args))
}

func (w *walk) and(condition string) { w.conditions = append(w.conditions, condition) }

func (w *walk) where() string { return strings.Join(w.conditions, " AND ") }

// beyond and upTo add the condition that a row is behind a position, or not,
// in the order of the columns.
func (w *walk) beyond(columns []string, position []any) { w.compare(columns, " > ", position) }

func (w *walk) upTo(columns []string, position []any) { w.compare(columns, " <= ", position) }

func (w *walk) compare(columns []string, how string, position []any) {
	params := make([]string, len(position))
	for i, p := range position {
		params[i] = w.arg(p)
	}
	w.and("(" + strings.Join(columns, ", ") + ")" + how + "(" + strings.Join(params, ", ") + ")")
}

// limit returns the limit for a page. One that is a parameter would be planned
// for as if it could be anything; with two of them there are few plans.
func limit(size int) string {
	if size <= 50 {
		return " LIMIT 51"
	}
	return " LIMIT " + strconv.Itoa(max(201, size+1))
}

// An itemWalk is a walk along the items of a tenant or of one kind.
type itemWalk struct {
	walk
	columns []string // of kind, fold and id, those that are an order
}

func newItemWalk(q inventory.Query, after []string) *itemWalk {
	w := &itemWalk{columns: []string{"kind", "fold", "id"}}
	w.and("tenant = " + w.arg(q.Tenant))
	if q.Kind != "" {
		// With SQLite, an index is only searched for the columns behind.
		w.columns = w.columns[1:]
		w.and("kind = " + w.arg(q.Kind))
	}
	if q.Missing {
		w.and("since IS NULL") // as the index has it
	}
	if after != nil {
		w.beyond(w.columns, w.position(after))
	}
	return w
}

// position returns the values for the columns.
func (w *itemWalk) position(kindFoldID []string) []any {
	var values []any
	for _, v := range kindFoldID[len(kindFoldID)-len(w.columns):] {
		values = append(values, v)
	}
	return values
}

func (w *itemWalk) order(prefix string) string {
	return " ORDER BY " + prefix + strings.Join(w.columns, ", "+prefix)
}

// list returns a page and the position behind which the next one begins, nil
// if it is the last.
func (s *Store) list(ctx context.Context, q inventory.Query, after []string) (page inventory.Page, last []string, err error) {
	w := newItemWalk(q, after)
	if q.Missing || inventory.Fold(q.Text) != "" {
		if last, err = s.horizon(ctx, w); err != nil {
			return page, nil, err
		}
		if last != nil {
			w.upTo(w.columns, w.position(last))
		}
	}
	size := q.PageSize()
	n := 0
	var end []string
	text := s.itemStatement(q, w)
	err = bunkit.Query(ctx, s.db.Read.DB, text, w.args, func(rows *sql.Rows) error {
		if n++; n > size {
			last = end
			return nil
		}
		var i inventory.Item
		var fold string
		if err := rows.Scan(append(scanItem(&i), &fold)...); err != nil {
			return err
		}
		i.Missing = i.Confidence != ""
		page.Items = append(page.Items, i)
		end = []string{i.Kind, fold, i.ID}
		return nil
	})
	return page, last, err
}

// itemStatement returns the statement for one more item than are on a page.
func (s *Store) itemStatement(q inventory.Query, w *itemWalk) string {
	selection := w.arg(q.Selection)
	if q.Missing {
		w.and("seen_at < (SELECT s.last_at FROM inventory_scopes AS s" +
			" WHERE s.tenant = $1 AND s.kind = inventory_items.kind AND s.selection = " + selection + ")")
	}
	if text := inventory.Fold(q.Text); text != "" {
		w.and(s.contains(w.arg(text)))
	}
	return s.dialect.Translate("SELECT " + shown + ", i.fold FROM (SELECT * FROM inventory_items WHERE " + w.where() +
		w.order("") + limit(q.PageSize()) + ") AS i" + derive(selection) + w.order("i."))
}

// contains returns the condition that an item has the folded text in a
// parameter in its name, or its id begins with it.
func (s *Store) contains(text string) string {
	begins := "starts_with(coalesce(fold_id, id), " + text + ")"
	if s.dialect == bunkit.SQLite3 {
		begins = "substr(coalesce(fold_id, id), 1, length(" + text + ")) = " + text
	}
	return "(strpos(fold, " + text + ") > 0 OR " + begins +
		" OR fold_rest IS NOT NULL AND strpos(fold || fold_rest, " + text + ") > 0)"
}

// horizon returns the position of the last item that a page looks at, or nil if
// it looks at all there are. What is inserted later makes no difference to it:
// what a page looks at is given by positions, so that the next page can begin
// where it ends.
func (s *Store) horizon(ctx context.Context, w *itemWalk) (last []string, err error) {
	statement := "SELECT kind, fold, id FROM inventory_items WHERE " + w.where() + w.order("") +
		" LIMIT 1 OFFSET " + strconv.Itoa(maxLook-1)
	err = bunkit.Query(ctx, s.db.Read.DB, s.dialect.Translate(statement), w.args, func(rows *sql.Rows) error {
		last = make([]string, 3)
		return rows.Scan(&last[0], &last[1], &last[2])
	})
	return last, err
}
