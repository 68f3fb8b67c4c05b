package bunrestore

import (
	"strings"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
)

// The statements whose text is the same at every call. The first parameter of
// all of them is the tenant.
type statements struct {
	createSet, getSet, hasSet, use    string
	getVersion                        string
	present, same                     bunkit.Bulk
	putVersions, putItems             bunkit.Bulk
	head, links, used                 string
	putLink, putSealing, getSealing   string
	unstage, sealSet                  string
	dropVersions                      string
	dropItems, dropUses, dropSealing  string
	dropSet                           string
	key, putKey                       string
	create, get, replace, has, fenced string
	clear                             string
	putRestoreItems                   bunkit.Bulk
	remember, recall                  bunkit.Bulk
}

// setColumns are those of a set that is read; see scanSet.
const setColumns = "tenant, id, created_at, details, items, sealed_at, manifest, seq, complete"

// versionColumns are those of a version v that is read; see scanVersion.
const versionColumns = "v.id, v.kind, v.object, v.hash, v.assignments_hash, v.details"

func newStatements(d bunkit.Dialect) statements {
	var s statements
	s.forSets(d)
	s.forStage(d)
	s.forChain(d)
	s.forRestores(d)
	return s
}

func (s *statements) forSets(d bunkit.Dialect) {
	s.createSet = d.Bind("INSERT INTO backup_sets (tenant, id, created_at, details, items, manifest, seq, complete)" +
		" VALUES ($1, $2, $3, $4, 0, '', 0, false) ON CONFLICT DO NOTHING")
	s.getSet = d.Bind("SELECT " + setColumns + " FROM backup_sets WHERE tenant = $1 AND id = $2")
	s.hasSet = d.Bind("SELECT 1 FROM backup_sets WHERE tenant = $1 AND id = $2")
	s.use = d.Bind("INSERT INTO backup_uses (tenant, set_id, holder, until) VALUES ($1, $2, $3, $4)" +
		" ON CONFLICT (tenant, set_id, holder) DO UPDATE SET until = excluded.until")
}

// texts returns columns of texts.
func texts(names ...string) []bunkit.Column {
	columns := make([]bunkit.Column, len(names))
	for i, name := range names {
		columns[i] = bunkit.Column{Name: name, Kind: "text"}
	}
	return columns
}

// insert returns the statement that inserts rows with these columns.
func insert(d bunkit.Dialect, table, conflict string, columns []bunkit.Column) bunkit.Bulk {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return bunkit.NewBulk(d, "INSERT INTO "+table+" (tenant, "+strings.Join(names, ", ")+") SELECT $1::text, r."+strings.Join(names, ", r.")+
		" FROM ROWS WHERE true"+conflict, columns)
}

func (s *statements) forStage(d bunkit.Dialect) {
	of := func(on string) string { return d.Probe("", versionColumns, "backup_versions", "v", on) }
	s.present = bunkit.NewBulk(d, "SELECT "+versionColumns+" FROM ROWS"+
		d.Probe("", "i.version", "backup_items", "i", "i.tenant = $1 AND i.set_id = r.set_id AND i.kind = r.kind AND i.object = r.object")+
		of("v.tenant = $1 AND v.id = i.version"), texts("set_id", "kind", "object"))
	s.same = bunkit.NewBulk(d, "SELECT "+versionColumns+" FROM ROWS"+
		of("v.tenant = $1 AND v.kind = r.kind AND v.object = r.object AND v.hash = r.hash AND v.assignments_hash = r.assignments_hash"),
		texts("kind", "object", "hash", "assignments_hash"))
	s.putVersions = insert(d, "backup_versions", "",
		append(texts("id", "kind", "object", "hash", "assignments_hash", "details"), bunkit.Column{Name: "sealed", Kind: "bytea"}))
	s.putItems = insert(d, "backup_items", "", append(texts("set_id", "kind", "object", "version", "fold", "fold_rest"),
		bunkit.Column{Name: "captured_at", Kind: "timestamptz"}, bunkit.Column{Name: "staged", Kind: "boolean"}))
	s.getVersion = d.Bind("SELECT " + versionColumns + ", v.sealed FROM backup_versions AS v WHERE v.tenant = $1 AND v.id = $2")
}

