package bunnotify

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/notify"
)

var (
	_ notify.Inbox  = (*Store)(nil)
	_ notify.Outbox = (*Store)(nil)
)

//go:embed migrations
var files embed.FS

// A DB is one database, reached through two handles: for what writes and for
// what reads. All drivers of this module that work on one database should be
// given the same; see package bunruns.
type DB = bunkit.DB

// A Store is a [notify.Inbox] and a [notify.Outbox] in a database. Its methods
// are safe for concurrent use.
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
		return nil, fmt.Errorf("bunnotify: %w", err)
	}
	return &Store{db: db, dialect: d, sql: newStatements(d)}, nil
}

// Migrate brings the tables to what this version of the package needs. It does
// nothing if they are there, and may run in several processes at once.
func (s *Store) Migrate(ctx context.Context) error {
	return s.explain(ctx, "migrate notifications", migrations().Up(ctx, s.db))
}

// Revert undoes the last n steps of [Store.Migrate], or all of them if n is
// negative, and deletes what only they have room for: with the first step, all
// notifications and deliveries.
func (s *Store) Revert(ctx context.Context, n int) error {
	return s.explain(ctx, "revert the tables of notifications", migrations().Down(ctx, s.db, n))
}

func migrations() bunkit.Migrations { return bunkit.Migrations{Driver: "bunnotify", Files: files} }

// explain says what failed, in the errors of package notify.
func (s *Store) explain(ctx context.Context, doing string, err error) error {
	return bunkit.Explain(ctx, doing, err, notify.ErrStoreUnavailable)
}

// change runs a statement that writes, and again while other writers are in its
// way. It returns how many rows it changed.
func (s *Store) change(ctx context.Context, text string, args ...any) (changed int, err error) {
	err = bunkit.Retry(ctx, func(ctx context.Context) error {
		result, err := s.db.Write.DB.ExecContext(ctx, text, args...)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		changed = int(n)
		return err
	})
	return changed, err
}

// texts returns a parameter for any number of texts: an array for PostgreSQL,
// JSON for SQLite.
func (s *Store) texts(all []string) (any, error) {
	if s.dialect == bunkit.PostgreSQL {
		return all, nil
	}
	raw, err := json.Marshal(all)
	return string(raw), err
}
