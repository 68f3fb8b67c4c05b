package buninventory

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/runs"
)

const linkOrder = "from_kind, from_id, type, to_kind, to_id, exclude"

// Links implements [inventory.Reader]. It is one statement that reads what it
// returns.
func (s *Store) Links(ctx context.Context, q inventory.LinkQuery) (inventory.LinkPage, error) {
	if err := ctx.Err(); err != nil {
		return inventory.LinkPage{}, err
	}
	filter := fmt.Sprintf("links %q %q %q %q", q.Tenant, q.From, q.To, q.Selection)
	after, err := position(q.After, filter, 6)
	if err != nil {
		return inventory.LinkPage{}, err
	}
	if !storable(q.Tenant, q.From.Kind, q.From.ID, q.Selection) {
		return inventory.LinkPage{}, nil
	}
	page, last, err := s.links(ctx, q, after)
	if err != nil {
		return inventory.LinkPage{}, s.explain(ctx, "list links", err)
	}
	if last != nil {
		page.Next = inventory.Cursor(bunkit.Cursor(filter, last...))
	}
	return page, nil
}

func (s *Store) links(ctx context.Context, q inventory.LinkQuery, after []any) (page inventory.LinkPage, last []string, err error) {
	size := runs.PageSize(q.Limit)
	text, args := s.linkStatement(q, after, size)
	n := 0
	err = query(ctx, s.db.Read.DB, text, args, func(rows *sql.Rows) error {
		if n++; n > size {
			end := page.Links[size-1]
			last = []string{end.From.Kind, end.From.ID, string(end.Type), end.To.Kind, end.To.ID, strconv.FormatBool(end.Exclude)}
			return nil
		}
		var l inventory.Link
		err := rows.Scan(&l.From.Kind, &l.From.ID, (*string)(&l.Type), &l.To.Kind, &l.To.ID, &l.Exclude, &l.To.Name, &l.Missing)
		page.Links = append(page.Links, l)
		return err
	})
	return page, last, err
}

func (s *Store) linkStatement(q inventory.LinkQuery, after []any, size int) (text string, args []any) {
	w := &walk{where: []string{"tenant = $1"}, args: []any{q.Tenant, q.Selection}}
	if q.From != (inventory.Ref{}) {
		w.and("from_kind = " + w.arg(q.From.Kind))
		w.and("from_id = " + w.arg(q.From.ID))
	}
	if q.To != (inventory.Ref{}) {
		w.and("to_kind = " + w.arg(bounded(q.To.Kind, maxName)))
		w.and("to_id = " + w.arg(bounded(q.To.ID, maxID)))
	}
	if after != nil {
		w.pos(linkOrder, ">", after)
	}
	statement := "SELECT l.from_kind, l.from_id, l.type, l.to_kind, l.to_id, l.exclude, coalesce(nullif(i.name, ''), l.to_name)," +
		" s.last_at IS NOT NULL AND (i.id IS NULL OR " + missing + ")" +
		" FROM (SELECT * FROM inventory_links WHERE " + strings.Join(w.where, " AND ") + " ORDER BY " + linkOrder + limit(size) + ") AS l" +
		" LEFT JOIN inventory_items AS i ON i.tenant = $1 AND i.kind = l.to_kind AND i.id = l.to_id" +
		" LEFT JOIN inventory_scopes AS s ON s.tenant = $1 AND s.kind = l.to_kind AND s.selection = $2" +
		" ORDER BY l.from_kind, l.from_id, l.type, l.to_kind, l.to_id, l.exclude"
	return translate(s.dialect, statement), w.args
}
