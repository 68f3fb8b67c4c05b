package bunaudit

import (
	"context"
	"embed"
	"fmt"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/audit"
)

var _ audit.Store = (*Store)(nil)

//go:embed migrations
var files embed.FS

// A DB is one database, reached through two handles: for what writes and for
// what reads. All drivers of this module that work on one database should be
// given the same.
//
// For PostgreSQL both handles are one, on a pool that was opened with pgx. For
// SQLite, Write allows one connection, in WAL mode and with a busy timeout, and
// Read is a second pool on the same file.
type DB = bunkit.DB

// A Store is an [audit.Store] in a database. Its methods are safe for
// concurrent use.
type Store struct {
	db      DB
	dialect bunkit.Dialect
	sql     statements
}

// New returns the Store in db, or says what it cannot work with. It does not
// reach for the database; see [Store.Migrate].
func New(db DB) (*Store, error) {
	db, d, err := db.Check()
	if err != nil {
		return nil, fmt.Errorf("bunaudit: %w", err)
	}
	return &Store{db: db, dialect: d, sql: newStatements(d)}, nil
}

// Migrate brings the tables to what this version of the package needs. It does
// nothing if they are there, and may run in several processes at once.
func (s *Store) Migrate(ctx context.Context) error {
	return s.explain(ctx, "migrate the audit", migrations().Up(ctx, s.db))
}

// Revert undoes the last n steps of [Store.Migrate], or all of them if n is
// negative, and deletes what only they have room for: with the first step, the
// whole audit.
func (s *Store) Revert(ctx context.Context, n int) error {
	return s.explain(ctx, "revert the tables of the audit", migrations().Down(ctx, s.db, n))
}

func migrations() bunkit.Migrations { return bunkit.Migrations{Driver: "bunaudit", Files: files} }

// explain says what failed, in the errors of package runs.
func (s *Store) explain(ctx context.Context, doing string, err error) error {
	return bunkit.Explain(ctx, doing, err, runs.ErrStoreUnavailable)
}
