package bunnotify

import (
	"context"
	"database/sql"
	"strconv"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/notify"
)

// A Statement is one that this package would run.
type Statement struct {
	Name string
	Text string
	Args []any
}

// Statements returns all that grow with the tables, for one notification and
// one delivery in the middle.
func (s *Store) Statements(n notify.Notification, d notify.Delivery) ([]Statement, error) {
	who, at := recipient(n.Recipient), s.dialect.Time(n.At)
	ids, err := s.texts([]string{n.ID})
	if err != nil {
		return nil, err
	}
	all := []Statement{
		{"unread", s.sql.unread, []any{who, 100}},
		{"mark", s.sql.mark, []any{who, false, at, ids}},
		{"mark all", s.sql.markAll, []any{who, false, at, true, 100}},
		{"prune", s.sql.prune, []any{at, 100}},
		{"take", s.sql.take, []any{d.Channel, s.dialect.Time(d.NextAt), s.dialect.Time(d.NextAt), 16}},
		{"settle", s.sql.settle, []any{d.Channel, d.Notification.ID, 0, "delivered", "", nil, at}},
		{"forget", s.sql.forget, []any{s.dialect.Time(d.CreatedAt), 100}},
	}
	after := []string{strconv.FormatInt(n.At.UnixMicro(), 10), n.ID}
	for _, q := range []notify.Query{
		{Recipient: n.Recipient},
		{Recipient: n.Recipient, Unread: true},
		{Recipient: n.Recipient, Read: true},
		{Recipient: n.Recipient, IDs: []string{n.ID}},
	} {
		text, args, err := s.listStatement(q, after)
		if err != nil {
			return nil, err
		}
		all = append(all, Statement{"list", text, args})
	}
	for _, q := range []notify.LogQuery{{}, {State: notify.DeliveryPending}} {
		text, args, err := s.logStatement(q, []string{"1767323045678901", "hook", "x"})
		if err != nil {
			return nil, err
		}
		all = append(all, Statement{"log", text, args})
	}
	return all, nil
}

// Explain runs an EXPLAIN in a transaction that is taken back.
func (s *Store) Explain(ctx context.Context, how string, of Statement, row func(*sql.Rows) error) error {
	tx, err := s.db.Write.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return bunkit.Query(ctx, tx, how+" "+of.Text, of.Args, row)
}
