CREATE TABLE directory_groups (
	tenant    TEXT NOT NULL,
	id        TEXT NOT NULL,
	name      TEXT NOT NULL,
	fold      TEXT NOT NULL, -- the folded name
	type      TEXT NOT NULL,
	dynamic   INTEGER NOT NULL,
	synced    INTEGER NOT NULL,
	seen_at   INTEGER NOT NULL,
	missed_at INTEGER, -- the round since which it is missing; NULL if it is there
	PRIMARY KEY (tenant, id)
) STRICT;

CREATE INDEX directory_groups_list ON directory_groups (tenant, fold, id);
CREATE INDEX directory_groups_there ON directory_groups (tenant, seen_at) WHERE missed_at IS NULL;
CREATE INDEX directory_groups_missed ON directory_groups (tenant, seen_at) WHERE missed_at IS NOT NULL;

CREATE TABLE directory_states (
	tenant    TEXT NOT NULL PRIMARY KEY,
	synced_at INTEGER,
	full_at   INTEGER,
	link      TEXT NOT NULL,
	run       TEXT NOT NULL, -- of the round that was begun last
	whole     INTEGER NOT NULL,
	began_at  INTEGER NOT NULL,
	next      TEXT NOT NULL,
	there     INTEGER NOT NULL,
	removed   INTEGER NOT NULL
) STRICT;
