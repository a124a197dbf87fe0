-- Ends a job that is active in this run and stage and has no open task there, and closes the stage.
-- Parameters: $1 job id, $2 run, $3 stage, $4 status, $5 result or null, $6 error or null, $7 a callback is due
-- Result: one row for the one caller who did it
-- Locks: the job's row and the stage's row
-- Cost: a probe of tasks_open, and counting the stage's tasks once, as advance_job does
WITH ended AS (
  UPDATE app.jobs j
  SET status = $4, result = $5, error = $6, callback_due = $7, completed_at = now(), updated_at = now()
  WHERE j.job_id = $1 AND j.run = $2::bigint AND j.stage = $3::bigint AND j.status = 'processing'
    -- True for good once this snapshot says so, for the reasons given in advance_job.
    AND EXISTS (SELECT FROM app.stages s WHERE s.job = j.id AND s.run = j.run AND s.stage = j.stage)
    AND NOT EXISTS (
      SELECT FROM app.tasks t
      WHERE t.job = j.id AND t.run = j.run AND t.stage = j.stage AND t.finished_at IS NULL
    )
  RETURNING j.id, j.run, j.stage, j.status, j.error
),
closed AS (
  UPDATE app.stages s
  SET completed_count = c.completed, failed_count = c.failed, cancelled_count = c.cancelled,
    completed_at = greatest(c.ended_at, s.started_at), updated_at = now()
  FROM ended e
  CROSS JOIN LATERAL (
    SELECT
      count(*) FILTER (WHERE t.status = 'completed') AS completed,
      count(*) FILTER (WHERE t.status = 'failed') AS failed,
      count(*) FILTER (WHERE t.status = 'cancelled') AS cancelled,
      max(t.finished_at) AS ended_at
    FROM app.tasks t
    WHERE t.job = e.id AND t.run = $2::bigint AND t.stage = $3::bigint
  ) c
  WHERE s.job = e.id AND s.run = $2::bigint AND s.stage = $3::bigint AND s.completed_at IS NULL
),
noted AS (
  INSERT INTO app.job_events (job, run, stage, event, detail)
  SELECT id, run, stage, 'job_' || status, error FROM ended
)
SELECT id FROM ended
