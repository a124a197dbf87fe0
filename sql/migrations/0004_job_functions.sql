-- The statements that every job goes through, as functions: for a job of few tasks, planning them took longer than
-- running them. As in 0003_task_functions.sql a session plans each of them once, and the settings leave the planner one
-- plan, which looks up each row by its whole key.

-- Result: the rows of the jobs whose run begins
CREATE FUNCTION app.submit_jobs(
  job_ids text[], job_types text[], totals integer[], parameters text[], metadata text[], correlation_ids text[],
  forced boolean
) RETURNS SETOF app.jobs
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH begun AS (
    INSERT INTO app.jobs AS j (job_id, job_type, total_stages, parameters, metadata, correlation_id)
    SELECT g.job_id, g.job_type, g.total_stages, g.parameters::json, g.metadata::json, g.correlation_id
    FROM unnest($1, $2, $3, $4, $5, $6)
      AS g (job_id, job_type, total_stages, parameters, metadata, correlation_id)
    ORDER BY g.job_id COLLATE "C"
    ON CONFLICT (job_id) DO UPDATE SET
      job_type = excluded.job_type,
      status = 'queued',
      run = j.run + 1,
      stage = 1,
      total_stages = excluded.total_stages,
      taken_over_run = NULL,
      parameters = excluded.parameters,
      metadata = excluded.metadata,
      result = NULL,
      error = NULL,
      correlation_id = excluded.correlation_id,
      message_sent_at = NULL,
      callback_due = false,
      callback_delivered_at = NULL,
      started_at = NULL,
      completed_at = NULL,
      updated_at = now()
    WHERE j.status IN ('failed', 'cancelled')
      OR ($7 AND j.status IN ('completed', 'completed_with_errors'))
    RETURNING *
  ),
  noted AS (
    INSERT INTO app.job_events (job, run, event, detail)
    SELECT id, run, CASE run WHEN 1 THEN 'job_created' ELSE 'job_rerun' END,
      json_build_object('correlation_id', correlation_id)
    FROM begun
  )
  SELECT * FROM begun;
END
$$;

-- Result: the place in the arrays (ord, from 1) of each stage whose job was found; made = false: it was there already
CREATE FUNCTION app.create_stages(
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
    -- One probe each. Joined, a table without statistics makes the planner pass over all active jobs instead.
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
    WHERE j.id = m.job AND j.status IN ('queued', 'processing')
  )
  SELECT c.ord::int, m.job IS NOT NULL AS made
  FROM current c
  LEFT JOIN made m ON m.job = c.id;
END
$$;

-- Result: the places in the arrays (ord, from 1) of the stages that were closed
CREATE FUNCTION app.advance_jobs(
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
  SELECT ord::int FROM held;
END
$$;

-- Result: the places in the arrays (ord, from 1) of the jobs that were ended
CREATE FUNCTION app.complete_jobs(
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
  SELECT ord::int FROM held;
END
$$;
