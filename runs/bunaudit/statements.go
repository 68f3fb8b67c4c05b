package bunaudit

import "github.com/tenantatlas/tenantatlas/internal/bunkit"

// columns are those of a row, in the order in which query reads them.
const columns = "seq, body, seal, actor, object, event, action"

// statements are the texts that do not depend on a filter.
type statements struct {
	head, rows              string
	appendFirst, appendNext string // PostgreSQL: head and rows at once
	headFirst, headNext     string // SQLite: the head,
	insert                  string // and a row
	base, prune             string
}

func newStatements(d bunkit.Dialect) statements {
	const insert = "INSERT INTO audit_entries (tenant, " + columns + ") "
	const many = insert + "SELECT $1, r.* FROM unnest($3::bigint[], $5::text[], $4::bytea[], $6::text[], $7::text[], $8::text[], $9::text[]) AS r " +
		"WHERE EXISTS (SELECT 1 FROM moved)"
	const (
		first = "INSERT INTO audit_heads (tenant, last, base) VALUES ($1, $2, '') ON CONFLICT DO NOTHING"
		next  = "UPDATE audit_heads SET last = $2 WHERE tenant = $1 AND last = "
	)
	return statements{
		head:        d.Bind("SELECT last, base FROM audit_heads WHERE tenant = $1"),
		rows:        d.Bind("SELECT " + columns + " FROM audit_entries WHERE tenant = $1 AND seq > $2 ORDER BY seq LIMIT $3"),
		appendFirst: "WITH moved AS (" + first + " RETURNING 1) " + many,
		appendNext:  "WITH moved AS (" + next + "$10 RETURNING 1) " + many,
		headFirst:   d.Bind(first),
		headNext:    d.Bind(next + "$3"),
		insert:      d.Bind(insert + "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"),
		base:        d.Bind("UPDATE audit_heads SET base = $2 WHERE tenant = $1 AND base = $3"),
		prune:       d.Bind("DELETE FROM audit_entries WHERE tenant = $1 AND seq <= $2"),
	}
}
