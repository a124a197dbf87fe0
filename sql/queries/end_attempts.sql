-- Ends attempts, each only if it is still its task's current one. No task may be given twice.
-- Parameters: arrays of one element a task: $1 job ids, $2 runs, $3 stages, $4 task numbers, $5 attempts,
--   $6 new states, $7 results as JSON or null, $8 errors as JSON or null, $9 delays until the next attempt in ms or null
-- Result: the places in the arrays (ord, from 1) of the attempts that were ended
-- Locks: the tasks' rows in key order; before them, shared and in key order, the rows of jobs with a task to retry
-- Cost: 64 tasks of a stage of 100,000 in 1.2 ms, one in 0.2 ms, and 0.5 ms to plan; sixteen pages a task
WITH given AS MATERIALIZED (
  -- By itself for the reason given in claim_tasks.
  SELECT g.ord, j.id AS job, g.run, g.stage, g.task, g.attempt, g.status, g.result, g.error, g.delay_ms
  FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],
      $6::text[], $7::text[], $8::text[], $9::float8[])
    WITH ORDINALITY AS g (job_id, run, stage, task, attempt, status, result, error, delay_ms, ord)
  JOIN app.jobs j ON j.job_id = g.job_id
),
-- A retry in a job that has ended would stay open for ever. Holding the job's row makes its end wait, and then cancel
-- the retry; an end that came first is seen here, and the task is cancelled at once.
retried AS MATERIALIZED (
  SELECT j.id, j.run, j.stage FROM app.jobs j
  WHERE j.id IN (SELECT g.job FROM given g WHERE g.status = 'retrying') AND j.status = 'processing'
  ORDER BY j.id
  FOR SHARE
),
held AS MATERIALIZED (
  SELECT g.ord, t.job, t.run, t.stage, t.task, g.attempt, g.result, g.error, g.delay_ms,
    CASE WHEN g.status = 'retrying' AND r.id IS NULL THEN 'cancelled' ELSE g.status END AS status
  FROM given g
  JOIN app.tasks t ON t.job = g.job AND t.run = g.run AND t.stage = g.stage AND t.task = g.task
  LEFT JOIN retried r ON r.id = g.job AND r.run = g.run AND r.stage = g.stage
  WHERE t.status = 'processing' AND t.attempt = g.attempt
  ORDER BY t.job, t.run, t.stage, t.task
  FOR NO KEY UPDATE OF t
),
ended AS (
  UPDATE app.tasks t
  SET status = h.status,
    result = h.result::json,
    error = h.error::json,
    lease_until = NULL,
    next_attempt_at = CASE WHEN h.status = 'retrying' THEN now() + h.delay_ms * interval '1 millisecond' END,
    sent_at = CASE WHEN h.status = 'retrying' THEN now() ELSE t.sent_at END,
    finished_at = CASE WHEN h.status <> 'retrying' THEN now() END
  FROM held h
  WHERE t.job = h.job AND t.run = h.run AND t.stage = h.stage AND t.task = h.task
    AND t.status = 'processing' AND t.attempt = h.attempt
  RETURNING h.ord
),
noted AS (
  INSERT INTO app.job_events (job, run, stage, task, attempt, event, detail)
  SELECT h.job, h.run, h.stage, h.task, h.attempt,
    CASE h.status WHEN 'failed' THEN 'task_failed' ELSE 'task_retried' END,
    -- The error as a whole: a text taken out of it could not hold U+0000.
    json_build_object('error', h.error::json, 'delay_ms', h.delay_ms)
  FROM ended e
  JOIN held h ON h.ord = e.ord AND h.status IN ('failed', 'retrying')
)
SELECT ord::int FROM ended
