CREATE TABLE operation_runs (
	id              TEXT NOT NULL PRIMARY KEY,
	tenant          TEXT NOT NULL,
	type            TEXT NOT NULL,
	key             TEXT NOT NULL,
	once            TEXT NOT NULL,
	lane            TEXT NOT NULL,
	inline          INTEGER NOT NULL,
	initiator_kind  TEXT NOT NULL,
	initiator_id    TEXT NOT NULL,
	initiator_name  TEXT NOT NULL,
	retry_of        TEXT NOT NULL,
	created_at      INTEGER NOT NULL,
	revision        INTEGER NOT NULL,
	status          TEXT NOT NULL,
	outcome         TEXT NOT NULL,
	target_kind     TEXT NOT NULL,
	target_id       TEXT NOT NULL,
	target_name     TEXT NOT NULL,
	total           INTEGER NOT NULL,
	succeeded       INTEGER NOT NULL,
	failed          INTEGER NOT NULL,
	skipped         INTEGER NOT NULL,
	extra           TEXT,
	reason          TEXT NOT NULL,
	message         TEXT NOT NULL,
	waiting_reason  TEXT NOT NULL,
	waiting_message TEXT NOT NULL,
	attempt         INTEGER NOT NULL,
	lost            INTEGER NOT NULL,
	announced       INTEGER NOT NULL,
	cancel_at       INTEGER,
	cancel_kind     TEXT NOT NULL,
	cancel_id       TEXT NOT NULL,
	cancel_name     TEXT NOT NULL,
	cancel_why      TEXT NOT NULL,
	started_at      INTEGER,
	completed_at    INTEGER,
	updated_at      INTEGER,
	lease_until     INTEGER,
	not_before      INTEGER,
	next_ring       INTEGER,
	params          TEXT,
	context         TEXT,
	failures        TEXT
) STRICT;

-- Identity.
CREATE UNIQUE INDEX operation_runs_key ON operation_runs (tenant, key) WHERE key <> '' AND status <> 'completed';
CREATE UNIQUE INDEX operation_runs_once ON operation_runs (tenant, type, once) WHERE once <> '';
CREATE UNIQUE INDEX operation_runs_lane ON operation_runs (tenant, lane) WHERE lane <> '' AND status = 'running';

-- Lists and counts.
CREATE INDEX operation_runs_list ON operation_runs (tenant, id);
CREATE INDEX operation_runs_type ON operation_runs (tenant, type, id);
CREATE INDEX operation_runs_active ON operation_runs (tenant, status, id) WHERE status <> 'completed';
CREATE INDEX operation_runs_outcome ON operation_runs (tenant, outcome, id) WHERE status = 'completed';

-- What is due. Leases are in no index, so that heartbeats touch none. Instants
-- are microseconds since 1970.
CREATE INDEX operation_runs_ready ON operation_runs (type, id) WHERE status = 'queued' AND not_before IS NULL;
CREATE INDEX operation_runs_parked ON operation_runs (type, not_before, id) WHERE status = 'queued' AND not_before IS NOT NULL;
CREATE INDEX operation_runs_ring ON operation_runs (type, coalesce(max(not_before, next_ring), not_before, next_ring), id) WHERE status = 'queued';
CREATE INDEX operation_runs_running ON operation_runs (type, id) WHERE status = 'running';
CREATE INDEX operation_runs_unannounced ON operation_runs (type, next_ring, id) WHERE status = 'completed' AND NOT announced;

CREATE TABLE operation_run_items (
	tenant  TEXT NOT NULL,
	run_id  TEXT NOT NULL,
	key     TEXT NOT NULL,
	outcome TEXT NOT NULL,
	reason  TEXT NOT NULL,
	message TEXT NOT NULL,
	attempt INTEGER NOT NULL,
	at      INTEGER,
	PRIMARY KEY (run_id, key)
) STRICT;

-- Most items succeed; the others are what people look for.
CREATE INDEX operation_run_items_outcome ON operation_run_items (run_id, outcome, key) WHERE outcome <> 'succeeded';
