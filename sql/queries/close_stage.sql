-- Closes the stage that was current when its job ended. Its counts are kept unless a worker still holds a task.
-- Parameters: $1 job's internal key, $2 run, $3 stage
-- Result: none
-- Locks: the stage's row
-- Cost: counts the stage's tasks once, as advance_jobs does
UPDATE app.stages s
SET completed_at = now(), updated_at = now(),
  completed_count = CASE WHEN c.running = 0 THEN c.completed END,
  failed_count = CASE WHEN c.running = 0 THEN c.failed END,
  cancelled_count = CASE WHEN c.running = 0 THEN c.cancelled END
FROM (
  SELECT
    count(*) FILTER (WHERE t.finished_at IS NULL) AS running,
    count(*) FILTER (WHERE t.status = 'completed') AS completed,
    count(*) FILTER (WHERE t.status = 'failed') AS failed,
    count(*) FILTER (WHERE t.status = 'cancelled') AS cancelled
  FROM app.tasks t
  WHERE t.job = $1 AND t.run = $2::int AND t.stage = $3::int
) c
WHERE s.job = $1 AND s.run = $2::int AND s.stage = $3::int AND s.completed_at IS NULL
