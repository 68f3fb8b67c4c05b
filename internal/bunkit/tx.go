package bunkit

import (
	"context"
	"database/sql"
	"errors"
	"hash/fnv"
)

// A Lock keeps transactions apart from each other.
type Lock struct {
	Name   string // no lock if empty
	Shared bool   // others that are shared may go on at the same time
}

// Key is what PostgreSQL knows the lock by.
func (l Lock) Key() int64 {
	h := fnv.New64a()
	h.Write([]byte(l.Name))
	return int64(h.Sum64())
}

// Locked runs body in a transaction that has the lock until it ends, and again
// while other writers are in its way. SQLite has only one transaction that
// writes, and needs no lock.
func (db DB) Locked(ctx context.Context, l Lock, body func(ctx context.Context, tx *sql.Tx) error) error {
	_, d, err := db.Check()
	if err != nil {
		return err
	}
	return Retry(ctx, func(ctx context.Context) error {
		var opts sql.TxOptions
		if d == PostgreSQL {
			// What follows the lock must see what was committed before it.
			opts.Isolation = sql.LevelReadCommitted
		}
		tx, err := db.Write.DB.BeginTx(ctx, &opts)
		if err != nil {
			return err
		}
		if d == PostgreSQL && l.Name != "" {
			err = l.take(ctx, tx)
		}
		if err == nil {
			err = body(ctx, tx)
		}
		if err != nil {
			return errors.Join(err, rollback(tx))
		}
		return tx.Commit()
	})
}

func (l Lock) take(ctx context.Context, tx *sql.Tx) error {
	text := "SELECT pg_advisory_xact_lock($1)"
	if l.Shared {
		text = "SELECT pg_advisory_xact_lock_shared($1)"
	}
	_, err := tx.ExecContext(ctx, text, l.Key())
	return err
}
