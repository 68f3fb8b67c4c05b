package bunruns

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/runs"
)

var errNoTenant = fmt.Errorf("%w: the query has no tenant", runs.ErrInvalid)

// List implements [runs.Store]. A query for types, for statuses and outcomes,
// or for IDs finds its runs in an index. For anything else List looks at the
// 1,000 next runs at most, so that a page may be short.
func (s *Store) List(ctx context.Context, q runs.Query) (runs.Page, error) {
	if err := ctx.Err(); err != nil {
		return runs.Page{}, err
	}
	if q.Tenant == "" {
		return runs.Page{}, errNoTenant
	}
	after, err := position(string(q.After), filterText(q))
	if err != nil {
		return runs.Page{}, err
	}
	f := newFilter(s.dialect, q)
	if f == nil {
		return runs.Page{}, nil
	}
	var page runs.Page
	size := runs.PageSize(q.Limit)
	last, err := s.page(ctx, &f.walk, lean(), after, size, func(rows *sql.Rows) error {
		r := new(runs.Run)
		page.Runs = append(page.Runs, r)
		return rows.Scan(scanLean(r)...)
	})
	if err != nil {
		return runs.Page{}, s.explain(ctx, "list runs", err)
	}
	if len(page.Runs) > size {
		page.Runs = page.Runs[:size]
		last = page.Runs[size-1].ID
	}
	if last != "" {
		page.Next = runs.Cursor(bunkit.Cursor(filterText(q), last))
	}
	return page, nil
}

// position returns the position that cursor stands for in the list that filter
// describes; an empty one is the beginning.
func position(cursor, filter string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	pos, ok := bunkit.Position(cursor, filter, 1)
	if !ok || !bunkit.Storable(pos[0]) {
		return "", runs.ErrBadCursor
	}
	return pos[0], nil
}
