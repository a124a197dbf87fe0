-- Running tasks whose attempt takes longer than their handler allows.
-- Parameters: arrays of one element a handler: $1 names, $2 limits in ms; $3 rows at most
-- Result: job_id, job_type, run, stage, stage_name, handler, task, task_key, attempt, worker, claimed_at, correlation_id;
--   the oldest attempt comes first
-- Locks: none
-- Cost: reads all open tasks, as take_expired_leases does
SELECT j.job_id, j.job_type, t.run, t.stage, s.name AS stage_name, s.handler, t.task, t.task_key, t.attempt, t.worker,
  t.claimed_at, j.correlation_id
FROM app.tasks t
JOIN app.stages s ON s.job = t.job AND s.run = t.run AND s.stage = t.stage
JOIN unnest($1::text[], $2::float8[]) AS g (handler, limit_ms) ON g.handler = s.handler
JOIN app.jobs j ON j.id = t.job AND j.run = t.run AND j.stage = t.stage AND j.status = 'processing'
WHERE t.finished_at IS NULL AND t.status = 'processing'
  AND t.claimed_at <= now() - g.limit_ms * interval '1 millisecond'
ORDER BY t.claimed_at, t.job, t.stage, t.task
LIMIT $3
