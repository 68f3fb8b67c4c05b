// Package bunruns keeps runs and their items in PostgreSQL or SQLite.
//
// # Opening
//
// Hosts open the database and pass what they opened; this package imports no
// SQL driver. For PostgreSQL:
//
//	pool, err := sql.Open("pgx", url)
//	db := bun.NewDB(pool, pgdialect.New())
//	store, err := bunruns.New(bunruns.DB{Write: db})
//
// Where others have long queries on the same pool, runs are better off with a
// Write of their own; see [DB].
//
// For SQLite, modernc.org/sqlite is opened twice: once for writing, with one
// connection, and once for reading; the example of [New] shows how.
//
// The statements of this package have a fixed text and bind parameters, and do
// not pass through bun, so that a database plans each of them once.
//
// # Migrations
//
// [Store.Migrate] creates and changes the tables; nothing else does. It is to be
// called before the store is used, by one process or by all of them at once.
// [Store.Revert] goes back. The steps, whose SQL is in the folder migrations,
// are kept in the table bunruns_migrations:
//
//	0001_runs      the tables operation_runs and operation_run_items
//	0002_prune     an index of what may be deleted
//	0003_workers   who has claimed a run, and how often it was offered in vain
//
// # What is in the tables
//
// The table operation_runs has a row for each run and operation_run_items one
// for each item. Both dialects have the same columns: texts that are empty
// rather than NULL; JSON as text, params byte by byte as they came; instants in
// UTC, to the microsecond, as timestamptz in PostgreSQL and as microseconds
// since 1970 in SQLite. Texts that have an order have that of their bytes.
//
// # Clock
//
// The clock that stamps leases and says what is due is the server's with
// PostgreSQL. With SQLite, where all processes are on one machine, it is that
// of the process, read just before the statement.
//
// # Commits
//
// Calls that find few others write at once, each in a transaction of its own.
// Those that arrive while many are under way are written together as soon as
// the ones before them are, up to 1,000 at once, and each gets what it would
// have got alone: inserts and updates in one statement each with PostgreSQL,
// where 16 of a kind go alone before; everything in one transaction with SQLite.
// If that is refused because of one of them, each is written alone. With
// PostgreSQL a statement for many waits half a second at most for a row that
// somebody else's transaction holds. A call has returned only when its write is
// committed. Nothing waits for a timer.
//
// # Errors
//
// An error of the database is wrapped and never shown; one that says that
// nobody answers is [runs.ErrStoreUnavailable], too. Writers that collide are
// tried again, five times in all. When the context of a write ends, or its
// connection, the write may have been made or may still be.
package bunruns
