DROP INDEX operation_runs_sample;
