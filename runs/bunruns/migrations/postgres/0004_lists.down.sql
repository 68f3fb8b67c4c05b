CREATE INDEX operation_runs_list_new ON operation_runs (tenant, id);
CREATE INDEX operation_runs_type_new ON operation_runs (tenant, type, id);
CREATE INDEX operation_runs_active_new ON operation_runs (tenant, status, id) WHERE status <> 'completed';
CREATE INDEX operation_runs_outcome_new ON operation_runs (tenant, outcome, id) WHERE status = 'completed';

DROP INDEX operation_runs_list, operation_runs_type, operation_runs_active, operation_runs_outcome;

ALTER INDEX operation_runs_list_new RENAME TO operation_runs_list;
ALTER INDEX operation_runs_type_new RENAME TO operation_runs_type;
ALTER INDEX operation_runs_active_new RENAME TO operation_runs_active;
ALTER INDEX operation_runs_outcome_new RENAME TO operation_runs_outcome;
