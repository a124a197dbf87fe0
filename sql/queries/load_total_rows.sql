-- How many rows a load has.
-- Parameters: $1 job id, $2 run
-- Result: one row
-- Locks: none
-- Cost: the load's chunks; 1 us each
SELECT coalesce(sum(row_count), 0)::float8 AS rows FROM app.load_chunks WHERE job_id = $1 AND run = $2
