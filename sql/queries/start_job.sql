-- The job's stage is made: the job is processing.
-- Parameters: $1 job's internal key
-- Result: none
-- Locks: the job's row
-- Cost: one row; 0.1 ms
UPDATE app.jobs
SET status = 'processing', started_at = coalesce(started_at, now()), updated_at = now()
WHERE id = $1 AND status IN ('queued', 'processing')
