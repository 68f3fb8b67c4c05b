-- Instants are microseconds since 1970.

CREATE TABLE backup_sets (
	tenant     TEXT NOT NULL,
	id         TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	details    TEXT NOT NULL, -- name, description, who made it, origin
	items      INTEGER NOT NULL,
	sealed_at  INTEGER,
	manifest   TEXT NOT NULL, -- its digest
	seq        INTEGER NOT NULL,
	complete   INTEGER NOT NULL,
	PRIMARY KEY (tenant, id)
) STRICT;

CREATE INDEX backup_sets_list ON backup_sets (tenant, created_at, id);

CREATE TABLE backup_uses (
	tenant TEXT NOT NULL,
	set_id TEXT NOT NULL,
	holder TEXT NOT NULL,
	until  INTEGER NOT NULL,
	PRIMARY KEY (tenant, set_id, holder)
) STRICT, WITHOUT ROWID;

CREATE TABLE backup_versions (
	tenant           TEXT NOT NULL,
	id               TEXT NOT NULL,
	kind             TEXT NOT NULL,
	object           TEXT NOT NULL,
	hash             TEXT NOT NULL,
	assignments_hash TEXT NOT NULL,
	details          TEXT NOT NULL, -- the rest of what is listed
	sealed           BLOB NOT NULL,
	PRIMARY KEY (tenant, id),
	UNIQUE (tenant, kind, object, hash, assignments_hash)
) STRICT;

CREATE TABLE backup_items (
	tenant      TEXT NOT NULL,
	set_id      TEXT NOT NULL,
	kind        TEXT NOT NULL,
	object      TEXT NOT NULL,
	version     TEXT NOT NULL,
	fold        TEXT NOT NULL, -- the folded name, or as much of it as an index takes
	fold_rest   TEXT,          -- the rest of it
	captured_at INTEGER NOT NULL, -- as the version says
	staged      INTEGER NOT NULL, -- not in a manifest yet
	PRIMARY KEY (tenant, set_id, kind, object)
) STRICT, WITHOUT ROWID;

CREATE INDEX backup_items_version ON backup_items (tenant, version);
CREATE INDEX backup_items_object ON backup_items (tenant, kind, object, captured_at, set_id) WHERE NOT staged;
CREATE INDEX backup_items_all ON backup_items (tenant, set_id, kind, fold, object);
CREATE INDEX backup_items_list ON backup_items (tenant, set_id, kind, fold, object) WHERE NOT staged;

CREATE TABLE backup_sealings (
	tenant      TEXT NOT NULL,
	set_id      TEXT NOT NULL,
	manifest    BLOB NOT NULL,
	certificate BLOB NOT NULL,
	complete    INTEGER NOT NULL,
	PRIMARY KEY (tenant, set_id)
) STRICT;

CREATE TABLE backup_links (
	tenant  TEXT NOT NULL,
	seq     INTEGER NOT NULL,
	details TEXT NOT NULL,
	PRIMARY KEY (tenant, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE backup_keys (
	tenant  TEXT NOT NULL PRIMARY KEY,
	wrapped BLOB NOT NULL
) STRICT;

CREATE TABLE restore_documents (
	tenant     TEXT NOT NULL,
	id         TEXT NOT NULL,
	set_id     TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	founded    TEXT NOT NULL, -- what stays: who made it, and which one it takes up again
	revision   INTEGER NOT NULL,
	fence      INTEGER NOT NULL,
	details    TEXT NOT NULL, -- the rest, without the mapping
	mapping    TEXT NOT NULL,
	PRIMARY KEY (tenant, id)
) STRICT;

CREATE INDEX restore_documents_list ON restore_documents (tenant, created_at, id);
CREATE INDEX restore_documents_set ON restore_documents (tenant, set_id, created_at, id);

CREATE TABLE restore_items (
	tenant   TEXT NOT NULL,
	restore  TEXT NOT NULL,
	kind     TEXT NOT NULL,
	id       TEXT NOT NULL,
	fold     TEXT NOT NULL, -- as much of the folded name as an index takes
	decision TEXT NOT NULL,
	result   TEXT NOT NULL,
	progress INTEGER NOT NULL,
	request  BLOB,
	details  TEXT NOT NULL,
	PRIMARY KEY (tenant, restore, kind, id)
) STRICT;

CREATE INDEX restore_items_list ON restore_items (tenant, restore, kind, fold, id);

CREATE TABLE restore_answers (
	tenant  TEXT NOT NULL,
	origin  TEXT NOT NULL,
	kind    TEXT NOT NULL,
	id      TEXT NOT NULL,
	details TEXT NOT NULL,
	PRIMARY KEY (tenant, origin, kind, id)
) STRICT, WITHOUT ROWID;
