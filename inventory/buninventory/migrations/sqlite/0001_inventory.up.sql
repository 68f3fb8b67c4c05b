-- Instants are microseconds since 1970.

CREATE TABLE inventory_items (
	tenant           TEXT NOT NULL,
	kind             TEXT NOT NULL,
	id               TEXT NOT NULL,
	name             TEXT NOT NULL,
	fold             TEXT NOT NULL, -- the folded name, or as much of it as an index takes
	fold_rest        TEXT,          -- the rest of it
	fold_id          TEXT,          -- the folded id, if it is another
	platform         TEXT NOT NULL,
	category         TEXT NOT NULL,
	scope_tags       TEXT,
	assigned         TEXT,
	meta             TEXT,
	hash             TEXT NOT NULL,
	assignments_hash TEXT NOT NULL,
	stamp            TEXT NOT NULL,
	linked           INTEGER NOT NULL,
	hidden           INTEGER NOT NULL,
	modified_at      INTEGER,
	first_seen_at    INTEGER NOT NULL,
	seen_at          INTEGER NOT NULL,
	seen_run         TEXT NOT NULL,
	-- The item was also seen by the cover of its kind, if that has this epoch
	-- or a later one. NULL if a cover has missed it since.
	since            INTEGER,
	PRIMARY KEY (tenant, kind, id)
) STRICT;

CREATE INDEX inventory_items_list ON inventory_items (tenant, kind, fold, id);
CREATE INDEX inventory_items_missed ON inventory_items (tenant, kind, fold, id) WHERE since IS NULL;
CREATE INDEX inventory_items_hash ON inventory_items (tenant, hash);
CREATE INDEX inventory_items_assignments ON inventory_items (tenant, assignments_hash) WHERE assignments_hash <> '';

CREATE TABLE inventory_links (
	tenant    TEXT NOT NULL,
	from_kind TEXT NOT NULL,
	from_id   TEXT NOT NULL,
	type      TEXT NOT NULL,
	to_kind   TEXT NOT NULL,
	to_id     TEXT NOT NULL,
	exclude   INTEGER NOT NULL,
	to_name   TEXT NOT NULL,
	PRIMARY KEY (tenant, from_kind, from_id, type, to_kind, to_id, exclude)
) STRICT, WITHOUT ROWID;

CREATE INDEX inventory_links_to ON inventory_links (tenant, to_kind, to_id, from_kind, from_id, type, exclude);

CREATE TABLE inventory_contents (
	tenant    TEXT NOT NULL,
	hash      TEXT NOT NULL,
	loose     INTEGER NOT NULL, -- an item has left it, and no finish has looked yet whether others have it
	unused_at INTEGER,          -- when a finish found no item that has it
	packed    BLOB NOT NULL,
	PRIMARY KEY (tenant, hash)
) STRICT;

CREATE INDEX inventory_contents_loose ON inventory_contents (tenant, hash) WHERE loose;
CREATE INDEX inventory_contents_unused ON inventory_contents (tenant, unused_at) WHERE unused_at IS NOT NULL;

CREATE TABLE inventory_kinds (
	tenant     TEXT NOT NULL,
	kind       TEXT NOT NULL,
	covered_at INTEGER NOT NULL,
	full_at    INTEGER,
	epoch      INTEGER NOT NULL, -- counts the covers that saw items
	seen_at    INTEGER,          -- the latest of them
	seen_run   TEXT NOT NULL,
	PRIMARY KEY (tenant, kind)
) STRICT, WITHOUT ROWID;

-- What decides which items of a kind are missing. The selection '' is any.
CREATE TABLE inventory_scopes (
	tenant     TEXT NOT NULL,
	kind       TEXT NOT NULL,
	selection  TEXT NOT NULL,
	last_at    INTEGER NOT NULL,
	before_at  INTEGER,
	consistent INTEGER NOT NULL, -- the last one
	PRIMARY KEY (tenant, kind, selection)
) STRICT, WITHOUT ROWID;

CREATE TABLE inventory_reports (
	tenant      TEXT NOT NULL,
	run         TEXT NOT NULL,
	selection   TEXT NOT NULL,
	latest_at   INTEGER,
	finished_at INTEGER,
	PRIMARY KEY (tenant, run)
) STRICT, WITHOUT ROWID;

CREATE TABLE inventory_coverage (
	tenant     TEXT NOT NULL,
	run        TEXT NOT NULL,
	kind       TEXT NOT NULL,
	at         INTEGER NOT NULL,
	succeeded  INTEGER NOT NULL,
	consistent INTEGER NOT NULL,
	body       TEXT NOT NULL,
	PRIMARY KEY (tenant, run, kind)
) STRICT;
