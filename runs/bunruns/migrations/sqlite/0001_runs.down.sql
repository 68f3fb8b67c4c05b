DROP TABLE operation_run_items;
DROP TABLE operation_runs;
