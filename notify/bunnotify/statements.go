package bunnotify

import "github.com/tenantatlas/tenantatlas/internal/bunkit"

// The statements whose text is the same at every call.
type statements struct {
	put, unread, mark, markAll, prune string
	add, take, settle, forget         string
}

// bulk is how many rows a statement changes at once where it could be any
// number.
const bulk = 1000

func newStatements(d bunkit.Dialect) statements {
	ids := "= ANY($4)"
	if d == bunkit.SQLite3 {
		ids = "IN (SELECT value FROM json_each($4))"
	}
	s := statements{
		put: `INSERT INTO notify_inbox (recipient, id, type, unread, at, read_at, facts)
			VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
		unread: `SELECT count(*) FROM (SELECT 1 FROM notify_inbox WHERE recipient = $1 AND unread = TRUE LIMIT $2) AS counted`,
		mark:   `UPDATE notify_inbox SET unread = $2, read_at = $3 WHERE recipient = $1 AND unread <> $2 AND id ` + ids,
		markAll: `UPDATE notify_inbox SET unread = $2, read_at = $3 WHERE ` +
			chosen(d, "recipient, id", `FROM notify_inbox WHERE recipient = $1 AND unread = $4 LIMIT $5`),
		prune: `DELETE FROM notify_inbox WHERE ` +
			chosen(d, "recipient, id", `FROM notify_inbox WHERE at < $1 ORDER BY at LIMIT $2`),
		add: `INSERT INTO notify_outbox (channel, id, state, attempt, reason, next_at, created_at, settled_at, facts)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
		take: `UPDATE notify_outbox SET attempt = attempt + 1, next_at = $3 WHERE ` +
			chosen(d, "channel, id", `FROM notify_outbox
			WHERE channel = $1 AND state = 'pending' AND next_at <= $2 ORDER BY next_at, id LIMIT $4`) +
			` RETURNING ` + delivery,
		settle: `UPDATE notify_outbox SET state = $4, reason = $5, next_at = $6, settled_at = $7
			WHERE channel = $1 AND id = $2 AND attempt = $3 AND state = 'pending'`,
		forget: `DELETE FROM notify_outbox WHERE ` +
			chosen(d, "channel, id", `FROM notify_outbox WHERE state <> 'pending' AND created_at < $1 ORDER BY created_at LIMIT $2`),
	}
	for _, text := range []*string{&s.put, &s.unread, &s.mark, &s.markAll, &s.prune, &s.add, &s.take, &s.settle, &s.forget} {
		*text = d.Bind(*text)
	}
	return s
}

// delivery are the columns of one.
const delivery = "channel, state, attempt, reason, next_at, created_at, settled_at, facts"

// chosen returns the condition that a row is one of those that were chosen
// first. In PostgreSQL they are locked, so that two who choose at the same time
// choose different ones, and are found by their place, because it would look for
// a thousand keys by reading the whole table.
func chosen(d bunkit.Dialect, key, from string) string {
	if d == bunkit.SQLite3 {
		return "(" + key + ") IN (SELECT " + key + " " + from + ")"
	}
	return "ctid = ANY(ARRAY(SELECT ctid " + from + " FOR UPDATE SKIP LOCKED))"
}
