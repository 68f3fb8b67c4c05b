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
	if !bunkit.Storable(q.Tenant, q.From.Kind, q.From.ID, q.Selection) {
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

func (s *Store) links(ctx context.Context, q inventory.LinkQuery, after []string) (page inventory.LinkPage, last []string, err error) {
	size := q.PageSize()
	text, args := s.linkStatement(q, after, size)
	n := 0
	err = bunkit.Query(ctx, s.db.Read.DB, text, args, func(rows *sql.Rows) error {
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

func (s *Store) linkStatement(q inventory.LinkQuery, after []string, size int) (text string, args []any) {
	var w walk
	w.and("tenant = " + w.arg(q.Tenant))
	// What the query fixes is not part of the order, so that the rest of it is
	// that of an index.
	var order []string
	var position []any
	for i, c := range []struct {
		column, want string
		fixed        bool
	}{
		{"from_kind", q.From.Kind, q.From != inventory.Ref{}},
		{"from_id", q.From.ID, q.From != inventory.Ref{}},
		{"type", "", false},
		{"to_kind", bounded(q.To.Kind, maxName), q.To != inventory.Ref{}},
		{"to_id", bounded(q.To.ID, maxID), q.To != inventory.Ref{}},
		{"exclude", "", false},
	} {
		if c.fixed {
			w.and(c.column + " = " + w.arg(c.want))
			continue
		}
		order = append(order, c.column)
		switch {
		case after == nil:
		case c.column == "exclude":
			position = append(position, after[i] == "true")
		default:
			position = append(position, after[i])
		}
	}
	if after != nil {
		w.beyond(order, position)
	}
	statement := "SELECT l.from_kind, l.from_id, l.type, l.to_kind, l.to_id, l.exclude, coalesce(nullif(i.name, ''), l.to_name)," +
		" s.last_at IS NOT NULL AND (i.id IS NULL OR " + missing + ")" +
		" FROM (SELECT * FROM inventory_links WHERE " + w.where() + " ORDER BY " + strings.Join(order, ", ") + limit(size) + ") AS l" +
		s.dialect.Probe("LEFT", "i.id, i.name, i.since, i.seen_at", "inventory_items", "i",
			"i.tenant = $1 AND i.kind = l.to_kind AND i.id = l.to_id") +
		" LEFT JOIN inventory_scopes AS s ON s.tenant = $1 AND s.kind = l.to_kind AND s.selection = " + w.arg(q.Selection) +
		" ORDER BY l." + strings.Join(order, ", l.")
	return s.dialect.Translate(statement), w.args
}
