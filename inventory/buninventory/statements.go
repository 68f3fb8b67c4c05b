package buninventory

import (
	"strings"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
)

// The statements whose text is the same at every call. The first parameter of
// all of them is the tenant.
type statements struct {
	get, known, content, hide                   string
	putContents, leaveContents, putItems        bunkit.Bulk
	keepContents, haveContents                  string
	dropLinks, putLinks                         bunkit.Bulk
	report, coverage, kind, coverKind           string
	lost, freeze, unfreeze, seeAgain            string
	finish, scopes                              string
	sortLoose, dropUnused, keepUsed             string
	dropCoverage, dropReports                   string
	reportOfRun, reportOfSelection, reportOfAny string
	groups                                      groupStatements
}

func newStatements(d bunkit.Dialect) statements {
	var s statements
	s.forItems(d)
	s.forContents(d)
	s.forLinks(d)
	s.forCover(d)
	s.forFinish(d)
	s.forReports(d)
	s.groups = newGroupStatements(d)
	return s
}

// itemRow are the columns of an item that a Put brings.
var itemRow = []column{
	{"kind", "text"},
	{"id", "text"},
	{"name", "text"},
	{"fold", "text"},
	{"fold_rest", "text"},
	{"fold_id", "text"},
	{"platform", "text"},
	{"category", "text"},
	{"scope_tags", "text"},
	{"assigned", "text"},
	{"meta", "text"},
	{"hash", "text"},
	{"assignments_hash", "text"},
	{"stamp", "text"},
	{"linked", "boolean"},
	{"modified_at", "timestamptz"},
	{"first_seen_at", "timestamptz"},
	{"seen_at", "timestamptz"},
	{"seen_run", "text"},
}

// names returns the names of columns, each after the prefix.
func names(prefix string, columns []column) string {
	var b strings.Builder
	for i, c := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(prefix + c.name)
	}
	return b.String()
}

// seen returns the expression for one of what two columns say about the last
// time that item i was seen: its own, or that of its kind k. It is the later.
func seen(column string) string {
	return "CASE WHEN i.since <= k.epoch AND k.seen_at > i.seen_at THEN k." + column + " ELSE i." + column + " END"
}

// missing holds for items i that are missing in the scope s. What a cover of
// the kind has seen cannot be: no scope covered the kind later than the latest
// cover.
const missing = "i.since IS NULL AND i.seen_at < s.last_at"

// shown are the columns of an item i that is read, with its kind k and the
// scope s; see scanItem.
var shown = "i.kind, i.id, i.name, i.platform, i.category, i.scope_tags, i.assigned, i.meta, i.hash, i.assignments_hash," +
	" i.modified_at, i.first_seen_at, i.hidden, " + seen("seen_at") + ", " + seen("seen_run") +
	", CASE WHEN NOT coalesce(" + missing + ", false) THEN ''" +
	" WHEN s.consistent AND i.seen_at < s.before_at THEN 'high' ELSE 'low' END"

// derive joins k and s to i, given the parameter with the selection.
func derive(selection string) string {
	return " LEFT JOIN inventory_kinds AS k ON k.tenant = $1 AND k.kind = i.kind" +
		" LEFT JOIN inventory_scopes AS s ON s.tenant = $1 AND s.kind = i.kind AND s.selection = " + selection
}

func (s *statements) forItems(d bunkit.Dialect) {
	var set []string
	for _, c := range itemRow {
		switch c.name {
		case "kind", "id", "first_seen_at", "seen_at", "seen_run":
		default:
			set = append(set, c.name+" = excluded."+c.name)
		}
	}
	for _, c := range []string{"seen_at", "seen_run", "since"} {
		// A run that began earlier may put later what another has seen since.
		set = append(set, c+" = CASE WHEN inventory_items.seen_at > excluded.seen_at"+
			" OR excluded.since IS NULL AND inventory_items.since IS NOT NULL"+
			" THEN inventory_items."+c+" ELSE excluded."+c+" END")
	}
	s.putItems = newBulk(d, "INSERT INTO inventory_items (tenant, hidden, since, "+names("", itemRow)+") SELECT $1::text, false,"+
		" CASE WHEN k.seen_at > r.seen_at THEN NULL ELSE coalesce(k.epoch, 0) + 1 END, "+names("r.", itemRow)+
		" FROM ROWS LEFT JOIN inventory_kinds AS k ON k.tenant = $1 AND k.kind = r.kind WHERE true"+
		" ON CONFLICT (tenant, kind, id) DO UPDATE SET "+strings.Join(set, ", "), itemRow)

	s.get = d.Translate("SELECT " + shown + ", c.packed, a.packed FROM inventory_items AS i" + derive("$2") +
		" LEFT JOIN inventory_contents AS c ON c.tenant = $1 AND c.hash = i.hash" +
		" LEFT JOIN inventory_contents AS a ON a.tenant = $1 AND a.hash = i.assignments_hash" +
		" WHERE i.tenant = $1 AND i.kind = $3 AND i.id = $4")
	s.known = d.Translate("SELECT k.covered_at, k.full_at, i.id, i.hash, i.assignments_hash, i.stamp, i.linked FROM (SELECT 1) AS one" +
		" LEFT JOIN inventory_kinds AS k ON k.tenant = $1 AND k.kind = $2" +
		" LEFT JOIN inventory_items AS i ON i.tenant = $1 AND i.kind = $2")
	s.hide = d.Translate("UPDATE inventory_items SET hidden = $4 WHERE tenant = $1 AND kind = $2 AND id = $3")
}

