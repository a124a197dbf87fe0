-- Stores stages with their tasks and makes their jobs processing. For runs that take nothing over.
-- Parameters: arrays of one element a stage, each of another job: $1 job ids, $2 runs, $3 stages, $4 names, $5 handlers,
--   $6 parallelisms, $7 policies, $8 numbers of tasks; arrays of one element a task: $9 its stage's place in the arrays
--   (ord, from 1), $10 its number, $11 its key, $12 its input as JSON
-- Result: ord of each stage whose job is active in this run and stage and takes nothing over from an earlier run; made =
--   false when the stage is there already
-- Locks: the jobs' rows in key order: whoever wants to end or advance one waits
-- Cost: one task in 0.5 ms, more than half of it to plan; 5,000 in 60 ms
WITH given AS MATERIALIZED (
  SELECT g.*, (SELECT j.id FROM app.jobs j WHERE j.job_id = g.job_id) AS job
  FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int[])
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
filled AS (
  INSERT INTO app.tasks (job, run, stage, task, task_key, input)
  SELECT m.job, m.run, m.stage, given.task, given.task_key, given.input::json
  FROM unnest($9::int[], $10::int[], $11::text[], $12::text[]) AS given (ord, task, task_key, input)
  JOIN current c ON c.ord = given.ord
  JOIN made m ON m.job = c.id
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
LEFT JOIN made m ON m.job = c.id
