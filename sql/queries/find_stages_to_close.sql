-- Current stages without an open task that were not advanced.
-- Parameters: $1 ms since the stage's last task ended, $2 rows at most
-- Result: job_id, run, stage; oldest first
-- Locks: none
-- Cost: reads stages_open, with one probe of jobs and one of tasks_open each; of those without open tasks, their tasks
WITH idle AS MATERIALIZED (
  SELECT j.job_id, s.job, s.run, s.stage, s.started_at
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
)
SELECT idle.job_id, idle.run, idle.stage
FROM idle, LATERAL (SELECT now() - $1::float8 * interval '1 millisecond' AS before) patience
WHERE idle.started_at <= patience.before AND (
  SELECT t.task FROM app.tasks t
  WHERE t.job = idle.job AND t.run = idle.run AND t.stage = idle.stage AND t.finished_at > patience.before
  LIMIT 1
) IS NULL
ORDER BY idle.started_at, idle.job
LIMIT $2
