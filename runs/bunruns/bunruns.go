package bunruns

import (
	"context"
	"embed"
	"fmt"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/runs"
)

var (
	_ runs.Store     = (*Store)(nil)
	_ runs.Counter   = (*Store)(nil)
	_ runs.ItemStore = (*Store)(nil)
	_ runs.Pruner    = (*Store)(nil)
)

//go:embed migrations
var files embed.FS

// A DB is one database, reached through two handles: for what writes and for
// what reads. All drivers of this module that work on one database should be
// given the same.
//
// For PostgreSQL both handles can be one, on a pool that was opened with pgx.
// Better is a Write on a pool of its own, of some connections that nobody else
// takes: starts, claims, heartbeats and ends use nothing but Write, and never for
// long, so they do not wait when the long queries of others have taken all
// connections of the other pool, and no worker loses its lease. Read then only
// serves lists, counts and items, and can be everybody's.
//
// For SQLite, Write allows one connection, in WAL mode and with a busy timeout,
// and Read is a second pool on the same file. There is one writer, so a
// heartbeat waits for whoever writes: a transaction, of any process, that takes
// longer than a lease without its margin and a heartbeat, 22 s by default, costs
// workers their runs. What reads is in nobody's way, unless it takes all of
// Read.
type DB = bunkit.DB

// A Store is a [runs.Store], a [runs.ItemStore], a [runs.Counter] and a
// [runs.Pruner] in a database. Its methods are safe for concurrent use.
type Store struct {
	db      DB
	dialect bunkit.Dialect
	sql     statements
	write   executor
	find    executor // what a run's life depends on
	read    executor // what people look at: lists, counts, items
	groups  groups
	joined  bool // write is in a transaction of somebody else, who alone can begin it anew
}

// New returns the Store in db, or says what it cannot work with. It does not
// reach for the database; see [Store.Migrate].
func New(db DB) (*Store, error) {
	db, d, err := db.Check()
	if err != nil {
		return nil, fmt.Errorf("bunruns: %w", err)
	}
	s := &Store{db: db, dialect: d, sql: newStatements(d), write: db.Write.DB, find: db.Write.DB, read: db.Read.DB}
	if d == bunkit.SQLite3 {
		// pgx keeps the statements it has prepared, SQLite's driver does not.
		s.write, s.read = &prepared{db: db.Write.DB}, &prepared{db: db.Read.DB}
		s.find = s.read // it need not wait for the one writer
	}
	s.groups = s.newGroups()
	return s, nil
}

// Migrate brings the tables to what this version of the package needs. It does
// nothing if they are there, and may run in several processes at once.
func (s *Store) Migrate(ctx context.Context) error {
	if err := migrations().Up(ctx, s.db); err != nil {
		return s.explain(ctx, "migrate runs", err)
	}
	return nil
}

// Revert undoes the last n steps of [Store.Migrate], or all of them if n is
// negative, and deletes what only they have room for: with the first step, all
// runs.
func (s *Store) Revert(ctx context.Context, n int) error {
	if err := migrations().Down(ctx, s.db, n); err != nil {
		return s.explain(ctx, "revert the tables of runs", err)
	}
	return nil
}

func migrations() bunkit.Migrations { return bunkit.Migrations{Driver: "bunruns", Files: files} }
