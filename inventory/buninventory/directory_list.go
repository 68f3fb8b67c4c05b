package buninventory

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
)

// maxLookGroups is how many groups a page looks at before it is short.
const maxLookGroups = 10_000

// The parts of a list of groups with Text, in their order. A list without has
// the second one only.
const (
	beginning = "0" // groups whose names begin with the text
	remaining = "1" // others that match
)

// List implements [directory.Cache]. Groups whose names begin with Text, or
// which have the Name, are found in an index. For the others that match Text, a
// page looks at the 10,000 next groups at most, in an index that has all it
// needs of them, so that it may be short.
func (d *Directory) List(ctx context.Context, q directory.Query) (directory.Page, error) {
	var page directory.Page
	if err := ctx.Err(); err != nil {
		return page, err
	}
	filter := fmt.Sprintf("groups %q %q %q", q.Tenant, q.Text, q.Name)
	after, err := position(q.After, filter, 3)
	if err != nil {
		return page, err
	}
	if !bunkit.Storable(q.Tenant, q.Text, q.Name) {
		return page, nil
	}
	if after == nil {
		after = []string{beginning, "", ""}
	}
	if after[0] == beginning && directory.Fold(q.Text) == "" {
		after[0] = remaining
	}
	next, err := d.list(ctx, q, after, &page)
	if err != nil {
		return directory.Page{}, d.store.explain(ctx, "list groups", err)
	}
	if next != nil {
		page.Next = directory.Cursor(bunkit.Cursor(filter, next...))
	}
	return page, nil
}

// list fills the page with what is behind a position, and returns the position
// behind which the next one begins, nil if it is the last.
func (d *Directory) list(ctx context.Context, q directory.Query, after []string, page *directory.Page) (next []string, err error) {
	if after[0] == beginning {
		if next, err = d.walk(ctx, q, after, nil, page); next != nil || err != nil {
			return next, err
		}
		after = []string{remaining, "", ""}
		if len(page.Groups) == q.PageSize() {
			return after, nil
		}
	}
	last, err := d.horizon(ctx, q, after)
	if err != nil {
		return nil, err
	}
	if next, err = d.walk(ctx, q, after, last, page); next != nil || err != nil {
		return next, err
	}
	return last, nil
}

// walk adds the groups of one part of the list that are behind a position and
// not beyond last, and returns the position of the last one that fits if there
// are more.
func (d *Directory) walk(ctx context.Context, q directory.Query, after, last []string, page *directory.Page) (next []string, err error) {
	room := q.PageSize() - len(page.Groups)
	text, args := d.statement(q, after, last, room)
	end := after
	err = bunkit.Query(ctx, d.store.db.Read.DB, text, args, func(rows *sql.Rows) error {
		if room == 0 {
			next = end
		}
		if next != nil {
			return nil
		}
		room--
		var g directory.Group
		var fold string
		if err := rows.Scan(append(scanGroup(&g), &fold)...); err != nil {
			return err
		}
		page.Groups = append(page.Groups, g)
		end = []string{after[0], fold, g.ID}
		return nil
	})
	return next, err
}

// behind returns the walk along the groups that are behind a position.
func behind(q directory.Query, after []string) *walk {
	w := new(walk)
	w.and("tenant = " + w.arg(q.Tenant))
	if q.Name != "" {
		w.and("fold = " + w.arg(directory.Fold(q.Name)))
	}
	if after[2] != "" {
		w.beyond([]string{"fold", "id"}, []any{after[1], after[2]})
	}
	return w
}

// statement returns the statement for one more group than there is room for.
func (d *Directory) statement(q directory.Query, after, last []string, room int) (string, []any) {
	w := behind(q, after)
	if last != nil {
		w.upTo([]string{"fold", "id"}, []any{last[1], last[2]})
	}
	if q.Name != "" {
		w.and("name = " + w.arg(q.Name))
	}
	if text := directory.Fold(q.Text); text != "" {
		from, to := w.arg(text), w.arg(text+"\U0010FFFF")
		if after[0] == beginning {
			w.and("fold >= " + from + " AND fold < " + to)
		} else {
			w.and("(fold < " + from + " OR fold >= " + to + ")")
			w.and("(strpos(fold, " + from + ") > 0 OR substr(lower(id), 1, length(" + from + "::text)) = " + from + ")")
		}
	}
	return d.store.dialect.Translate("SELECT " + shownGroup + ", g.fold FROM (SELECT * FROM directory_groups WHERE " + w.where() +
		" ORDER BY fold, id" + limit(room) + ") AS g LEFT JOIN directory_states AS s ON s.tenant = $1 ORDER BY g.fold, g.id"), w.args
}

// horizon returns the position of the last group that a page looks at, or nil if
// it looks at all there are.
func (d *Directory) horizon(ctx context.Context, q directory.Query, after []string) (last []string, err error) {
	if directory.Fold(q.Text) == "" && q.Name == "" {
		return nil, nil
	}
	w := behind(q, after)
	statement := "SELECT fold, id FROM directory_groups WHERE " + w.where() + " ORDER BY fold, id LIMIT 1 OFFSET " + strconv.Itoa(maxLookGroups-1)
	err = bunkit.Query(ctx, d.store.db.Read.DB, d.store.dialect.Translate(statement), w.args, func(rows *sql.Rows) error {
		last = []string{remaining, "", ""}
		return rows.Scan(&last[1], &last[2])
	})
	return last, err
}