func (s *statements) forContents(d bunkit.Dialect) {
	s.content = d.Translate("SELECT packed FROM inventory_contents WHERE tenant = $1 AND hash = $2")
	s.putContents = newBulk(d, "INSERT INTO inventory_contents (tenant, hash, packed, loose) SELECT $1::text, r.hash, r.packed, false"+
		" FROM ROWS WHERE true ON CONFLICT (tenant, hash) DO NOTHING", []column{{"hash", "text"}, {"packed", "bytea"}})

	hashes := "(SELECT json_array_elements_text($2::text::json) AS hash) AS r"
	if d == bunkit.SQLite3 {
		hashes = "(SELECT value AS hash FROM json_each($2)) AS r"
	}
	hashes += d.Probe("", "c.hash, c.unused_at", "inventory_contents", "c", "c.tenant = $1 AND c.hash = r.hash")
	s.keepContents = d.Translate("UPDATE inventory_contents SET unused_at = NULL WHERE tenant = $1 AND " +
		d.Among("hash", "SELECT c.hash FROM "+hashes+" WHERE c.unused_at IS NOT NULL"))
	s.haveContents = d.Translate("SELECT count(*) FROM " + hashes)

	was := func(column string) string {
		return "SELECT i." + column + " FROM ROWS" + d.Probe("", "i."+column, "inventory_items", "i",
			"i.tenant = $1 AND i.kind = r.kind AND i.id = r.id AND i."+column+" <> r."+column)
	}
	s.leaveContents = newBulk(d, "UPDATE inventory_contents SET loose = true WHERE tenant = $1 AND NOT loose AND "+
		d.Among("hash", was("hash")+" UNION ALL "+was("assignments_hash")),
		[]column{{"kind", "text"}, {"id", "text"}, {"hash", "text"}, {"assignments_hash", "text"}})
}

func (s *statements) forLinks(d bunkit.Dialect) {
	drop := "DELETE FROM inventory_links WHERE " + d.Among("ctid", "SELECT l.ctid FROM ROWS"+
		d.Probe("", "l.ctid", "inventory_links", "l", "l.tenant = $1 AND l.from_kind = r.kind AND l.from_id = r.id"))
	if d == bunkit.SQLite3 {
		drop = "DELETE FROM inventory_links WHERE tenant = $1 AND (from_kind, from_id) IN (SELECT r.kind, r.id FROM ROWS)"
	}
	s.dropLinks = newBulk(d, drop, []column{{"kind", "text"}, {"id", "text"}})
	row := []column{
		{"from_kind", "text"},
		{"from_id", "text"},
		{"type", "text"},
		{"to_kind", "text"},
		{"to_id", "text"},
		{"exclude", "boolean"},
		{"to_name", "text"},
	}
	s.putLinks = newBulk(d, "INSERT INTO inventory_links (tenant, "+names("", row)+") SELECT $1::text, "+names("r.", row)+
		" FROM ROWS WHERE true ON CONFLICT DO NOTHING", row)
}

func (s *statements) forCover(d bunkit.Dialect) {
	s.report = d.Translate("INSERT INTO inventory_reports (tenant, run, selection, latest_at) VALUES ($1, $2, $3, $4)" +
		" ON CONFLICT (tenant, run) DO UPDATE SET" +
		" latest_at = greatest(coalesce(inventory_reports.latest_at, excluded.latest_at), excluded.latest_at)")
	s.coverage = d.Translate("INSERT INTO inventory_coverage (tenant, run, kind, at, succeeded, consistent, body)" +
		" VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, run, kind) DO UPDATE SET" +
		" at = excluded.at, succeeded = excluded.succeeded, consistent = excluded.consistent, body = excluded.body")
	s.kind = d.Translate("SELECT covered_at, full_at, epoch, seen_at, seen_run FROM inventory_kinds WHERE tenant = $1 AND kind = $2")
	s.coverKind = d.Translate("INSERT INTO inventory_kinds (tenant, kind, covered_at, full_at, epoch, seen_at, seen_run)" +
		" VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, kind) DO UPDATE SET covered_at = excluded.covered_at," +
		" full_at = excluded.full_at, epoch = excluded.epoch, seen_at = excluded.seen_at, seen_run = excluded.seen_run")

	missed := "(SELECT json_array_elements_text($3::text::json) AS id)"
	if d == bunkit.SQLite3 {
		missed = "(SELECT value AS id FROM json_each($3))"
	}
	s.lost = d.Translate("SELECT count(*) FROM " + missed + " AS m" + d.Probe("", "i.since", "inventory_items", "i",
		"i.tenant = $1 AND i.kind = $2 AND i.id = m.id") + " WHERE i.since IS NOT NULL")
	const of = " WHERE tenant = $1 AND kind = $2"
	follows := "CASE WHEN since <= $4::bigint AND $5::timestamptz > seen_at THEN "
	s.freeze = d.Translate("UPDATE inventory_items SET since = NULL," +
		" seen_at = " + follows + "$5::timestamptz ELSE seen_at END, seen_run = " + follows + "$6::text ELSE seen_run END" +
		// PostgreSQL reads all of the kind for this, and the ids into a hash
		// table. Without IS TRUE, it may read them again for each item.
		of + " AND since IS NOT NULL AND (id IN " + missed + ") IS TRUE")
	s.unfreeze = d.Translate("UPDATE inventory_items SET since = $4" + of + " AND since IS NULL AND id NOT IN " + missed)
	s.seeAgain = d.Translate("UPDATE inventory_items SET seen_at = $4, seen_run = $5" + of +
		" AND since IS NULL AND seen_at < $4 AND id NOT IN " + missed)
}

