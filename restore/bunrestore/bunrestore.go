package bunrestore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
)

var (
	_ backup.Store  = (*Store)(nil)
	_ restore.Store = (*Store)(nil)
)

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

// A Store is a [backup.Store] and a [restore.Store] in a database. Its methods
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
		return nil, fmt.Errorf("bunrestore: %w", err)
	}
	return &Store{db: db, dialect: d, sql: newStatements(d)}, nil
}

// Migrate brings the tables to what this version of the package needs. It does
// nothing if they are there, and may run in several processes at once.
func (s *Store) Migrate(ctx context.Context) error {
	return s.explain(ctx, "migrate backups and restores", migrations().Up(ctx, s.db))
}

// Revert undoes the last n steps of [Store.Migrate], or all of them if n is
// negative, and deletes what only they have room for: with the first step, all
// backups and restores.
func (s *Store) Revert(ctx context.Context, n int) error {
	return s.explain(ctx, "revert the tables of backups and restores", migrations().Down(ctx, s.db, n))
}

func migrations() bunkit.Migrations { return bunkit.Migrations{Driver: "bunrestore", Files: files} }

// explain says what failed, in the errors of package backup, which are also
// those of package restore.
func (s *Store) explain(ctx context.Context, doing string, err error) error {
	return bunkit.Explain(ctx, doing, err, backup.ErrStoreUnavailable)
}

// Sizes that keep every key of an index below what PostgreSQL allows, 2,704
// bytes.
const (
	maxName = 255 // of a tenant, set, restore, kind or holder
	maxID   = 512 // of an object, a version, a hash or a folded name
)

// checkNames returns an error unless all of the names can be part of a key.
func checkNames(names ...string) error { return checkKeys(maxName, names) }

// checkIDs does the same for what is longer.
func checkIDs(ids ...string) error { return checkKeys(maxID, ids) }

func checkKeys(size int, keys []string) error {
	for _, k := range keys {
		if k == "" || len(k) > size || !bunkit.Storable(k) {
			return fmt.Errorf("%w: a key that is empty, too long or no text", backup.ErrInvalid)
		}
	}
	return nil
}

// query runs a statement that reads.
func (s *Store) query(ctx context.Context, text string, args []any, row func(rows *sql.Rows) error) error {
	return bunkit.Query(ctx, s.db.Read.DB, text, args, row)
}

// one does the same for a statement that finds one row or none, and returns
// ErrNotFound for none. Texts that no column can hold find nothing.
func (s *Store) one(ctx context.Context, text string, keys []string, row func(rows *sql.Rows) error) error {
	if !bunkit.Storable(keys...) {
		return backup.ErrNotFound
	}
	args := make([]any, len(keys))
	for i, k := range keys {
		args[i] = k
	}
	found := false
	err := s.query(ctx, text, args, func(rows *sql.Rows) error {
		found = true
		return row(rows)
	})
	if err == nil && !found {
		err = backup.ErrNotFound
	}
	return err
}

// write runs body in a transaction that excludes the tenant's other writes of
// backups: which version a set has, and whether others have it too, is worked
// out from several tables.
func (s *Store) write(ctx context.Context, tenant string, body func(ctx context.Context, tx *sql.Tx) error) error {
	return s.db.Locked(ctx, bunkit.Lock{Name: "bunrestore " + tenant}, body)
}

// exec runs a statement and returns how many rows it has changed.
func exec(ctx context.Context, tx *sql.Tx, text string, args ...any) (int64, error) {
	result, err := tx.ExecContext(ctx, text, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// exists reports whether a statement finds anything.
func exists(ctx context.Context, tx *sql.Tx, text string, args ...any) (found bool, err error) {
	err = bunkit.Query(ctx, tx, text, args, func(*sql.Rows) error {
		found = true
		return nil
	})
	return found, err
}
