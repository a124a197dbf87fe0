-- Running tasks whose worker stopped renewing; they are marked as sent again. One that was sent since its lease ran out
-- is left alone until that message is older than $1.
-- Parameters: $1 ms since the last message, $2 rows at most
-- Result: job_id, job_type, run, stage, stage_name, handler, task, task_key, attempt, worker, claimed_at, correlation_id,
--   orphaned (their job is not in this run and stage any more); the one that ran out first comes first
-- Locks: the rows taken; rows that somebody else holds are passed over, so that two reconcilers share the work
-- Cost: reads all open tasks, because an index on lease_until would make every claim and heartbeat write to it:
--   18 ms for 100,000
WITH expired AS MATERIALIZED (
  SELECT t.job, t.run, t.stage, t.task, t.task_key, t.attempt, t.worker, t.claimed_at, t.lease_until,
    j.job_id, j.job_type, j.correlation_id, s.name AS stage_name, s.handler,
    NOT (j.status = 'processing' AND j.run = t.run AND j.stage = t.stage) AS orphaned
  FROM app.tasks t
  JOIN app.stages s ON s.job = t.job AND s.run = t.run AND s.stage = t.stage
  JOIN app.jobs j ON j.id = t.job
  WHERE t.finished_at IS NULL AND t.status = 'processing' AND t.lease_until <= now()
    AND (
      coalesce(t.sent_at < t.lease_until, true)
      OR t.sent_at <= now() - $1::float8 * interval '1 millisecond'
    )
  ORDER BY t.lease_until, t.job, t.run, t.stage, t.task
  LIMIT $2
  FOR NO KEY UPDATE OF t SKIP LOCKED
),
taken AS (
  UPDATE app.tasks t SET sent_at = now()
  FROM expired e
  WHERE t.job = e.job AND t.run = e.run AND t.stage = e.stage AND t.task = e.task
    AND t.status = 'processing' AND t.attempt = e.attempt
  RETURNING t.job, t.run, t.stage, t.task
)
SELECT e.job_id, e.job_type, e.run, e.stage, e.stage_name, e.handler, e.task, e.task_key, e.attempt, e.worker,
  e.claimed_at, e.correlation_id, e.orphaned
FROM taken
JOIN expired e USING (job, run, stage, task)
ORDER BY e.lease_until, e.job, e.run, e.stage, e.task
