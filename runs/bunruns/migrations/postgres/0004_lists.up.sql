-- A list is one of a tenant's runs. PostgreSQL takes the primary key for the
-- cheaper way to the newest of them where the tenant has a few in a hundred of
-- all runs, and then reads what the others have in between. The order of POSIX
-- is that of C, but of these indexes alone: the primary key does not have it.
--
-- The old ones are dropped last, so that reading goes on meanwhile.
CREATE INDEX operation_runs_list_new ON operation_runs (tenant, id COLLATE "POSIX");
CREATE INDEX operation_runs_type_new ON operation_runs (tenant, type, id COLLATE "POSIX");
CREATE INDEX operation_runs_active_new ON operation_runs (tenant, status, id COLLATE "POSIX") WHERE status <> 'completed';
CREATE INDEX operation_runs_outcome_new ON operation_runs (tenant, outcome, id COLLATE "POSIX") WHERE status = 'completed';

DROP INDEX operation_runs_list, operation_runs_type, operation_runs_active, operation_runs_outcome;

ALTER INDEX operation_runs_list_new RENAME TO operation_runs_list;
ALTER INDEX operation_runs_type_new RENAME TO operation_runs_type;
ALTER INDEX operation_runs_active_new RENAME TO operation_runs_active;
ALTER INDEX operation_runs_outcome_new RENAME TO operation_runs_outcome;
