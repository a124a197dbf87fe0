-- The two statements that every task goes through, as functions: a session plans them once and not for each batch, which
-- took about as long as running them. (Named prepared statements would need sessions of their own, which poolers in
-- transaction mode do not give.) A plan made once has to be right for every size of the tables, so it is always the same
-- one: each row is looked up by its whole key, in the order of the keys. The settings leave the planner no other.

-- Result: a row for each task that was claimed: its place in the arrays (ord, from 1) and what the worker needs
CREATE FUNCTION app.claim_tasks(
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
    -- By itself, so that the tasks are looked up from one table with their whole key. Joined all in one, a table without
    -- statistics makes the planner take (job, run, stage) for unique and pass over every task before the one it wants.
    SELECT g.ord, g.worker, g.lease_ms, j.id AS job, g.run, g.stage, g.task, j.job_type, s.name AS stage_name,
      s.task_count
    FROM unnest($1, $2, $3, $4, $5, $6) WITH ORDINALITY AS g (job_id, run, stage, task, worker, lease_ms, ord)
    JOIN app.jobs j ON j.job_id = g.job_id AND j.run = g.run AND j.stage = g.stage AND j.status = 'processing'
    JOIN app.stages s ON s.job = j.id AND s.run = g.run AND s.stage = g.stage
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
CREATE FUNCTION app.end_attempts(
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
    -- By itself for the reason given in claim_tasks.
    SELECT g.ord, j.id AS job, g.run, g.stage, g.task, g.attempt, g.status, g.result, g.error, g.delay_ms
    FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)
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
