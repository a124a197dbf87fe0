-- What sql/queries/get_stages.sql asks, as a function for the reason given in 0003, and for one more: in a table of
-- millions of tasks the planner takes a stage for one of average size and compiles the statement (jit), which took 14 ms
-- of each call where counting 1,000 tasks takes 0.4.

-- Result: a row for each planned stage of the given runs: the run's place in the arrays (ord, from 1), and what is known of it
CREATE FUNCTION app.get_stages(job_ids text[], runs bigint[]) RETURNS TABLE (
  ord integer, stage integer, name text, handler text, parallelism text, policy text, published_count integer,
  started_at timestamptz, completed_at timestamptz, total integer, queued integer, processing integer, completed integer,
  failed integer, cancelled integer, running_progress double precision
)
LANGUAGE plpgsql
STABLE
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT
    g.ord::int, s.stage, s.name, s.handler, s.parallelism, s.policy, s.published_count, s.started_at::timestamptz,
    coalesce(s.completed_at, CASE WHEN live.open = 0 THEN greatest(live.ended_at, s.started_at) END)::timestamptz,
    s.task_count,
    coalesce(live.queued, 0),
    coalesce(live.processing, 0),
    coalesce(live.completed, s.completed_count),
    coalesce(live.failed, s.failed_count),
    coalesce(live.cancelled, s.cancelled_count),
    live.running_progress::double precision
  FROM unnest($1, $2) WITH ORDINALITY AS g (job_id, run, ord)
  CROSS JOIN LATERAL (SELECT j.id FROM app.jobs j WHERE j.job_id = g.job_id LIMIT 1) j
  JOIN app.stages s ON s.job = j.id AND s.run = g.run
  LEFT JOIN LATERAL (
    SELECT
      count(*) FILTER (WHERE t.finished_at IS NULL) AS open,
      max(t.finished_at) AS ended_at,
      count(*) FILTER (WHERE t.status = 'queued')::int AS queued,
      count(*) FILTER (WHERE t.status IN ('processing', 'retrying'))::int AS processing,
      count(*) FILTER (WHERE t.status = 'completed')::int AS completed,
      count(*) FILTER (WHERE t.status = 'failed')::int AS failed,
      count(*) FILTER (WHERE t.status = 'cancelled')::int AS cancelled,
      sum(t.progress) FILTER (WHERE t.status = 'processing')
        / nullif(count(*) FILTER (WHERE t.status = 'processing'), 0) AS running_progress
    FROM app.tasks t
    WHERE t.job = s.job AND t.run = s.run AND t.stage = s.stage
  ) live ON s.completed_count IS NULL
  ORDER BY g.ord, s.stage;
END
$$;

-- These count a stage's tasks as well.
ALTER FUNCTION app.advance_jobs SET jit = off;
ALTER FUNCTION app.complete_jobs SET jit = off;
