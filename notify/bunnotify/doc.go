// Package bunnotify keeps notifications and deliveries in PostgreSQL or SQLite.
//
// Hosts open the database and pass what they opened, in the same way as to
// package bunruns, whose documentation shows how; both can work on one
// database, and should then be given one [DB].
//
// # Migrations
//
// [Store.Migrate] creates and changes the tables; nothing else does. It is to
// be called before the store is used, by one process or by all of them at once.
// [Store.Revert] goes back. The steps, whose SQL is in the folder migrations,
// are kept in the table bunnotify_migrations:
//
//	0001_notify   the two tables below
//
// # What is in the tables
//
//	notify_inbox    a row for each notification
//	notify_outbox   a row for each delivery, with its notification
//
// What a notification says is JSON in the column facts; it has no text of
// anybody's error. Instants are UTC, to the microsecond: timestamptz in
// PostgreSQL, microseconds since 1970 in SQLite. Texts that have an order have
// that of their bytes.
package bunnotify
