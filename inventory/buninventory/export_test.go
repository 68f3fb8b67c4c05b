package buninventory

import (
	"context"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
)

// LockKey is the key of a tenant's lock in PostgreSQL.
func LockKey(tenant string) int64 { return lockOf(tenant, false).Key() }

// Lists returns the statements for pages behind a position: kind, folded name
// and id.
func (s *Store) Lists(ctx context.Context, after []string, queries ...inventory.Query) ([]sqltest.Statement, error) {
	var all []sqltest.Statement
	for _, q := range queries {
		w := newItemWalk(q, after)
		if q.Missing || q.Text != "" {
			last, err := s.horizon(ctx, w)
			if err != nil {
				return nil, err
			}
			if last != nil {
				w.upTo(w.columns, w.position(last))
			}
		}
		text := s.itemStatement(q, w)
		all = append(all, sqltest.Statement{Name: "list", Text: text, Args: w.args})
	}
	return all, nil
}

// LinkLists does the same for links.
func (s *Store) LinkLists(after []string, queries ...inventory.LinkQuery) []sqltest.Statement {
	var all []sqltest.Statement
	for _, q := range queries {
		text, args := s.linkStatement(q, after, q.PageSize())
		all = append(all, sqltest.Statement{Name: "links", Text: text, Args: args})
	}
	return all
}

// Writes returns the statements that look for the rows of a Put, a Cover and a
// Finish, but for those that add rows.
func (s *Store) Writes(tenant string, entries []inventory.Entry) ([]sqltest.Statement, error) {
	p, err := s.plan(entries)
	if err != nil {
		return nil, err
	}
	bound := func(name string, b bunkit.Bulk, rows [][]any) sqltest.Statement {
		args := []any{tenant}
		for i := range b.Columns {
			var array []any
			for _, row := range rows {
				array = append(array, row[i])
			}
			args = append(args, array)
		}
		return sqltest.Statement{Name: name, Text: b.Text, Args: args}
	}
	kind, missed := entries[0].Kind, array([]string{entries[0].ID})
	at := s.dialect.Instant(entries[0].LastSeenAt)
	return []sqltest.Statement{
		{Name: "keep contents", Text: s.sql.keepContents, Args: []any{tenant, p.hashes}},
		{Name: "have contents", Text: s.sql.haveContents, Args: []any{tenant, p.hashes}},
		bound("leave contents", s.sql.leaveContents, p.batches[0].leaves),
		bound("drop links", s.sql.dropLinks, p.batches[0].refs),
		{Name: "lost", Text: s.sql.lost, Args: []any{tenant, kind, missed}},
		{Name: "unfreeze", Text: s.sql.unfreeze, Args: []any{tenant, kind, missed, 2}},
		{Name: "see again", Text: s.sql.seeAgain, Args: []any{tenant, kind, missed, at, "run"}},
		{Name: "sort loose", Text: s.sql.sortLoose, Args: []any{tenant, at}},
		{Name: "drop unused", Text: s.sql.dropUnused, Args: []any{tenant, at}},
		{Name: "keep used", Text: s.sql.keepUsed, Args: []any{tenant, at}},
		{Name: "get", Text: s.sql.get, Args: []any{tenant, "", kind, entries[0].ID}},
		{Name: "hide", Text: s.sql.hide, Args: []any{tenant, kind, entries[0].ID, false}},
		{Name: "content", Text: s.sql.content, Args: []any{tenant, entries[0].Hash}},
	}, nil
}

// GroupLists returns the statements for pages of groups behind a position: the
// part of the list, folded name and id.
func (s *Store) GroupLists(ctx context.Context, after []string, queries ...directory.Query) ([]sqltest.Statement, error) {
	d := s.Directory()
	var all []sqltest.Statement
	for _, q := range queries {
		last, err := d.horizon(ctx, q, after)
		if err != nil {
			return nil, err
		}
		text, args := d.statement(q, after, last, q.PageSize())
		all = append(all, sqltest.Statement{Name: "groups", Text: text, Args: args})
	}
	return all, nil
}

// GroupStatements returns the other statements that look for groups.
func (s *Store) GroupStatements(tenant string, ids []string, at time.Time) []sqltest.Statement {
	var rows []any
	for _, id := range ids {
		rows = append(rows, id)
	}
	return []sqltest.Statement{
		{Name: "look up", Text: s.sql.groups.lookup, Args: []any{tenant, array(ids)}},
		{Name: "remove", Text: s.sql.groups.remove.Text, Args: []any{tenant, rows}},
		{Name: "miss", Text: s.sql.groups.miss, Args: []any{tenant, s.dialect.Instant(at)}},
		{Name: "purge", Text: s.sql.groups.purge, Args: []any{tenant, s.dialect.Instant(at), s.dialect.Instant(at)}},
	}
}
