-- Closes stages that have no open task and makes the next one their jobs' current one, its message due.
-- Parameters: arrays of one element a stage, each of another job: $1 job ids, $2 runs, $3 stages
-- Result: the places in the arrays (ord, from 1) of the stages that this call closed
-- Locks: the jobs' rows and the stages' rows, in key order. Callers at the same instant queue up at a job's row; the
--   second finds another stage there.
-- Cost: a probe of tasks_open, and counting a stage's tasks once: 55 ms for 100,000
WITH given AS MATERIALIZED (
  SELECT g.*, (SELECT j.id FROM app.jobs j WHERE j.job_id = g.job_id) AS job
  FROM unnest($1::text[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS g (job_id, run, stage, ord)
),
held AS MATERIALIZED (
  SELECT g.ord, s.job, s.run, s.stage
  FROM (SELECT * FROM given ORDER BY job) g
  -- One probe each, for the reason given in create_stages.
  CROSS JOIN LATERAL (
    SELECT s.job, s.run, s.stage
    FROM app.jobs j
    JOIN app.stages s ON s.job = j.id AND s.run = j.run AND s.stage = j.stage
    WHERE j.id = g.job AND j.run = g.run AND j.stage = g.stage AND j.status = 'processing' AND j.stage < j.total_stages
      -- A stage and its tasks come in one transaction: who sees the stage sees all of them. A task that has ended never
      -- opens again, so what this snapshot says stays true while the statement waits for the job's row.
      AND NOT EXISTS (
        SELECT FROM app.tasks t
        WHERE t.job = j.id AND t.run = j.run AND t.stage = j.stage AND t.finished_at IS NULL
      )
    LIMIT 1
    FOR NO KEY UPDATE
  ) s
),
advanced AS (
  UPDATE app.jobs j
  SET stage = j.stage + 1, message_sent_at = NULL, updated_at = now()
  FROM held h
  WHERE j.id = h.job AND j.status = 'processing'
),
closed AS (
  UPDATE app.stages s
  SET completed_count = c.completed, failed_count = c.failed, cancelled_count = c.cancelled,
    completed_at = greatest(c.ended_at, s.started_at), updated_at = now()
  FROM held h
  CROSS JOIN LATERAL (
    SELECT
      count(*) FILTER (WHERE t.status = 'completed') AS completed,
      count(*) FILTER (WHERE t.status = 'failed') AS failed,
      count(*) FILTER (WHERE t.status = 'cancelled') AS cancelled,
      max(t.finished_at) AS ended_at
    FROM app.tasks t
    WHERE t.job = h.job AND t.run = h.run AND t.stage = h.stage
  ) c
  WHERE s.job = h.job AND s.run = h.run AND s.stage = h.stage
  RETURNING s.job, s.run, s.stage, s.name, s.completed_count, s.failed_count
),
noted AS (
  INSERT INTO app.job_events (job, run, stage, event, detail)
  SELECT job, run, stage, 'stage_completed',
    json_build_object('name', name, 'completed', completed_count, 'failed', failed_count)
  FROM closed
)
SELECT ord::int FROM held
