-- Who has claimed a run, so that whoever is started again under the same name
-- finds what was left behind; and how often it was offered in vain.
ALTER TABLE operation_runs ADD COLUMN rings INTEGER NOT NULL DEFAULT 0;
ALTER TABLE operation_runs ADD COLUMN instance TEXT NOT NULL DEFAULT '';
ALTER TABLE operation_runs ADD COLUMN incarnation TEXT NOT NULL DEFAULT '';

CREATE INDEX operation_runs_instance ON operation_runs (instance, id) WHERE status = 'running' AND instance <> '';
