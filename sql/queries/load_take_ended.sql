-- Removes a job's loads up to a run.
-- Parameters: $1 job id, $2 run
-- Result: the tables of those that were removed
-- Locks: the loads' rows and their chunks'
-- Cost: one row a chunk; 10 us each
DELETE FROM app.loads WHERE job_id = $1 AND run <= $2 RETURNING load_table
