package bunnotify

import (
	"strconv"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/notify"
)

// Statements returns all that grow with the tables, for one notification and
// one delivery in the middle.
func (s *Store) Statements(n notify.Notification, d notify.Delivery) ([]sqltest.Statement, error) {
	who, at := recipient(n.Recipient), s.dialect.Time(n.At)
	ids, err := s.texts([]string{n.ID})
	if err != nil {
		return nil, err
	}
	all := []sqltest.Statement{
		{Name: "unread", Text: s.sql.unread, Args: []any{who, 100}},
		{Name: "mark", Text: s.sql.mark, Args: []any{who, false, at, ids}},
		{Name: "mark all", Text: s.sql.markAll, Args: []any{who, false, at, true, 100}},
		{Name: "prune", Text: s.sql.prune, Args: []any{at, 100}},
		{Name: "take", Text: s.sql.take, Args: []any{d.Channel, s.dialect.Time(d.NextAt), s.dialect.Time(d.NextAt), 16}},
		{Name: "settle", Text: s.sql.settle, Args: []any{d.Channel, d.Notification.ID, 0, "delivered", "", nil, at}},
		{Name: "forget", Text: s.sql.forget, Args: []any{s.dialect.Time(d.CreatedAt), 100}},
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
		all = append(all, sqltest.Statement{Name: "list", Text: text, Args: args})
	}
	for _, q := range []notify.LogQuery{{}, {State: notify.DeliveryPending}} {
		text, args, err := s.logStatement(q, []string{"1767323045678901", "hook", "x"})
		if err != nil {
			return nil, err
		}
		all = append(all, sqltest.Statement{Name: "log", Text: text, Args: args})
	}
	return all, nil
}
