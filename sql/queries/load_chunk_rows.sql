-- How many rows a loaded chunk has.
-- Parameters: $1 job id, $2 run, $3 chunk
-- Result: one row
-- Locks: none
-- Cost: one probe; 0.1 ms
SELECT row_count::float8 AS rows FROM app.load_chunks WHERE job_id = $1 AND run = $2 AND chunk = $3
