-- Claims a chunk for this transaction. A second one that tries waits for the first: if that commits, the chunk is loaded.
-- Parameters: $1 job id, $2 run, $3 chunk
-- Result: one row when the chunk is to be loaded now; none when it is loaded
-- Locks: the chunk's row
-- Cost: one row; 0.1 ms
INSERT INTO app.load_chunks (job_id, run, chunk, row_count) VALUES ($1, $2, $3, 0)
ON CONFLICT DO NOTHING
RETURNING chunk
