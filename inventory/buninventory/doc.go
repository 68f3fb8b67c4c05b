// Package buninventory keeps an inventory, and a directory of groups, in
// PostgreSQL or SQLite.
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
// are kept in the table buninventory_migrations:
//
//	0001_inventory   the seven tables inventory_…
//	0002_directory   the two tables directory_…
//
// # What is in the tables
//
//	inventory_items      a row for each item
//	inventory_links      a row for each link
//	inventory_contents   contents and assignments, once per tenant and hash, compressed
//	inventory_kinds      when each kind was covered, and by which run
//	inventory_scopes     for each kind and selection, what decides what is missing
//	inventory_reports    a row for each run whose coverage is kept
//	inventory_coverage   that coverage, a row for each of its kinds
//	directory_groups     a row for each group
//	directory_states     for each tenant, how far the syncs of its groups are
//
// When an item was last seen is not in its row alone: a sync that sees a
// thousand items unchanged writes one row of inventory_kinds, and the items
// follow it until they are missed. Whoever reads the tables with SQL has to
// look at both:
//
//	CASE WHEN i.since <= k.epoch AND k.seen_at > i.seen_at THEN k.seen_at ELSE i.seen_at END
//
// In the same way, a group that is not missing was last seen when its tenant's
// groups were last synced, if that is later.
//
// Instants are UTC, to the microsecond: timestamptz in PostgreSQL, microseconds
// since 1970 in SQLite. Texts that have an order have that of their bytes.
//
// # Limits
//
// A tenant, kind, run or selection has at most 255 bytes and an id or hash at
// most 512; a longer one is [inventory.ErrInvalid]. A link to a longer id leads
// to its beginning and a hash of it. Names are put in order by their first 512
// bytes. Characters that a column of PostgreSQL cannot hold, which are NUL and
// broken UTF-8, become U+FFFD in names and links and are refused elsewhere.
package buninventory
