-- Ends a job that is active in this run and stage.
-- Parameters: $1 job id, $2 run, $3 stage, $4 status, $5 result or null, $6 error or null, $7 a callback is due
-- Result: the job's internal key; none when it is not active in this run and stage
-- Locks: the job's row until the transaction ends
-- Cost: one probe of jobs' unique index, one row and an event; 0.3 ms
WITH ended AS (
  UPDATE app.jobs
  SET status = $4, result = $5, error = $6, callback_due = $7, completed_at = now(), updated_at = now()
  WHERE job_id = $1 AND run = $2::bigint AND stage = $3::bigint AND status IN ('queued', 'processing')
  RETURNING id, run, stage, status, error
),
noted AS (
  INSERT INTO app.job_events (job, run, stage, event, detail)
  SELECT id, run, stage, 'job_' || status, error FROM ended
)
SELECT id FROM ended
