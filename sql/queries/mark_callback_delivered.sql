-- The completion callback of this run has been taken.
-- Parameters: $1 job id, $2 run
-- Result: none
-- Locks: the job's row
-- Cost: one probe of jobs' unique index, one row and an event; 0.2 ms
WITH delivered AS (
  UPDATE app.jobs SET callback_due = false, callback_delivered_at = now()
  WHERE job_id = $1 AND run = $2::bigint AND callback_due
  RETURNING id, run
)
INSERT INTO app.job_events (job, run, event) SELECT id, run, 'callback_delivered' FROM delivered
