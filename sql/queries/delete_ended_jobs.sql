-- Removes jobs that ended long ago and have no task left, with their stages and what is left of their events.
-- Parameters: $1 days since the end, $2 jobs at most
-- Result: their job ids
-- Locks: these jobs' rows and all that belongs to them
-- Cost: reads jobs_ended and probes the key of tasks for each
DELETE FROM app.jobs
WHERE id IN (
  SELECT id FROM app.jobs
  WHERE completed_at <= now() - $1::float8 * interval '1 day' AND NOT callback_due
    AND NOT EXISTS (SELECT FROM app.due_callbacks d WHERE d.job = jobs.id)
  ORDER BY completed_at
  LIMIT $2
  FOR UPDATE SKIP LOCKED
)
  AND completed_at IS NOT NULL
  AND NOT EXISTS (SELECT FROM app.tasks WHERE tasks.job = jobs.id)
RETURNING job_id
