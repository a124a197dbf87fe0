-- The functions of 0003 and 0004 once more, each row looked up by its key alone. They compared a job's status (and a
-- stage's end) in a join or an update as well, which is what the indices of active jobs and open stages are made of: a
-- session that planned them while the tables were small took one of those, and passed over all active jobs for each task
-- of a batch. With 500 active jobs claiming 20 tasks took 20 ms of the server's processor time.
--
-- So what is compared besides a key is compared outside of the probe that reads the row (LIMIT keeps the two apart), and
-- not again by the update of a row that the statement already holds.

-- Result: a row for each task that was claimed: its place in the arrays (ord, from 1) and what the worker needs
CREATE OR REPLACE FUNCTION app.claim_tasks(
  job_ids text[], runs bigint[], stages bigint[], tasks bigint[], workers text[], leases_ms float8[]
) RETURNS TABLE (
  ord integer, task_key text, attempt integer, input json, job_type text, stage_name text, task_count integer
)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH given AS MATERIALIZED (
    SELECT g.ord, g.worker, g.lease_ms, j.id AS job, g.run, g.stage, g.task, j.job_type, s.name AS stage_name,
      s.task_count
    FROM unnest($1, $2, $3, $4, $5, $6) WITH ORDINALITY AS g (job_id, run, stage, task, worker, lease_ms, ord)
    CROSS JOIN LATERAL (
      SELECT j.id, j.run, j.stage, j.status, j.job_type FROM app.jobs j WHERE j.job_id = g.job_id LIMIT 1
    ) j
    CROSS JOIN LATERAL (
      SELECT s.name, s.task_count FROM app.stages s
      WHERE s.job = j.id AND s.run = g.run AND s.stage = g.stage
      LIMIT 1
    ) s
    WHERE j.run = g.run AND j.stage = g.stage AND j.status = 'processing'
    ORDER BY j.id, g.run, g.stage, g.task
  )
  UPDATE app.tasks t
  SET status = 'processing',
    attempt = t.attempt + 1,
    worker = g.worker,
    lease_until = now() + g.lease_ms * interval '1 millisecond',
    progress = NULL,
    claimed_at = now(),
    started_at = coalesce(t.started_at, now())
  FROM given g
  WHERE t.job = g.job AND t.run = g.run AND t.stage = g.stage AND t.task = g.task
    AND (
      t.status = 'queued'
      -- Queues count scheduled time in whole seconds: a message that is a little early is on time.
      OR (t.status = 'retrying' AND t.next_attempt_at <= now() + interval '1 second')
    )
  RETURNING g.ord::int, t.task_key, t.attempt, t.input, g.job_type, g.stage_name, g.task_count;
END
$$;

-- Result: the places in the arrays (ord, from 1) of the attempts that were ended
CREATE OR REPLACE FUNCTION app.end_attempts(
  job_ids text[], runs bigint[], stages bigint[], tasks bigint[], attempts bigint[], states text[], results text[],
  errors text[], delays_ms float8[]
) RETURNS TABLE (ord integer)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH given AS MATERIALIZED (
    SELECT g.ord, (SELECT j.id FROM app.jobs j WHERE j.job_id = g.job_id) AS job, g.run, g.stage, g.task, g.attempt,
      g.status, g.result, g.error, g.delay_ms
    FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)
      WITH ORDINALITY AS g (job_id, run, stage, task, attempt, status, result, error, delay_ms, ord)
  ),
  -- A retry in a job that has ended would stay open for ever. Holding the job's row makes its end wait, and then cancel
  -- the retry; an end that came first is seen here, and the task is cancelled at once.
  retried AS MATERIALIZED (
    SELECT j.id, j.run, j.stage
    FROM (SELECT DISTINCT g.job FROM given g WHERE g.status = 'retrying' ORDER BY g.job) g
    CROSS JOIN LATERAL (
      SELECT j.id, j.run, j.stage FROM app.jobs j WHERE j.id = g.job AND j.status = 'processing' LIMIT 1 FOR SHARE
    ) j
  ),
  -- Sorted, so that all of it, with the locks of jobs, is there before the first task's row is locked.
  decided AS MATERIALIZED (
    SELECT g.ord, g.job, g.run, g.stage, g.task, g.attempt, g.result, g.error, g.delay_ms,
      CASE WHEN g.status = 'retrying' AND r.id IS NULL THEN 'cancelled' ELSE g.status END AS status
    FROM given g
    LEFT JOIN retried r ON r.id = g.job AND r.run = g.run AND r.stage = g.stage
    ORDER BY g.job, g.run, g.stage, g.task
  ),
  ended AS (
    UPDATE app.tasks t
    SET status = d.status,
      result = d.result::json,
      error = d.error::json,
      lease_until = NULL,
      next_attempt_at = CASE WHEN d.status = 'retrying' THEN now() + d.delay_ms * interval '1 millisecond' END,
      sent_at = CASE WHEN d.status = 'retrying' THEN now() ELSE t.sent_at END,
      finished_at = CASE WHEN d.status <> 'retrying' THEN now() END
    FROM decided d
    WHERE t.job = d.job AND t.run = d.run AND t.stage = d.stage AND t.task = d.task
      AND t.status = 'processing' AND t.attempt = d.attempt
    RETURNING d.ord
  ),
  noted AS (
    INSERT INTO app.job_events (job, run, stage, task, attempt, event, detail)
    SELECT d.job, d.run, d.stage, d.task, d.attempt,
      CASE d.status WHEN 'failed' THEN 'task_failed' ELSE 'task_retried' END,
      -- The error as a whole: a text taken out of it could not hold U+0000.
      json_build_object('error', d.error::json, 'delay_ms', d.delay_ms)
    FROM ended e
    JOIN decided d ON d.ord = e.ord AND d.status IN ('failed', 'retrying')
  )
  SELECT ended.ord::int FROM ended;
