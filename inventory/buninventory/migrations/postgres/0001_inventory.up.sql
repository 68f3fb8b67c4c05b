CREATE TABLE inventory_items (
	tenant           text COLLATE "C" NOT NULL,
	kind             text COLLATE "C" NOT NULL,
	id               text COLLATE "C" NOT NULL,
	name             text NOT NULL,
	fold             text COLLATE "C" NOT NULL, -- the folded name, or as much of it as an index takes
	fold_rest        text COLLATE "C",          -- the rest of it
	fold_id          text COLLATE "C",          -- the folded id, if it is another
	platform         text NOT NULL,
	category         text NOT NULL,
	scope_tags       text,
	assigned         text,
	meta             text,
	hash             text COLLATE "C" NOT NULL,
	assignments_hash text COLLATE "C" NOT NULL,
	stamp            text NOT NULL,
	linked           boolean NOT NULL,
	hidden           boolean NOT NULL,
	modified_at      timestamptz,
	first_seen_at    timestamptz NOT NULL,
	seen_at          timestamptz NOT NULL,
	seen_run         text NOT NULL,
	-- The item was also seen by the cover of its kind, if that has this epoch
	-- or a later one. NULL if a cover has missed it since.
	since            bigint
)
WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

CREATE INDEX inventory_items_list ON inventory_items (tenant, kind, fold, id);
CREATE INDEX inventory_items_missed ON inventory_items (tenant, kind, fold, id) WHERE since IS NULL;
CREATE INDEX inventory_items_hash ON inventory_items (tenant, hash);
CREATE INDEX inventory_items_assignments ON inventory_items (tenant, assignments_hash) WHERE assignments_hash <> '';

-- It comes last, because of indexes that promise the same, as all do in a table
-- without statistics, PostgreSQL takes the newest.
ALTER TABLE inventory_items ADD PRIMARY KEY (tenant, kind, id);

CREATE TABLE inventory_links (
	tenant    text COLLATE "C" NOT NULL,
	from_kind text COLLATE "C" NOT NULL,
	from_id   text COLLATE "C" NOT NULL,
	type      text COLLATE "C" NOT NULL,
	to_kind   text COLLATE "C" NOT NULL,
	to_id     text COLLATE "C" NOT NULL,
	exclude   boolean NOT NULL,
	to_name   text NOT NULL,
	PRIMARY KEY (tenant, from_kind, from_id, type, to_kind, to_id, exclude)
)
WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

CREATE INDEX inventory_links_to ON inventory_links (tenant, to_kind, to_id, from_kind, from_id, type, exclude);

CREATE TABLE inventory_contents (
	tenant    text COLLATE "C" NOT NULL,
	hash      text COLLATE "C" NOT NULL,
	loose     boolean NOT NULL, -- an item has left it, and no finish has looked yet whether others have it
	unused_at timestamptz,      -- when a finish found no item that has it
	packed    bytea NOT NULL,
	PRIMARY KEY (tenant, hash)
);

-- It is compressed already.
ALTER TABLE inventory_contents ALTER COLUMN packed SET STORAGE EXTERNAL;

CREATE INDEX inventory_contents_loose ON inventory_contents (tenant, hash) WHERE loose;
CREATE INDEX inventory_contents_unused ON inventory_contents (tenant, unused_at) WHERE unused_at IS NOT NULL;

CREATE TABLE inventory_kinds (
	tenant     text COLLATE "C" NOT NULL,
	kind       text COLLATE "C" NOT NULL,
	covered_at timestamptz NOT NULL,
	full_at    timestamptz,
	epoch      bigint NOT NULL, -- counts the covers that saw items
	seen_at    timestamptz,     -- the latest of them
	seen_run   text NOT NULL,
	PRIMARY KEY (tenant, kind)
);

-- What decides which items of a kind are missing. The selection '' is any.
CREATE TABLE inventory_scopes (
	tenant     text COLLATE "C" NOT NULL,
	kind       text COLLATE "C" NOT NULL,
	selection  text COLLATE "C" NOT NULL,
	last_at    timestamptz NOT NULL,
	before_at  timestamptz,
	consistent boolean NOT NULL, -- the last one
	PRIMARY KEY (tenant, kind, selection)
);

CREATE TABLE inventory_reports (
	tenant      text COLLATE "C" NOT NULL,
	run         text COLLATE "C" NOT NULL,
	selection   text COLLATE "C" NOT NULL,
	latest_at   timestamptz,
	finished_at timestamptz,
	PRIMARY KEY (tenant, run)
);

CREATE TABLE inventory_coverage (
	tenant     text COLLATE "C" NOT NULL,
	run        text COLLATE "C" NOT NULL,
	kind       text COLLATE "C" NOT NULL,
	at         timestamptz NOT NULL,
	succeeded  boolean NOT NULL,
	consistent boolean NOT NULL,
	body       text NOT NULL,
	PRIMARY KEY (tenant, run, kind)
);
