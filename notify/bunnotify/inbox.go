package bunnotify

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/runs"
)

// recipient is the key of an inbox. No kind has a colon in it.
func recipient(a runs.Actor) string { return string(a.Kind) + ":" + a.ID }

// Put implements [notify.Inbox].
func (s *Store) Put(ctx context.Context, n notify.Notification) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := n.Validate(); err != nil {
		return fmt.Errorf("put a notification: %w", err)
	}
	raw, err := encode(n)
	if err == nil {
		_, err = s.change(ctx, s.sql.put, recipient(n.Recipient), n.ID, string(n.Run.Type), n.Unread(),
			s.dialect.Time(n.At), s.dialect.Time(n.ReadAt), raw)
	}
	return s.explain(ctx, "put a notification", err)
}

// maxLook is how many notifications a page looks at before it is short.
const maxLook = 2000

// List implements [notify.Inbox]. It is one statement, which reads what it
// returns; or the next 2,000 notifications, at most, if there are Types.
func (s *Store) List(ctx context.Context, q notify.Query) (notify.Page, error) {
	var page notify.Page
	switch {
	case ctx.Err() != nil:
		return page, ctx.Err()
	case !q.Recipient.Valid():
		return page, fmt.Errorf("list notifications: %w: the query has no recipient", notify.ErrInvalid)
	}
	q.IDs = q.IDs[:min(len(q.IDs), runs.MaxLimit)]
	filter := fmt.Sprintf("inbox %q %q %q %q %t %t", q.Recipient.Kind, q.Recipient.ID, q.IDs, q.Types, q.Unread, q.Read)
	after, err := position(q.After, filter, 2)
	if err != nil {
		return page, err
	}
	if !bunkit.Storable(q.Recipient.ID, string(q.Recipient.Kind)) || !bunkit.Storable(q.IDs...) {
		return page, nil
	}
	text, args, err := s.listStatement(q, after)
	if err != nil {
		return page, fmt.Errorf("list notifications: %w", err)
	}
	looked := 0
	var last []string
	err = bunkit.Query(ctx, s.db.Read.DB, text, args, func(rows *sql.Rows) error {
		var id, typ, raw string
		var at, readAt bunkit.Time
		if err := rows.Scan(&id, &typ, &at, &readAt, &raw); err != nil || page.Next != "" {
			return err
		}
		wanted := len(q.Types) == 0 || slices.Contains(q.Types, runs.Type(typ))
		if wanted && len(page.Notifications) == q.PageSize() {
			page.Next = notify.Cursor(bunkit.Cursor(filter, last...))
			return nil
		}
		looked++
		last = []string{strconv.FormatInt(at.UnixMicro(), 10), id}
		if !wanted {
			return nil
		}
		n, err := decode(raw)
		n.ReadAt = readAt.Time
		page.Notifications = append(page.Notifications, n)
		return err
	})
	if err != nil {
		return notify.Page{}, s.explain(ctx, "list notifications", err)
	}
	if looked == maxLook && page.Next == "" {
		page.Next = notify.Cursor(bunkit.Cursor(filter, last...))
	}
	return page, nil
}

// listStatement returns the statement for one notification more than are on a
// page, or for as many as a page looks at.
func (s *Store) listStatement(q notify.Query, after []string) (text string, args []any, err error) {
	arg := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	const columns = "SELECT id, type, at, read_at, facts FROM "
	who := arg(recipient(q.Recipient))
	text = columns + "notify_inbox WHERE recipient = " + who
	if len(q.IDs) > 0 {
		ids, err := s.texts(q.IDs)
		if err != nil {
			return "", nil, err
		}
		in := "= ANY(" + arg(ids) + ")"
		if s.dialect == bunkit.SQLite3 {
			in = "IN (SELECT value FROM json_each($2))"
		}
		// PostgreSQL would rather walk along the whole inbox than sort a few.
		text = "WITH chosen AS MATERIALIZED (SELECT * FROM notify_inbox WHERE recipient = " + who + " AND id " + in + ") " +
			columns + "chosen WHERE TRUE"
	}
	if q.Unread {
		text += " AND unread = TRUE"
	}
	if q.Read {
		text += " AND unread = FALSE"
	}
	if after != nil {
		micros, err := strconv.ParseInt(after[0], 10, 64)
		if err != nil {
			return "", nil, notify.ErrBadCursor
		}
		text += " AND (at, id) < (" + arg(s.dialect.Time(time.UnixMicro(micros))) + ", " + arg(after[1]) + ")"
	}
	limit := q.PageSize() + 1
	if len(q.Types) > 0 {
		limit = maxLook
	}
	text += " ORDER BY at DESC, id DESC LIMIT " + arg(limit)
	return s.dialect.Bind(text), args, nil
}

// position returns the n values that cursor stands for in the list that filter
// describes, or nil for the beginning.
func position(cursor notify.Cursor, filter string, n int) ([]string, error) {
	if cursor == "" {
		return nil, nil
	}
	pos, ok := bunkit.Position(string(cursor), filter, n)
	if !ok || !bunkit.Storable(pos...) {
		return nil, notify.ErrBadCursor
	}
	return pos, nil
}

// Unread implements [notify.Inbox].
func (s *Store) Unread(ctx context.Context, who runs.Actor, limit int) (count int, err error) {
	if err := ctx.Err(); err != nil || limit <= 0 || !bunkit.Storable(string(who.Kind), who.ID) {
		return 0, err
	}
	err = s.db.Read.DB.QueryRowContext(ctx, s.sql.unread, recipient(who), limit).Scan(&count)
	return count, s.explain(ctx, "count unread notifications", err)
}

// Mark implements [notify.Inbox]. With All it changes a thousand at a time.
func (s *Store) Mark(ctx context.Context, m notify.Mark) (changed int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := m.Validate(); err != nil {
		return 0, fmt.Errorf("mark notifications: %w", err)
	}
	ids := m.IDs[:min(len(m.IDs), runs.MaxLimit)]
	if !bunkit.Storable(string(m.Recipient.Kind), m.Recipient.ID) || !bunkit.Storable(ids...) {
		return 0, nil
	}
	at := s.dialect.Time(m.At)
	if m.Unread {
		at = nil
	}
	if m.All {
		for n := bulk; n == bulk && err == nil; changed += n {
			n, err = s.change(ctx, s.sql.markAll, recipient(m.Recipient), m.Unread, at, !m.Unread, bulk)
		}
		return changed, s.explain(ctx, "mark all notifications", err)
	}
	list, err := s.texts(ids)
	if err == nil {
		changed, err = s.change(ctx, s.sql.mark, recipient(m.Recipient), m.Unread, at, list)
	}
	return changed, s.explain(ctx, "mark notifications", err)
}

// Prune implements [notify.Inbox].
func (s *Store) Prune(ctx context.Context, before time.Time, limit int) (int, error) {
	if err := ctx.Err(); err != nil || limit <= 0 {
		return 0, err
	}
	deleted, err := s.change(ctx, s.sql.prune, s.dialect.Time(before), limit)
	return deleted, s.explain(ctx, "prune notifications", err)
}
