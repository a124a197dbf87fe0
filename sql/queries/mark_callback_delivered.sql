-- The completion callback of this run has been taken.
-- Parameters: $1 job id, $2 run
-- Result: none
-- Locks: the job's row, or that of its due callback
-- Cost: two probes of jobs' unique index and one of due_callbacks' key, one row and an event; 0.2 ms
WITH delivered AS (
  UPDATE app.jobs SET callback_due = false, callback_delivered_at = now()
  WHERE job_id = $1 AND run = $2::bigint AND callback_due
  RETURNING id, run
),
late AS (
  DELETE FROM app.due_callbacks d
  USING app.jobs j
  WHERE j.job_id = $1 AND d.job = j.id AND d.run = $2::bigint
  RETURNING d.job, d.run
)
INSERT INTO app.job_events (job, run, event)
SELECT id, run, 'callback_delivered' FROM delivered
UNION ALL
SELECT job, run, 'callback_delivered' FROM late
