CREATE TABLE operation_runs (
	id              text COLLATE "C" NOT NULL PRIMARY KEY,
	tenant          text COLLATE "C" NOT NULL,
	type            text COLLATE "C" NOT NULL,
	key             text COLLATE "C" NOT NULL,
	once            text COLLATE "C" NOT NULL,
	lane            text COLLATE "C" NOT NULL,
	inline          boolean NOT NULL,
	initiator_kind  text NOT NULL,
	initiator_id    text NOT NULL,
	initiator_name  text NOT NULL,
	retry_of        text NOT NULL,
	created_at      timestamptz NOT NULL,
	revision        bigint NOT NULL,
	status          text NOT NULL,
	outcome         text NOT NULL,
	target_kind     text NOT NULL,
	target_id       text NOT NULL,
	target_name     text NOT NULL,
	total           bigint NOT NULL,
	succeeded       bigint NOT NULL,
	failed          bigint NOT NULL,
	skipped         bigint NOT NULL,
	extra           text,
	reason          text NOT NULL,
	message         text NOT NULL,
	waiting_reason  text NOT NULL,
	waiting_message text NOT NULL,
	attempt         bigint NOT NULL,
	lost            bigint NOT NULL,
	announced       boolean NOT NULL,
	cancel_at       timestamptz,
	cancel_kind     text NOT NULL,
	cancel_id       text NOT NULL,
	cancel_name     text NOT NULL,
	cancel_why      text NOT NULL,
	started_at      timestamptz,
	completed_at    timestamptz,
	updated_at      timestamptz,
	lease_until     timestamptz,
	not_before      timestamptz,
	next_ring       timestamptz,
	params          text,
	context         text,
	failures        text
)
-- Room on each page for the next version of a row: a heartbeat then touches no
-- index.
WITH (fillfactor = 80,
-- The indexes of what waits and runs are small, and full of what no longer
-- does unless it is removed soon.
	autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

-- Identity.
CREATE UNIQUE INDEX operation_runs_key ON operation_runs (tenant, key) WHERE key <> '' AND status <> 'completed';
CREATE UNIQUE INDEX operation_runs_once ON operation_runs (tenant, type, once) WHERE once <> '';
CREATE UNIQUE INDEX operation_runs_lane ON operation_runs (tenant, lane) WHERE lane <> '' AND status = 'running';

-- Lists and counts.
CREATE INDEX operation_runs_list ON operation_runs (tenant, id);
CREATE INDEX operation_runs_type ON operation_runs (tenant, type, id);
CREATE INDEX operation_runs_active ON operation_runs (tenant, status, id) WHERE status <> 'completed';
CREATE INDEX operation_runs_outcome ON operation_runs (tenant, outcome, id) WHERE status = 'completed';

-- What is due. Leases are in no index, so that heartbeats touch none.
CREATE INDEX operation_runs_ready ON operation_runs (type, id) WHERE status = 'queued' AND not_before IS NULL;
CREATE INDEX operation_runs_parked ON operation_runs (type, not_before, id) WHERE status = 'queued' AND not_before IS NOT NULL;
CREATE INDEX operation_runs_ring ON operation_runs (type, greatest(not_before, next_ring), id) WHERE status = 'queued';
CREATE INDEX operation_runs_running ON operation_runs (type, id) WHERE status = 'running';
CREATE INDEX operation_runs_unannounced ON operation_runs (type, next_ring, id) WHERE status = 'completed' AND NOT announced;

CREATE TABLE operation_run_items (
	tenant  text NOT NULL,
	run_id  text COLLATE "C" NOT NULL,
	key     text COLLATE "C" NOT NULL,
	outcome text NOT NULL,
	reason  text NOT NULL,
	message text NOT NULL,
	attempt bigint NOT NULL,
	at      timestamptz,
	PRIMARY KEY (run_id, key)
);

-- Most items succeed; the others are what people look for.
CREATE INDEX operation_run_items_outcome ON operation_run_items (run_id, outcome, key) WHERE outcome <> 'succeeded';
