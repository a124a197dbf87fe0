-- The leases of dead workers end now.
-- Parameters: $1 workers
-- Result: one row for each task
-- Locks: the tasks' rows, in key order
-- Cost: reads all open tasks, as take_expired_leases does
WITH held AS MATERIALIZED (
  SELECT t.job, t.run, t.stage, t.task FROM app.tasks t
  WHERE t.finished_at IS NULL AND t.status = 'processing' AND t.worker = ANY ($1::text[]) AND t.lease_until > now()
  ORDER BY t.job, t.run, t.stage, t.task
  FOR NO KEY UPDATE
)
UPDATE app.tasks t
SET lease_until = now()
FROM held h
WHERE t.job = h.job AND t.run = h.run AND t.stage = h.stage AND t.task = h.task
  AND t.status = 'processing' AND t.worker = ANY ($1::text[])
RETURNING t.task
