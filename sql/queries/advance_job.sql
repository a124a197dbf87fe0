-- Closes a stage that has no open task and makes the next one the job's current one, its message due.
-- Parameters: $1 job id, $2 run, $3 stage
-- Result: one row for the one caller who did it
-- Locks: the job's row and the stage's row. Callers at the same instant queue up at the job's row; the second finds
--   another stage there.
-- Cost: a probe of tasks_open, and counting the stage's tasks once: 55 ms for 100,000
WITH advanced AS (
  UPDATE app.jobs j
  SET stage = j.stage + 1, message_sent_at = NULL, updated_at = now()
  WHERE j.job_id = $1 AND j.run = $2::bigint AND j.stage = $3::bigint AND j.status = 'processing'
    AND j.stage < j.total_stages
    -- A stage and its tasks come in one transaction: who sees the stage sees all of them. A task that has ended never
    -- opens again, so what this snapshot says stays true while the statement waits for the job's row.
    AND EXISTS (SELECT FROM app.stages s WHERE s.job = j.id AND s.run = j.run AND s.stage = j.stage)
    AND NOT EXISTS (
      SELECT FROM app.tasks t
      WHERE t.job = j.id AND t.run = j.run AND t.stage = j.stage AND t.finished_at IS NULL
    )
  RETURNING j.id
),
closed AS (
  UPDATE app.stages s
  SET completed_count = c.completed, failed_count = c.failed, cancelled_count = c.cancelled,
    completed_at = greatest(c.ended_at, s.started_at), updated_at = now()
  FROM advanced a
  CROSS JOIN LATERAL (
    SELECT
      count(*) FILTER (WHERE t.status = 'completed') AS completed,
      count(*) FILTER (WHERE t.status = 'failed') AS failed,
      count(*) FILTER (WHERE t.status = 'cancelled') AS cancelled,
      max(t.finished_at) AS ended_at
    FROM app.tasks t
    WHERE t.job = a.id AND t.run = $2::bigint AND t.stage = $3::bigint
  ) c
  WHERE s.job = a.id AND s.run = $2::bigint AND s.stage = $3::bigint
  RETURNING s.job, s.run, s.stage, s.name, s.completed_count, s.failed_count
)
INSERT INTO app.job_events (job, run, stage, event, detail)
SELECT job, run, stage, 'stage_completed',
  json_build_object('name', name, 'completed', completed_count, 'failed', failed_count)
FROM closed
RETURNING stage
