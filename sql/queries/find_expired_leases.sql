-- Running tasks whose worker stopped renewing.
-- Parameters: $1 rows at most
-- Result: job_id, run, stage, task, attempt, correlation_id, orphaned (their job is not in this run and stage any more);
--   the one that ran out first comes first
-- Locks: none
-- Cost: reads all open tasks, because an index on lease_until would make every claim and heartbeat write to it:
--   18 ms for 100,000
SELECT j.job_id, t.run, t.stage, t.task, t.attempt, j.correlation_id,
  NOT (j.status = 'processing' AND j.run = t.run AND j.stage = t.stage) AS orphaned
FROM app.tasks t
JOIN app.jobs j ON j.id = t.job
WHERE t.finished_at IS NULL AND t.status = 'processing' AND t.lease_until <= now()
ORDER BY t.lease_until, t.job, t.run, t.stage, t.task
LIMIT $1
