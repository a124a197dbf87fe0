-- Removes jobs that ended long ago, with their stages, tasks and events.
-- Parameters: $1 days since the end, $2 jobs at most
-- Result: their job ids
-- Locks: these jobs' rows and all that belongs to them
-- Cost: reads jobs_ended; 10 us for each task
DELETE FROM app.jobs
WHERE id IN (
  SELECT id FROM app.jobs
  WHERE completed_at <= now() - $1::float8 * interval '1 day' AND NOT callback_due
  ORDER BY completed_at
  LIMIT $2
  FOR UPDATE SKIP LOCKED
)
  AND completed_at IS NOT NULL
RETURNING job_id
