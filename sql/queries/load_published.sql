-- Notes that a load's rows are visible from this transaction's end on.
-- Parameters: $1 job id, $2 run, $3 rows
-- Result: none
-- Locks: the load's row
-- Cost: one row; 0.1 ms
UPDATE app.loads SET published_at = now(), rows_published = $3 WHERE job_id = $1 AND run = $2