END
$$;

-- Result: the place in the arrays (ord, from 1) of each stage whose job was found; made = false: it was there already
CREATE OR REPLACE FUNCTION app.create_stages(
  job_ids text[], runs bigint[], stages bigint[], names text[], handlers text[], parallelisms text[], policies text[],
  task_counts integer[], ords integer[], tasks integer[], task_keys text[], inputs text[]
) RETURNS TABLE (ord integer, made boolean)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH given AS MATERIALIZED (
    SELECT g.*, (SELECT j.id FROM app.jobs j WHERE j.job_id = g.job_id) AS job
    FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)
      WITH ORDINALITY AS g (job_id, run, stage, name, handler, parallelism, policy, task_count, ord)
  ),
  current AS MATERIALIZED (
    SELECT g.ord, j.id, j.run, j.stage, g.name, g.handler, g.parallelism, g.policy, g.task_count
    FROM (SELECT * FROM given ORDER BY job) g
    CROSS JOIN LATERAL (
      SELECT j.id, j.run, j.stage FROM app.jobs j
      WHERE j.id = g.job AND j.run = g.run AND j.stage = g.stage AND j.status IN ('queued', 'processing')
        AND j.taken_over_run IS NULL
      LIMIT 1
      FOR NO KEY UPDATE
    ) j
  ),
  made AS (
    INSERT INTO app.stages (job, run, stage, name, handler, parallelism, policy, task_count)
    SELECT id, run, stage, name, handler, parallelism, policy, task_count FROM current
    ON CONFLICT DO NOTHING
    RETURNING job, run, stage, name, task_count
  ),
  -- By place and not by a join, which would pass over all stages for each task.
  places AS (
    SELECT array_agg(m.job ORDER BY g.ord) AS jobs
    FROM given g
    LEFT JOIN made m ON m.job = g.job
  ),
  filled AS (
    INSERT INTO app.tasks (job, run, stage, task, task_key, input)
    SELECT p.jobs[t.ord], ($2)[t.ord], ($3)[t.ord], t.task, t.task_key, t.input::json
    FROM places p
    CROSS JOIN unnest($9, $10, $11, $12) AS t (ord, task, task_key, input)
    WHERE p.jobs[t.ord] IS NOT NULL
  ),
  noted AS (
    INSERT INTO app.job_events (job, run, stage, event, detail)
    SELECT job, run, stage, 'stage_started', json_build_object('name', name, 'tasks', task_count, 'taken_over', 0)
    FROM made
  ),
  started AS (
    UPDATE app.jobs j
    SET status = 'processing', started_at = coalesce(j.started_at, now()), updated_at = now()
    FROM made m
    WHERE j.id = m.job
  )
  SELECT c.ord::int, m.job IS NOT NULL AS made
  FROM current c
  LEFT JOIN made m ON m.job = c.id;
END
$$;

-- Result: the places in the arrays (ord, from 1) of the stages that were closed
CREATE OR REPLACE FUNCTION app.advance_jobs(
  job_ids text[], runs bigint[], stages bigint[]
) RETURNS TABLE (ord integer)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH given AS MATERIALIZED (
    SELECT g.*, (SELECT j.id FROM app.jobs j WHERE j.job_id = g.job_id) AS job
    FROM unnest($1, $2, $3) WITH ORDINALITY AS g (job_id, run, stage, ord)
  ),
  held AS MATERIALIZED (
    SELECT g.ord, s.job, s.run, s.stage
    FROM (SELECT * FROM given ORDER BY job) g
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
    WHERE j.id = h.job
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
  SELECT ord::int FROM held;
END
$$;

-- Result: the places in the arrays (ord, from 1) of the jobs that were ended
CREATE OR REPLACE FUNCTION app.complete_jobs(
  job_ids text[], runs bigint[], stages bigint[], states text[], results text[], errors text[], callbacks boolean[]
) RETURNS TABLE (ord integer)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH given AS MATERIALIZED (
    SELECT g.*, (SELECT j.id FROM app.jobs j WHERE j.job_id = g.job_id) AS job
    FROM unnest($1, $2, $3, $4, $5, $6, $7)
      WITH ORDINALITY AS g (job_id, run, stage, status, result, error, callback, ord)
  ),
  held AS MATERIALIZED (
    SELECT g.ord, s.job, s.run, s.stage, s.completed_at, g.status, g.result, g.error, g.callback
    FROM (SELECT * FROM given ORDER BY job) g
    CROSS JOIN LATERAL (
      SELECT s.job, s.run, s.stage, s.completed_at
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
    WHERE j.id = h.job
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
    WHERE s.job = h.job AND s.run = h.run AND s.stage = h.stage AND h.completed_at IS NULL
  ),
  noted AS (
    INSERT INTO app.job_events (job, run, stage, event, detail)
    SELECT job, run, stage, 'job_' || status, error::json FROM held
  )
  SELECT ord::int FROM held;
END
$$;
