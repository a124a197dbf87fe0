-- Notes how many rows a chunk brought.
-- Parameters: $1 job id, $2 run, $3 chunk, $4 rows
-- Result: none
-- Locks: the chunk's row
-- Cost: one row; 0.1 ms
UPDATE app.load_chunks SET row_count = $4 WHERE job_id = $1 AND run = $2 AND chunk = $3
