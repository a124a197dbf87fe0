-- Cancels the tasks of a stage that nobody works on; running ones learn of the end with their next heartbeat.
-- Parameters: $1 job's internal key, $2 run, $3 stage
-- Result: none
-- Locks: these tasks' rows, in key order
-- Cost: 0.8 s for 100,000
WITH waiting AS MATERIALIZED (
  -- The whole key, for the reason given in claim_tasks.
  SELECT t.job, t.run, t.stage, t.task FROM app.tasks t
  WHERE t.job = $1 AND t.run = $2::int AND t.stage = $3::int
    AND t.finished_at IS NULL AND t.status IN ('queued', 'retrying')
  ORDER BY t.task
  FOR NO KEY UPDATE
)
UPDATE app.tasks t
SET status = 'cancelled', finished_at = now()
FROM waiting w
WHERE t.job = w.job AND t.run = w.run AND t.stage = w.stage AND t.task = w.task
  AND t.status IN ('queued', 'retrying')
