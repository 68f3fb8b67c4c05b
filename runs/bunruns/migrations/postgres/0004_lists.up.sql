-- A list is one of a tenant's runs. PostgreSQL takes the primary key for the
-- cheaper way to the newest of them where the tenant has a few in a hundred of
-- all runs, and then reads what the others have in between. The order of POSIX
-- is that of C, but of these indexes alone: the primary key does not have it.
DROP INDEX operation_runs_list, operation_runs_type, operation_runs_active, operation_runs_outcome;

CREATE INDEX operation_runs_list ON operation_runs (tenant, id COLLATE "POSIX");
CREATE INDEX operation_runs_type ON operation_runs (tenant, type, id COLLATE "POSIX");
CREATE INDEX operation_runs_active ON operation_runs (tenant, status, id COLLATE "POSIX") WHERE status <> 'completed';
CREATE INDEX operation_runs_outcome ON operation_runs (tenant, outcome, id COLLATE "POSIX") WHERE status = 'completed';
