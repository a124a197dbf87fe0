-- A load, for the one who ends it.
-- Parameters: $1 job id, $2 run
-- Result: its row; none when it has been removed
-- Locks: the load's row
-- Cost: one probe; 0.1 ms
SELECT load_table, columns, published_at IS NOT NULL AS published, rows_published::float8 AS rows
FROM app.loads WHERE job_id = $1 AND run = $2 FOR UPDATE
