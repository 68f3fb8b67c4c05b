CREATE TABLE directory_groups (
	tenant    text COLLATE "C" NOT NULL,
	id        text COLLATE "C" NOT NULL,
	name      text NOT NULL,
	fold      text COLLATE "C" NOT NULL, -- the folded name
	type      text NOT NULL,
	dynamic   boolean NOT NULL,
	synced    boolean NOT NULL,
	seen_at   timestamptz NOT NULL,
	missed_at timestamptz -- the round since which it is missing; NULL if it is there
)
WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

CREATE INDEX directory_groups_there ON directory_groups (tenant, seen_at) WHERE missed_at IS NULL;
CREATE INDEX directory_groups_missed ON directory_groups (tenant, seen_at) WHERE missed_at IS NOT NULL;
CREATE INDEX directory_groups_list ON directory_groups (tenant, fold, id);

-- It comes last, because of indexes that promise the same, as all do in a table
-- without statistics, PostgreSQL takes the newest.
ALTER TABLE directory_groups ADD PRIMARY KEY (tenant, id);

CREATE TABLE directory_states (
	tenant    text COLLATE "C" NOT NULL PRIMARY KEY,
	synced_at timestamptz,
	full_at   timestamptz,
	link      text NOT NULL,
	run       text NOT NULL, -- of the round that was begun last
	whole     boolean NOT NULL,
	began_at  timestamptz NOT NULL,
	next      text NOT NULL,
	there     bigint NOT NULL,
	removed   bigint NOT NULL
);
