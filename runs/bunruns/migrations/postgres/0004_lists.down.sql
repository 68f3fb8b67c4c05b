DROP INDEX operation_runs_list, operation_runs_type, operation_runs_active, operation_runs_outcome;

CREATE INDEX operation_runs_list ON operation_runs (tenant, id);
CREATE INDEX operation_runs_type ON operation_runs (tenant, type, id);
CREATE INDEX operation_runs_active ON operation_runs (tenant, status, id) WHERE status <> 'completed';
CREATE INDEX operation_runs_outcome ON operation_runs (tenant, outcome, id) WHERE status = 'completed';
