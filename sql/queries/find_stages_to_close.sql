-- Current stages without an open task that were not advanced.
-- Parameters: $1 rows at most
-- Result: job_id, run, stage; oldest first
-- Locks: none
-- Cost: reads stages_open, with one probe of jobs and one of tasks_open each
SELECT j.job_id, s.run, s.stage
FROM app.stages s
JOIN app.jobs j ON j.id = s.job AND j.run = s.run AND j.stage = s.stage AND j.status = 'processing'
LEFT JOIN LATERAL (
  -- As in has_open_tasks. The LIMIT also keeps the planner from turning this into one pass over every open task.
  SELECT t.task FROM app.tasks t
  WHERE t.job = s.job AND t.run = s.run AND t.stage = s.stage AND t.finished_at IS NULL
  ORDER BY t.task DESC
  LIMIT 1
) highest ON true
WHERE s.completed_at IS NULL AND highest.task IS NULL
ORDER BY s.started_at, s.job
LIMIT $1
