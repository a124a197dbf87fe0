-- Workers whose lock has been free for a while: each is removed, and given to the one caller who removed it. A worker that
-- is only frozen, or slow, still has its connection and its lock.
-- Parameters: $1 class of the locks, $2 ms that a lock must have been free for
-- Result: their names
-- Locks: the rows of workers without a lock
-- Cost: a row a worker, and a pass over the server's locks; 0.3 ms
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
)
DELETE FROM app.workers w
USING looked k
WHERE w.number = k.number AND NOT k.alive AND k.missing_since <= now() - $2::float8 * interval '1 millisecond'
RETURNING w.worker
