-- Forgets the chunks of a load that begins anew.
-- Parameters: $1 job id, $2 run
-- Result: none
-- Locks: the chunks' rows
-- Cost: one row a chunk; 10 us each
DELETE FROM app.load_chunks WHERE job_id = $1 AND run = $2