func (s *statements) forFinish(d bunkit.Dialect) {
	s.finish = d.Translate("INSERT INTO inventory_reports (tenant, run, selection, finished_at) VALUES ($1, $2, $3, $4)" +
		" ON CONFLICT (tenant, run) DO UPDATE SET finished_at = excluded.finished_at WHERE inventory_reports.finished_at IS NULL")
	s.scopes = d.Translate("INSERT INTO inventory_scopes (tenant, kind, selection, last_at, consistent)" +
		" SELECT c.tenant, c.kind, s.selection, c.at, c.consistent FROM inventory_coverage AS c," +
		" (SELECT $3::text AS selection UNION SELECT '') AS s WHERE c.tenant = $1 AND c.run = $2 AND c.succeeded" +
		" ON CONFLICT (tenant, kind, selection) DO UPDATE SET" +
		" before_at = CASE WHEN excluded.last_at > inventory_scopes.last_at THEN inventory_scopes.last_at" +
		" WHEN excluded.last_at < inventory_scopes.last_at" +
		" THEN greatest(coalesce(inventory_scopes.before_at, excluded.last_at), excluded.last_at) ELSE inventory_scopes.before_at END," +
		" consistent = CASE WHEN excluded.last_at > inventory_scopes.last_at THEN excluded.consistent ELSE inventory_scopes.consistent END," +
		" last_at = greatest(excluded.last_at, inventory_scopes.last_at)")

	const used = "(EXISTS (SELECT 1 FROM inventory_items AS i WHERE i.tenant = $1 AND i.hash = c.hash)" +
		" OR EXISTS (SELECT 1 FROM inventory_items AS i WHERE i.tenant = $1 AND i.assignments_hash = c.hash AND i.assignments_hash <> ''))"
	some := func(which string) string {
		return " WHERE tenant = $1 AND " + d.Among("hash", "SELECT c.hash FROM inventory_contents AS c WHERE c.tenant = $1"+
			" AND c.unused_at IS NOT NULL AND c.unused_at <= $2 AND "+which+" LIMIT 10000")
	}
	s.sortLoose = d.Translate("UPDATE inventory_contents AS c SET loose = false, unused_at = CASE WHEN " + used +
		" THEN NULL ELSE coalesce(unused_at, $2::timestamptz) END" +
		" WHERE tenant = $1 AND " + d.Among("hash", "SELECT l.hash FROM inventory_contents AS l WHERE l.tenant = $1 AND l.loose LIMIT 10000"))
	s.dropUnused = d.Translate("DELETE FROM inventory_contents" + some("NOT "+used))
	s.keepUsed = d.Translate("UPDATE inventory_contents SET unused_at = NULL" + some(used))

	const old = "IN (SELECT run FROM (SELECT run, row_number() OVER (PARTITION BY selection" +
		" ORDER BY latest_at DESC NULLS LAST, run DESC) AS place FROM inventory_reports WHERE tenant = $1) AS placed WHERE place > $2)"
	s.dropCoverage = d.Translate("DELETE FROM inventory_coverage WHERE tenant = $1 AND run " + old)
	s.dropReports = d.Translate("DELETE FROM inventory_reports WHERE tenant = $1 AND run " + old)
}

func (s *statements) forReports(d bunkit.Dialect) {
	of := func(which string) string {
		return d.Translate("SELECT r.run, r.selection, r.finished_at, c.body FROM (SELECT run, selection, finished_at" +
			" FROM inventory_reports WHERE tenant = $1 AND " + which + " ORDER BY finished_at DESC, run DESC LIMIT 1) AS r" +
			" LEFT JOIN inventory_coverage AS c ON c.tenant = $1 AND c.run = r.run ORDER BY c.kind")
	}
	s.reportOfRun = of("run = $2")
	s.reportOfSelection = of("selection = $2 AND finished_at IS NOT NULL")
	s.reportOfAny = of("finished_at IS NOT NULL")
}
