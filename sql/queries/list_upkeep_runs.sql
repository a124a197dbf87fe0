-- The history of upkeep, newest first.
-- Parameters: $1 run or null, $2 only runs that fixed something, $3 id of the last row of the page before or null, $4 rows
-- Result: id, run, worker, started_at, duration_ms, scanned, fixed, actions, error
-- Locks: none
-- Cost: reads the primary key backwards until the page is full
SELECT id, run, worker, started_at, duration_ms, scanned, fixed, actions, error
FROM app.upkeep_runs
WHERE ($1::text IS NULL OR run = $1)
  AND (NOT $2::boolean OR fixed > 0)
  AND ($3::bigint IS NULL OR id < $3)
ORDER BY id DESC
LIMIT $4
