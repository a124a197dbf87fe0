-- An attempt that ended because its host was shut down is not one of those that a task has. The attempt's number cannot
-- stand still, since it is what a worker's right to end it is known by: so these are counted. No row is wider for it where
-- none was handed back.
ALTER TABLE app.tasks ADD COLUMN handed_back integer CHECK (handed_back > 0);

COMMENT ON COLUMN app.jobs.taken_over_run IS
  'The first of the earlier runs whose completed tasks this one takes over; null: it does everything itself.';

-- As in 0005_one_probe_each.sql, with the state `handed_back`: a retry that does not count. It also tells a retry from one
-- that was turned into a cancellation.
DROP FUNCTION app.end_attempts(
  text[], bigint[], bigint[], bigint[], bigint[], text[], text[], text[], float8[]
);

-- Result: the places in the arrays (ord, from 1) of the attempts that were ended, and what their tasks are now
CREATE FUNCTION app.end_attempts(
  job_ids text[], runs bigint[], stages bigint[], tasks bigint[], attempts bigint[], states text[], results text[],
  errors text[], delays_ms float8[]
) RETURNS TABLE (ord integer, status text)
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
    FROM (SELECT DISTINCT g.job FROM given g WHERE g.status IN ('retrying', 'handed_back') ORDER BY g.job) g
    CROSS JOIN LATERAL (
      SELECT j.id, j.run, j.stage FROM app.jobs j WHERE j.id = g.job AND j.status = 'processing' LIMIT 1 FOR SHARE
    ) j
  ),
  -- Sorted, so that all of it, with the locks of jobs, is there before the first task's row is locked.
  decided AS MATERIALIZED (
    SELECT g.ord, g.job, g.run, g.stage, g.task, g.attempt, g.result, g.error, g.delay_ms,
      CASE
        WHEN g.status NOT IN ('retrying', 'handed_back') THEN g.status
        WHEN r.id IS NULL THEN 'cancelled'
        ELSE 'retrying'
      END AS status,
      (g.status = 'handed_back')::int AS handed_back
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
      finished_at = CASE WHEN d.status <> 'retrying' THEN now() END,
      handed_back = nullif(coalesce(t.handed_back, 0) + d.handed_back, 0)
    FROM decided d
    WHERE t.job = d.job AND t.run = d.run AND t.stage = d.stage AND t.task = d.task
      AND t.status = 'processing' AND t.attempt = d.attempt
    RETURNING d.ord, d.status
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
  SELECT ended.ord::int, ended.status FROM ended;
END
$$;