func (s *statements) forChain(d bunkit.Dialect) {
	s.head = d.Bind("SELECT seq, details FROM backup_links WHERE tenant = $1 ORDER BY seq DESC LIMIT 1")
	s.links = d.Bind("SELECT details FROM backup_links WHERE tenant = $1 AND seq > $2 ORDER BY seq LIMIT $3")
	s.putLink = d.Bind("INSERT INTO backup_links (tenant, seq, details) VALUES ($1, $2, $3)")
	s.used = d.Bind("SELECT 1 FROM backup_uses WHERE tenant = $1 AND set_id = $2 AND until >= $3 LIMIT 1")
	s.putSealing = d.Bind("INSERT INTO backup_sealings (tenant, set_id, manifest, certificate, complete) VALUES ($1, $2, $3, $4, $5)" +
		" ON CONFLICT (tenant, set_id) DO UPDATE SET manifest = excluded.manifest, certificate = excluded.certificate, complete = excluded.complete")
	s.getSealing = d.Bind("SELECT manifest, certificate, complete FROM backup_sealings WHERE tenant = $1 AND set_id = $2")

	const ofSet = " WHERE tenant = $1 AND set_id = $2"
	s.unstage = d.Bind("UPDATE backup_items SET staged = false" + ofSet + " AND staged")
	s.sealSet = d.Bind("UPDATE backup_sets SET items = (SELECT count(*) FROM backup_items" + ofSet + ")," +
		" sealed_at = $3, manifest = $4, seq = $5, complete = $6 WHERE tenant = $1 AND id = $2")
	s.dropVersions = d.Bind("DELETE FROM backup_versions WHERE tenant = $1 AND " + d.Among("id", "SELECT i.version FROM backup_items AS i"+
		" WHERE i.tenant = $1 AND i.set_id = $2 AND (SELECT o.set_id FROM backup_items AS o"+
		" WHERE o.tenant = $1 AND o.version = i.version AND o.set_id <> $2 LIMIT 1) IS NULL"))
	s.dropItems = d.Bind("DELETE FROM backup_items" + ofSet)
	s.dropUses = d.Bind("DELETE FROM backup_uses" + ofSet)
	s.dropSealing = d.Bind("DELETE FROM backup_sealings" + ofSet)
	s.dropSet = d.Bind("DELETE FROM backup_sets WHERE tenant = $1 AND id = $2")

	s.key = d.Bind("SELECT wrapped FROM backup_keys WHERE tenant = $1")
	s.putKey = d.Bind("INSERT INTO backup_keys (tenant, wrapped) VALUES ($1, $2) ON CONFLICT DO NOTHING")
}

func (s *statements) forRestores(d bunkit.Dialect) {
	const one = " WHERE tenant = $1 AND id = $2"
	s.create = d.Bind("INSERT INTO restore_documents (tenant, id, set_id, created_at, founded, revision, fence, details, mapping)" +
		" VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8) ON CONFLICT DO NOTHING")
	s.get = d.Bind("SELECT " + documentColumns + ", mapping FROM restore_documents" + one)
	s.replace = d.Bind("UPDATE restore_documents SET revision = revision + 1, fence = $4, details = $5, mapping = $6" + one + " AND revision = $3")
	s.has = d.Bind("SELECT 1 FROM restore_documents" + one)
	s.fenced = d.Bind("SELECT fence FROM restore_documents" + one)
	if d == bunkit.PostgreSQL {
		s.fenced += " FOR SHARE" // so that nobody changes it before the transaction ends
	}
	s.clear = d.Bind("DELETE FROM restore_items WHERE tenant = $1 AND restore = $2")

	columns := append(texts("restore", "kind", "id", "fold", "decision", "result"),
		bunkit.Column{Name: "progress", Kind: "bigint"}, bunkit.Column{Name: "request", Kind: "bytea"}, bunkit.Column{Name: "details", Kind: "text"})
	var set []string
	for _, c := range columns[3:] {
		set = append(set, c.Name+" = excluded."+c.Name)
	}
	s.putRestoreItems = insert(d, "restore_items", " ON CONFLICT (tenant, restore, kind, id) DO UPDATE SET "+strings.Join(set, ", "), columns)
	s.remember = insert(d, "restore_answers", " ON CONFLICT (tenant, origin, kind, id) DO UPDATE SET details = excluded.details",
		texts("origin", "kind", "id", "details"))
	s.recall = bunkit.NewBulk(d, "SELECT a.origin, a.kind, a.id, a.details FROM ROWS"+
		d.Probe("", "a.origin, a.kind, a.id, a.details", "restore_answers", "a", "a.tenant = $1 AND a.origin = r.origin AND a.kind = r.kind AND a.id = r.id"),
		texts("origin", "kind", "id"))
}
