package buninventory

import (
	"context"
	"database/sql"
	"time"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
)

// LockKey is the key of a tenant's lock in PostgreSQL.
func LockKey(tenant string) int64 { return lockOf(tenant, false).Key() }

// A Statement is one that this package would run.
type Statement struct {
	Name string
	Text string
	Args []any
}

// Lists returns the statements for pages behind a position: kind, folded name
// and id.
func (s *Store) Lists(ctx context.Context, after []string, queries ...inventory.Query) ([]Statement, error) {
	var all []Statement
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
		all = append(all, Statement{"list", text, w.args})
	}
	return all, nil
}

// LinkLists does the same for links.
func (s *Store) LinkLists(after []string, queries ...inventory.LinkQuery) []Statement {
	var all []Statement
	for _, q := range queries {
		text, args := s.linkStatement(q, after, q.PageSize())
		all = append(all, Statement{"links", text, args})
	}
	return all
}

// Writes returns the statements that look for the rows of a Put, a Cover and a
// Finish, but for those that add rows.
func (s *Store) Writes(tenant string, entries []inventory.Entry) ([]Statement, error) {
	p, err := s.plan(entries)
	if err != nil {
		return nil, err
	}
	bound := func(name string, b bunkit.Bulk, rows [][]any) Statement {
		args := []any{tenant}
		for i := range b.Columns {
			var array []any
			for _, row := range rows {
				array = append(array, row[i])
			}
			args = append(args, array)
		}
		return Statement{name, b.Text, args}
	}
	kind, missed := entries[0].Kind, array([]string{entries[0].ID})
	at := s.dialect.Instant(entries[0].LastSeenAt)
	return []Statement{
		{"keep contents", s.sql.keepContents, []any{tenant, p.hashes}},
		{"have contents", s.sql.haveContents, []any{tenant, p.hashes}},
		bound("leave contents", s.sql.leaveContents, p.batches[0].leaves),
		bound("drop links", s.sql.dropLinks, p.batches[0].refs),
		{"lost", s.sql.lost, []any{tenant, kind, missed}},
		{"unfreeze", s.sql.unfreeze, []any{tenant, kind, missed, 2}},
		{"see again", s.sql.seeAgain, []any{tenant, kind, missed, at, "run"}},
		{"sort loose", s.sql.sortLoose, []any{tenant, at}},
		{"drop unused", s.sql.dropUnused, []any{tenant, at}},
		{"keep used", s.sql.keepUsed, []any{tenant, at}},
		{"get", s.sql.get, []any{tenant, "", kind, entries[0].ID}},
		{"hide", s.sql.hide, []any{tenant, kind, entries[0].ID, false}},
		{"content", s.sql.content, []any{tenant, entries[0].Hash}},
	}, nil
}

// GroupLists returns the statements for pages of groups behind a position: the
// part of the list, folded name and id.
func (s *Store) GroupLists(ctx context.Context, after []string, queries ...directory.Query) ([]Statement, error) {
	d := s.Directory()
	var all []Statement
	for _, q := range queries {
		last, err := d.horizon(ctx, q, after)
		if err != nil {
			return nil, err
		}
		text, args := d.statement(q, after, last, q.PageSize())
		all = append(all, Statement{"groups", text, args})
	}
	return all, nil
}

// GroupStatements returns the other statements that look for groups.
func (s *Store) GroupStatements(tenant string, ids []string, at time.Time) []Statement {
	var rows []any
	for _, id := range ids {
		rows = append(rows, id)
	}
	return []Statement{
		{"look up", s.sql.groups.lookup, []any{tenant, array(ids)}},
		{"remove", s.sql.groups.remove.Text, []any{tenant, rows}},
		{"miss", s.sql.groups.miss, []any{tenant, s.dialect.Instant(at)}},
		{"purge", s.sql.groups.purge, []any{tenant, s.dialect.Instant(at), s.dialect.Instant(at)}},
	}
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
