DROP INDEX operation_runs_instance;
ALTER TABLE operation_runs DROP COLUMN rings;
ALTER TABLE operation_runs DROP COLUMN instance;
ALTER TABLE operation_runs DROP COLUMN incarnation;
