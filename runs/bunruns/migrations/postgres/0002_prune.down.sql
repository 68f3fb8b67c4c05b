DROP INDEX operation_runs_over;
