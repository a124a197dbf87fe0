-- Current stages that were not advanced: without an open task, or with a failed task that is to fail their job.
-- Parameters: $1 ms since the stage's last task ended, or since the task failed, $2 rows at most
-- Result: job_id, run, stage; oldest first
-- Locks: none
-- Cost: reads stages_open, with one probe of jobs and one of tasks_open each; of those without open tasks, their tasks; of
--   the others whose policy is fail, their jobs' events: an index of failed tasks would cost each task's end a write
WITH current AS MATERIALIZED (
  SELECT j.job_id, s.job, s.run, s.stage, s.started_at, s.policy, highest.task IS NOT NULL AS open,
    now() - $1::float8 * interval '1 millisecond' AS before
  FROM app.stages s
  JOIN app.jobs j ON j.id = s.job AND j.run = s.run AND j.stage = s.stage AND j.status = 'processing'
  LEFT JOIN LATERAL (
    -- As in has_open_tasks. The LIMIT also keeps the planner from turning this into one pass over every open task.
    SELECT t.task FROM app.tasks t
    WHERE t.job = s.job AND t.run = s.run AND t.stage = s.stage AND t.finished_at IS NULL
    ORDER BY t.task DESC
    LIMIT 1
  ) highest ON true
  WHERE s.completed_at IS NULL
)
SELECT c.job_id, c.run, c.stage
FROM current c
WHERE c.started_at <= c.before
  AND CASE WHEN c.open THEN
    c.policy = 'fail' AND EXISTS (
      SELECT FROM app.job_events e
      WHERE e.job = c.job AND e.run = c.run AND e.stage = c.stage AND e.event = 'task_failed' AND e.at <= c.before
    )
  ELSE
    (
      SELECT t.task FROM app.tasks t
      WHERE t.job = c.job AND t.run = c.run AND t.stage = c.stage AND t.finished_at > c.before
      LIMIT 1
    ) IS NULL
  END
ORDER BY c.started_at, c.job
LIMIT $2
