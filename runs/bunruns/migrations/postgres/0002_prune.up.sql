-- What may be deleted, by when it ended. A run enters when it is announced,
-- which is the last thing that happens to it.
CREATE INDEX operation_runs_over ON operation_runs (completed_at, id) WHERE status = 'completed' AND announced;
