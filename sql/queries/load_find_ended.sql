-- Loads whose run is over: their job has ended, is in a later run, or is gone for a day.
-- Parameters: $1 loads at most
-- Result: job id and run
-- Locks: none
-- Cost: reads app.loads, which holds the loads in hand; 0.2 ms
SELECT l.job_id, l.run
FROM app.loads l
LEFT JOIN app.jobs j ON j.job_id = l.job_id
WHERE j.run > l.run
  OR (j.run = l.run AND j.completed_at IS NOT NULL)
  OR (j.job_id IS NULL AND l.created_at < now() - interval '1 day')
ORDER BY l.created_at
LIMIT $1
