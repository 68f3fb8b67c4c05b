package bunrestore

import (
	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
)

// Lists returns the statements for pages that begin at after: for lists of what
// is new, and for lists by name.
func (s *Store) Lists(tenant, set, restoreID string, newest, byName []string) []sqltest.Statement {
	cursor := func(l *list, err error, position []string) backup.Cursor {
		if err != nil {
			panic(err) // there is no cursor yet that could be bad
		}
		return backup.Cursor(bunkit.Cursor(l.filter, position...))
	}
	var all []sqltest.Statement
	add := func(name, text string, l *list) {
		all = append(all, sqltest.Statement{Name: name, Text: s.dialect.Translate(text), Args: l.args})
	}
	for name, q := range map[string]backup.ItemQuery{
		"items": {}, "staged items": {Staged: true}, "items of a kind": {Kind: "kind03"},
	} {
		q.Tenant, q.Set = tenant, set
		l, err := s.itemList(q)
		q.After = cursor(l, err, byName)
		l, _ = s.itemList(q)
		add(name, l.itemText(), l)
	}
	for name, q := range map[string]restore.ItemQuery{"journal": {}, "journal of a kind": {Kind: "kind03"}} {
		q.Tenant, q.Restore = tenant, restoreID
		l, err := s.journalList(q)
		q.After = cursor(l, err, byName)
		l, _ = s.journalList(q)
		add(name, l.text("SELECT * FROM restore_items"), l)
	}
	for name, q := range map[string]restore.Query{"restores": {}, "restores of a set": {Set: set}} {
		q.Tenant = tenant
		l, err := s.restoreList(q)
		q.After = cursor(l, err, newest)
		l, _ = s.restoreList(q)
		add(name, l.text("SELECT * FROM restore_documents"), l)
	}
	l := s.setList(backup.SetQuery{Tenant: tenant})
	if err := l.after(cursor(l, nil, newest)); err != nil {
		panic(err)
	}
	add("sets", l.text("SELECT * FROM backup_sets"), l)
	l = s.versionList(tenant, "kind03", "p0003", 0)
	add("versions", l.versionText(), l)
	return all
}

// Finds returns the statements that look for the rows of these objects.
func (s *Store) Finds(tenant, set, origin string, staged []backup.Staged) []sqltest.Statement {
	bound := func(name string, b bunkit.Bulk, row func(v *backup.Staged) []any) sqltest.Statement {
		args := make([]any, 1+len(b.Columns))
		args[0] = tenant
		for i := range b.Columns {
			var array []any
			for k := range staged {
				array = append(array, row(&staged[k])[i])
			}
			args[1+i] = array
		}
		return sqltest.Statement{Name: name, Text: b.Text, Args: args}
	}
	return []sqltest.Statement{
		bound("present", s.sql.present, func(v *backup.Staged) []any { return []any{set, v.Kind, v.Object} }),
		bound("same", s.sql.same, func(v *backup.Staged) []any { return []any{v.Kind, v.Object, v.Hash, v.AssignmentsHash} }),
		bound("recall", s.sql.recall, func(v *backup.Staged) []any { return []any{origin, v.Kind, v.Object} }),
		{Name: "get version", Text: s.sql.getVersion, Args: []any{tenant, staged[0].ID}},
		{Name: "head", Text: s.sql.head, Args: []any{tenant}},
		{Name: "links", Text: s.sql.links, Args: []any{tenant, 0, 50}},
		{Name: "used", Text: s.sql.used, Args: []any{tenant, set, s.dialect.Instant(staged[0].CapturedAt)}},
	}
}

// Drops returns the statements that change or delete all of a set.
func (s *Store) Drops(tenant, set string) []sqltest.Statement {
	args := []any{tenant, set}
	return []sqltest.Statement{
		{Name: "unstage", Text: s.sql.unstage, Args: args},
		{Name: "drop versions", Text: s.sql.dropVersions, Args: args},
		{Name: "drop items", Text: s.sql.dropItems, Args: args},
		{Name: "drop uses", Text: s.sql.dropUses, Args: args},
	}
}
