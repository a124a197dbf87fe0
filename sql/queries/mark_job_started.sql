-- The job's time begins, if it has not.
-- Parameters: $1 job id, $2 run, $3 stage
-- Result: none
-- Locks: the job's row
-- Cost: one row, when a message came a second time; 0.1 ms
UPDATE app.jobs SET started_at = now()
WHERE job_id = $1 AND run = $2::bigint AND stage = $3::bigint AND status IN ('queued', 'processing')
  AND started_at IS NULL
