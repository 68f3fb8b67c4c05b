package bunnotify

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/runs"
)

// Add implements [notify.Outbox].
func (s *Store) Add(ctx context.Context, deliveries ...notify.Delivery) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var rows [][]any
	for _, d := range deliveries {
		if err := d.Validate(); err != nil {
			return fmt.Errorf("add a delivery: %w", err)
		}
		raw, err := encode(d.Notification)
		if err != nil {
			return fmt.Errorf("add a delivery: %w", err)
		}
		rows = append(rows, []any{
			d.Channel, d.Notification.ID, string(d.State), d.Attempt, string(d.Reason),
			s.dialect.Time(d.NextAt), s.dialect.Time(d.CreatedAt), s.dialect.Time(d.SettledAt), raw,
		})
	}
	// In one order, so that two who add the same do not wait for each other.
	slices.SortFunc(rows, func(a, b []any) int {
		return cmp.Or(strings.Compare(a[0].(string), b[0].(string)), strings.Compare(a[1].(string), b[1].(string)))
	})
	err := bunkit.Retry(ctx, func(ctx context.Context) error { return s.addAll(ctx, rows) })
	return s.explain(ctx, "add deliveries", err)
}

func (s *Store) addAll(ctx context.Context, rows [][]any) error {
	tx, err := s.db.Write.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if _, err := tx.ExecContext(ctx, s.sql.add, row...); err != nil {
			if rerr := tx.Rollback(); !errors.Is(rerr, sql.ErrTxDone) {
				err = errors.Join(err, rerr)
			}
			return err
		}
	}
	return tx.Commit()
}

// Take implements [notify.Outbox]. It is one statement.
func (s *Store) Take(ctx context.Context, t notify.Taking) (taken []notify.Delivery, err error) {
	if err := ctx.Err(); err != nil || !bunkit.Storable(t.Channel) {
		return nil, err
	}
	args := []any{t.Channel, s.dialect.Time(t.Now), s.dialect.Time(t.Until), runs.PageSize(t.Limit)}
	err = bunkit.Retry(ctx, func(ctx context.Context) error {
		taken = nil
		return bunkit.Query(ctx, s.db.Write.DB, s.sql.take, args, func(rows *sql.Rows) error {
			d, err := scan(rows)
			taken = append(taken, d)
			return err
		})
	})
	if err != nil {
		return nil, s.explain(ctx, "take deliveries", err)
	}
	return taken, nil
}

// scan reads the columns of a delivery.
func scan(rows *sql.Rows) (notify.Delivery, error) {
	var d notify.Delivery
	var next, created, settled bunkit.Time
	var raw string
	err := rows.Scan(&d.Channel, &d.State, &d.Attempt, &d.Reason, &next, &created, &settled, &raw)
	if err != nil {
		return d, err
	}
	d.NextAt, d.CreatedAt, d.SettledAt = next.Time, created.Time, settled.Time
	d.Notification, err = decode(raw)
	return d, err
}

// Settle implements [notify.Outbox].
func (s *Store) Settle(ctx context.Context, d notify.Delivery) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := d.Validate(); err != nil {
		return fmt.Errorf("settle a delivery: %w", err)
	}
	changed, err := s.change(ctx, s.sql.settle, d.Channel, d.Notification.ID, d.Attempt, string(d.State), string(d.Reason),
		s.dialect.Time(d.NextAt), s.dialect.Time(d.SettledAt))
	if err == nil && changed == 0 {
		return fmt.Errorf("settle a delivery: %w", notify.ErrConflict)
	}
	return s.explain(ctx, "settle a delivery", err)
}

// Log implements [notify.Outbox]. It is one statement, which reads what it
// returns.
func (s *Store) Log(ctx context.Context, q notify.LogQuery) (notify.LogPage, error) {
	var page notify.LogPage
	if err := ctx.Err(); err != nil {
		return page, err
	}
	filter := fmt.Sprintf("log %q", q.State)
	after, err := position(q.After, filter, 3)
	if err != nil {
		return page, err
	}
	if !bunkit.Storable(string(q.State)) {
		return page, nil
	}
	text, args, err := s.logStatement(q, after)
	if err != nil {
		return page, err
	}
	err = bunkit.Query(ctx, s.db.Read.DB, text, args, func(rows *sql.Rows) error {
		if n := len(page.Deliveries); n == q.PageSize() {
			last := page.Deliveries[n-1]
			micros := strconv.FormatInt(last.CreatedAt.UnixMicro(), 10)
			page.Next = notify.Cursor(bunkit.Cursor(filter, micros, last.Channel, last.Notification.ID))
			return nil
		}
		d, err := scan(rows)
		page.Deliveries = append(page.Deliveries, d)
		return err
	})
	if err != nil {
		return notify.LogPage{}, s.explain(ctx, "list deliveries", err)
	}
	return page, nil
}

// logStatement returns the statement for one delivery more than are on a page.
func (s *Store) logStatement(q notify.LogQuery, after []string) (text string, args []any, err error) {
	arg := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	text = "SELECT " + delivery + " FROM notify_outbox WHERE TRUE"
	if q.State != "" {
		text += " AND state = " + arg(string(q.State))
	}
	if after != nil {
		micros, err := strconv.ParseInt(after[0], 10, 64)
		if err != nil {
			return "", nil, notify.ErrBadCursor
		}
		text += " AND (created_at, channel, id) < (" + arg(s.dialect.Time(time.UnixMicro(micros))) + ", " + arg(after[1]) + ", " + arg(after[2]) + ")"
	}
	text += " ORDER BY created_at DESC, channel DESC, id DESC LIMIT " + arg(q.PageSize()+1)
	return s.dialect.Bind(text), args, nil
}

// Forget implements [notify.Outbox].
func (s *Store) Forget(ctx context.Context, before time.Time, limit int) (int, error) {
	if err := ctx.Err(); err != nil || limit <= 0 {
		return 0, err
	}
	deleted, err := s.change(ctx, s.sql.forget, s.dialect.Time(before), limit)
	return deleted, s.explain(ctx, "forget deliveries", err)
}
