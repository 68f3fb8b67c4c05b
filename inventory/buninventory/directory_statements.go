package buninventory

import "github.com/tenantatlas/tenantatlas/internal/bunkit"

// The statements for groups. The first parameter of all of them is the tenant.
type groupStatements struct {
	state, begin, advance, finish string
	put, remove                   bunkit.Bulk
	miss, purge, lookup           string
}

// shownGroup are the columns of a group g that is read, with the state s of its
// tenant; see scanGroup.
const shownGroup = "g.id, g.name, g.type, g.dynamic, g.synced, g.missed_at IS NOT NULL," +
	" CASE WHEN g.missed_at IS NULL AND s.synced_at > g.seen_at THEN s.synced_at ELSE g.seen_at END"

// missGroup makes a group g missing, which keeps when it was last seen.
// One that is missing already stays as it is. That is no condition, because
// PostgreSQL would go by it and read all groups that are there.
const missGroup = "UPDATE directory_groups AS g SET missed_at = coalesce(g.missed_at, s.began_at)," +
	" seen_at = CASE WHEN g.missed_at IS NULL AND s.synced_at > g.seen_at THEN s.synced_at ELSE g.seen_at END" +
	" FROM directory_states AS s WHERE s.tenant = $1 AND g.tenant = $1 AND "

func newGroupStatements(d bunkit.Dialect) groupStatements {
	var s groupStatements
	s.state = d.Translate("SELECT synced_at, full_at, link, run, whole, began_at, next, there, removed FROM directory_states WHERE tenant = $1")
	s.begin = d.Translate("INSERT INTO directory_states (tenant, run, whole, began_at, link, next, there, removed)" +
		" VALUES ($1, $2, $3, $4, '', '', 0, 0) ON CONFLICT (tenant) DO UPDATE SET" +
		" run = excluded.run, whole = excluded.whole, began_at = excluded.began_at, next = '', there = 0, removed = 0" +
		" WHERE directory_states.began_at <= excluded.began_at" +
		" AND (directory_states.synced_at IS NULL OR directory_states.synced_at < excluded.began_at)")
	s.advance = d.Translate("UPDATE directory_states SET next = $4, there = there + $5, removed = removed + $6" +
		" WHERE tenant = $1 AND run = $2 AND whole = $3 AND (synced_at IS NULL OR synced_at <> began_at)")
	s.finish = d.Translate("UPDATE directory_states SET synced_at = began_at, link = $2, next = ''," +
		" full_at = CASE WHEN whole THEN began_at ELSE full_at END WHERE tenant = $1")

	row := []column{
		{"id", "text"},
		{"name", "text"},
		{"fold", "text"},
		{"type", "text"},
		{"dynamic", "boolean"},
		{"synced", "boolean"},
	}
	s.put = newBulk(d, "INSERT INTO directory_groups (tenant, seen_at, "+names("", row)+") SELECT $1::text, s.began_at, "+names("r.", row)+
		" FROM ROWS CROSS JOIN directory_states AS s WHERE s.tenant = $1 ON CONFLICT (tenant, id) DO UPDATE SET"+
		" name = excluded.name, fold = excluded.fold, type = excluded.type, dynamic = excluded.dynamic, synced = excluded.synced,"+
		" seen_at = excluded.seen_at, missed_at = NULL", row)
	s.remove = newBulk(d, missGroup+d.Among("g.id", "SELECT r.id FROM ROWS"), []column{{"id", "text"}})
	s.miss = d.Translate(missGroup + "g.missed_at IS NULL AND g.seen_at < $2")
	s.purge = d.Translate("DELETE FROM directory_groups WHERE tenant = $1 AND " + d.Among("id", "SELECT g.id FROM directory_groups AS g"+
		" WHERE g.tenant = $1 AND g.missed_at IS NOT NULL AND g.seen_at <= $2 AND g.missed_at < $3 LIMIT 10000"))

	ids := "(SELECT json_array_elements_text($2::text::json) AS id) AS r"
	if d == bunkit.SQLite3 {
		ids = "(SELECT value AS id FROM json_each($2)) AS r"
	}
	s.lookup = d.Translate("SELECT " + shownGroup + " FROM " + ids +
		d.Probe("", "g.*", "directory_groups", "g", "g.tenant = $1 AND g.id = r.id") +
		" LEFT JOIN directory_states AS s ON s.tenant = $1")
	return s
}
