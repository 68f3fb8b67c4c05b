DROP INDEX operation_runs_instance;
ALTER TABLE operation_runs DROP COLUMN rings, DROP COLUMN instance, DROP COLUMN incarnation;
