// Package bunrestore keeps backups and restores in PostgreSQL or SQLite.
//
// Hosts open the database and pass what they opened, in the same way as to
// package bunruns, whose documentation shows how; all drivers of this module can
// work on one database, and should then be given one [DB].
//
// # Migrations
//
// [Store.Migrate] creates and changes the tables; nothing else does. It is to
// be called before the store is used, by one process or by all of them at once.
// [Store.Revert] goes back. The steps, whose SQL is in the folder migrations,
// are kept in the table bunrestore_migrations:
//
//	0001_restore   the ten tables below
//
// # What is in the tables
//
//	backup_sets         a row for each set
//	backup_uses         who needs a set until when
//	backup_items        a row for each item of a set, staged ones too
//	backup_versions     a row for each version, with its payload, compressed and encrypted
//	backup_sealings     the last manifest and certificate of each set
//	backup_links        the chains, a row for each link
//	backup_keys         the key of each tenant, wrapped
//	restore_documents   a row for each restore
//	restore_items       its journal, a row for each item
//	restore_answers     what stands in a tenant for something of another one
//
// Whoever can write to the tables can destroy backups, but cannot change them
// unnoticed: see [backup.Check].
//
// Instants are UTC, to the microsecond: timestamptz in PostgreSQL, microseconds
// since 1970 in SQLite. Texts that have an order have that of their bytes. What
// no statement looks for is JSON in the columns details, founded and mapping.
//
// # Limits
//
// A tenant, set, restore, kind or holder has at most 255 bytes, and the ID of an
// object or a version, or a hash, at most 512; a longer one is
// [backup.ErrInvalid], and so is one with a NUL. Names are put in order by their
// first 512 bytes. A list with a text or with decisions or results looks at the
// items of its set or restore one by one.
package bunrestore
