CREATE TABLE backup_sets (
	tenant     text COLLATE "C" NOT NULL,
	id         text COLLATE "C" NOT NULL,
	created_at timestamptz NOT NULL,
	details    text NOT NULL, -- name, description, who made it, origin
	items      bigint NOT NULL,
	sealed_at  timestamptz,
	manifest   text NOT NULL, -- its digest
	seq        bigint NOT NULL,
	complete   boolean NOT NULL,
	PRIMARY KEY (tenant, id)
);

CREATE INDEX backup_sets_list ON backup_sets (tenant, created_at, id);

CREATE TABLE backup_uses (
	tenant text COLLATE "C" NOT NULL,
	set_id text COLLATE "C" NOT NULL,
	holder text COLLATE "C" NOT NULL,
	until  timestamptz NOT NULL,
	PRIMARY KEY (tenant, set_id, holder)
);

CREATE TABLE backup_versions (
	tenant           text COLLATE "C" NOT NULL,
	id               text COLLATE "C" NOT NULL,
	kind             text COLLATE "C" NOT NULL,
	object           text COLLATE "C" NOT NULL,
	hash             text COLLATE "C" NOT NULL,
	assignments_hash text COLLATE "C" NOT NULL,
	details          text NOT NULL, -- the rest of what is listed
	sealed           bytea NOT NULL,
	UNIQUE (tenant, kind, object, hash, assignments_hash)
);

-- It comes last, because of indexes that promise the same, as all do in a table
-- without statistics, PostgreSQL takes the newest.
ALTER TABLE backup_versions ADD PRIMARY KEY (tenant, id);

-- They are compressed already.
ALTER TABLE backup_versions ALTER COLUMN sealed SET STORAGE EXTERNAL;

CREATE TABLE backup_items (
	tenant      text COLLATE "C" NOT NULL,
	set_id      text COLLATE "C" NOT NULL,
	kind        text COLLATE "C" NOT NULL,
	object      text COLLATE "C" NOT NULL,
	version     text COLLATE "C" NOT NULL,
	fold        text COLLATE "C" NOT NULL, -- the folded name, or as much of it as an index takes
	fold_rest   text COLLATE "C",          -- the rest of it
	captured_at timestamptz NOT NULL, -- as the version says
	staged      boolean NOT NULL,     -- not in a manifest yet
	PRIMARY KEY (tenant, set_id, kind, object)
)
WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

CREATE INDEX backup_items_version ON backup_items (tenant, version);
CREATE INDEX backup_items_object ON backup_items (tenant, kind, object, captured_at, set_id) WHERE NOT staged;
CREATE INDEX backup_items_all ON backup_items (tenant, set_id, kind, fold, object);
CREATE INDEX backup_items_list ON backup_items (tenant, set_id, kind, fold, object) WHERE NOT staged;

CREATE TABLE backup_sealings (
	tenant      text COLLATE "C" NOT NULL,
	set_id      text COLLATE "C" NOT NULL,
	manifest    bytea NOT NULL,
	certificate bytea NOT NULL,
	complete    boolean NOT NULL,
	PRIMARY KEY (tenant, set_id)
);

CREATE TABLE backup_links (
	tenant  text COLLATE "C" NOT NULL,
	seq     bigint NOT NULL,
	details text NOT NULL,
	PRIMARY KEY (tenant, seq)
);

CREATE TABLE backup_keys (
	tenant  text COLLATE "C" NOT NULL PRIMARY KEY,
	wrapped bytea NOT NULL
);

CREATE TABLE restore_documents (
	tenant     text COLLATE "C" NOT NULL,
	id         text COLLATE "C" NOT NULL,
	set_id     text COLLATE "C" NOT NULL,
	created_at timestamptz NOT NULL,
	founded    text NOT NULL, -- what stays: who made it, and which one it takes up again
	revision   bigint NOT NULL,
	fence      bigint NOT NULL,
	details    text NOT NULL, -- the rest, without the mapping
	mapping    text NOT NULL,
	PRIMARY KEY (tenant, id)
);

CREATE INDEX restore_documents_list ON restore_documents (tenant, created_at, id);
CREATE INDEX restore_documents_set ON restore_documents (tenant, set_id, created_at, id);

CREATE TABLE restore_items (
	tenant   text COLLATE "C" NOT NULL,
	restore  text COLLATE "C" NOT NULL,
	kind     text COLLATE "C" NOT NULL,
	id       text COLLATE "C" NOT NULL,
	fold     text COLLATE "C" NOT NULL, -- as much of the folded name as an index takes
	decision text COLLATE "C" NOT NULL,
	result   text COLLATE "C" NOT NULL,
	progress bigint NOT NULL,
	request  bytea,
	details  text NOT NULL,
	PRIMARY KEY (tenant, restore, kind, id)
)
-- Each item is written several times while it is restored.
WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

CREATE INDEX restore_items_list ON restore_items (tenant, restore, kind, fold, id);

CREATE TABLE restore_answers (
	tenant  text COLLATE "C" NOT NULL,
	origin  text COLLATE "C" NOT NULL,
	kind    text COLLATE "C" NOT NULL,
	id      text COLLATE "C" NOT NULL,
	details text NOT NULL,
	PRIMARY KEY (tenant, origin, kind, id)
);
