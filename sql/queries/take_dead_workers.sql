-- Workers whose lock has been free for a while: each is removed, given to the one caller who removed it, and its leases
-- end now. A worker that is only frozen, or slow, still has its connection and its lock. One statement, because a death
-- is told once: who removed the worker and died, or failed, before its leases ended would have left them to run out.
-- Parameters: $1 class of the locks, $2 ms that a lock must have been free for
-- Result: their names
-- Locks: the rows of workers without a lock; of those removed their tasks' rows, in key order
-- Cost: a row a worker, and a pass over the server's locks; 0.3 ms. When one is removed, all open tasks are read, as
--   take_expired_leases does
WITH looked AS MATERIALIZED (
  SELECT w.number, w.missing_since, l.number IS NOT NULL AS alive
  FROM app.workers w
  LEFT JOIN LATERAL (
    SELECT w.number
    FROM pg_catalog.pg_locks l
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
      AND l.classid::bigint = $1::bigint AND l.objid::bigint = w.number
      AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())
    LIMIT 1
  ) l ON true
  WHERE l.number IS NULL OR w.missing_since IS NOT NULL
  ORDER BY w.number
  FOR UPDATE OF w SKIP LOCKED
),
noticed AS (
  -- It came back after it was missed, or is missed for the first time.
  UPDATE app.workers w
  SET missing_since = CASE WHEN k.alive THEN NULL ELSE now() END
  FROM looked k
  WHERE w.number = k.number AND (k.alive OR k.missing_since IS NULL)
),
gone AS (
  DELETE FROM app.workers w
  USING looked k
  WHERE w.number = k.number AND NOT k.alive AND k.missing_since <= now() - $2::float8 * interval '1 millisecond'
  RETURNING w.worker
),
held AS MATERIALIZED (
  SELECT t.job, t.run, t.stage, t.task FROM app.tasks t
  WHERE t.finished_at IS NULL AND t.status = 'processing' AND t.lease_until > now()
    -- Asked once, before any task is read: nobody died, as a rule.
    AND (SELECT count(*) > 0 FROM gone)
    AND t.worker = ANY (ARRAY(SELECT g.worker FROM gone g))
  ORDER BY t.job, t.run, t.stage, t.task
  FOR NO KEY UPDATE
),
ended AS (
  UPDATE app.tasks t
  SET lease_until = now()
  FROM held h
  WHERE t.job = h.job AND t.run = h.run AND t.stage = h.stage AND t.task = h.task
    AND t.status = 'processing' AND t.worker = ANY (ARRAY(SELECT g.worker FROM gone g))
)
SELECT g.worker FROM gone g
