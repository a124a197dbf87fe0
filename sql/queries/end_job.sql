-- Ends a job that is active in this run and stage.
-- Parameters: $1 job id, $2 run, $3 stage, $4 status, $5 result or null, $6 error or null, $7 a callback is due
-- Result: the job's internal key; none when it is not active in this run and stage
-- Locks: the job's row until the transaction ends
-- Cost: one probe of jobs' unique index, one row; 0.2 ms
UPDATE app.jobs
SET status = $4, result = $5, error = $6, callback_due = $7, completed_at = now(), updated_at = now()
WHERE job_id = $1 AND run = $2::bigint AND stage = $3::bigint AND status IN ('queued', 'processing')
RETURNING id
