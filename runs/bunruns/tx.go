package bunruns

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/runs"
)

var _ runs.Inserter = (*Tx)(nil)

// A Tx inserts runs in a transaction of the caller, who begins and ends it, and
// whose connection it is: calls come one after the other. See [Store.In].
type Tx struct{ store Store }

// In returns what [runs.Tracker.In] needs to start runs in a transaction of the
// caller: a bun.Tx, a *bun.Tx or a *sql.Tx in the database of s, which has to be
// one that can write. What is inserted is there when the transaction is
// committed and leaves nothing behind if it is not. Given something else, such
// as a pool, each insert commits by itself.
//
// An insert whose key or Once another open transaction has inserted waits until
// that one has ended, as long as the context allows; so does one outside of
// transactions. Whatever error an insert reports, the transaction is to be
// rolled back: PostgreSQL executes nothing more in it. Nothing is tried again;
// [runs.ErrStoreUnavailable] says that the whole transaction may be. Under
// repeatable read or stricter, it is also what an insert reports that would
// join a run which the transaction cannot see.
//
// With SQLite a transaction that writes is alone: whatever else writes to the
// file waits until it ends, in this process without end unless its context has
// one. Between beginning and ending it, call nothing else that writes to the
// file, and keep it short: heartbeats wait for it, too. If DB.Read is not a pool
// of its own, the same goes for what reads.
func (s *Store) In(tx bun.IConn) *Tx {
	conn := bunkit.Plain(tx)
	return &Tx{store: Store{db: s.db, dialect: s.dialect, sql: s.sql, write: conn, find: conn, read: conn, joined: true}}
}

// Insert implements [runs.Inserter]. It is [Store.Insert] in the transaction,
// whose own runs it sees.
func (tx *Tx) Insert(ctx context.Context, r *runs.Run) (*runs.Run, bool, error) {
	return tx.store.Insert(ctx, r)
}
