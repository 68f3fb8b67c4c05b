-- Who has claimed a run, so that whoever is started again under the same name
-- finds what was left behind; and how often it was offered in vain.
ALTER TABLE operation_runs
	ADD COLUMN rings       bigint NOT NULL DEFAULT 0,
	ADD COLUMN instance    text COLLATE "C" NOT NULL DEFAULT '',
	ADD COLUMN incarnation text NOT NULL DEFAULT '';

CREATE INDEX operation_runs_instance ON operation_runs (instance, id) WHERE status = 'running' AND instance <> '';
