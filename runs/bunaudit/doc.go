// Package bunaudit keeps the audit in PostgreSQL or SQLite.
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
// are kept in the table bunaudit_migrations:
//
//	0001_audit   the two tables below
//
// # What is in the tables
//
//	audit_heads     a row for each tenant: where its chain ends and begins
//	audit_entries   a row for each entry, and what it is found by
//
// The program needs no right to update audit_entries, and no right to delete
// from it unless it prunes. PostgreSQL can withhold both:
//
//	REVOKE UPDATE, DELETE, TRUNCATE ON audit_entries FROM program
package bunaudit
