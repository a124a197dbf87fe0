-- Ends jobs that are active in these runs and stages and have no open task there, and closes the stages.
-- Parameters: arrays of one element a job, each another one: $1 job ids, $2 runs, $3 stages, $4 states, $5 results as JSON
--   or null, $6 errors as JSON or null, $7 whether a callback is due
-- Result: the places in the arrays (ord, from 1) of the jobs that this call ended
-- Locks: the jobs' rows and the stages' rows, in key order
-- Cost: a probe of tasks_open, and counting a stage's tasks once, as advance_jobs does
WITH given AS MATERIALIZED (
  SELECT g.*, (SELECT j.id FROM app.jobs j WHERE j.job_id = g.job_id) AS job
  FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::boolean[])
    WITH ORDINALITY AS g (job_id, run, stage, status, result, error, callback, ord)
),
held AS MATERIALIZED (
  SELECT g.ord, s.job, s.run, s.stage, g.status, g.result, g.error, g.callback
  FROM (SELECT * FROM given ORDER BY job) g
  -- One probe each, for the reason given in create_stages.
  CROSS JOIN LATERAL (
    SELECT s.job, s.run, s.stage
    FROM app.jobs j
    JOIN app.stages s ON s.job = j.id AND s.run = j.run AND s.stage = j.stage
    WHERE j.id = g.job AND j.run = g.run AND j.stage = g.stage AND j.status = 'processing'
      -- True for good once this snapshot says so, for the reasons given in advance_jobs.
      AND NOT EXISTS (
        SELECT FROM app.tasks t
        WHERE t.job = j.id AND t.run = j.run AND t.stage = j.stage AND t.finished_at IS NULL
      )
    LIMIT 1
    FOR NO KEY UPDATE
  ) s
),
ended AS (
  UPDATE app.jobs j
  SET status = h.status, result = h.result::json, error = h.error::json, callback_due = h.callback,
    completed_at = now(), updated_at = now()
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
  WHERE s.job = h.job AND s.run = h.run AND s.stage = h.stage AND s.completed_at IS NULL
),
noted AS (
  INSERT INTO app.job_events (job, run, stage, event, detail)
  SELECT job, run, stage, 'job_' || status, error::json FROM held
)
SELECT ord::int FROM held
