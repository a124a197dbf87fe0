-- For tasks that claim_tasks did not get: takes those that are due and free after all, or whose lease has run out, and
-- tells about the others. The job must be processing in this very run and stage. No task may be given twice.
-- Parameters: arrays of one element a task: $1 job ids, $2 runs, $3 stages, $4 task numbers, $5 workers, $6 leases in ms
-- Result: for each task that exists in a current stage its place in the arrays (ord, from 1) and either claimed = true
--   with what the worker needs, or its state and until when it is not to be had; the other tasks have no row
-- Locks: the tasks' rows, in key order as every statement that locks several, so that no two can deadlock
-- Cost: 64 tasks of a stage of 100,000 in 1.4 ms, one in 0.2 ms, and 0.5 ms to plan; fourteen pages a task
WITH given AS MATERIALIZED (
  -- By itself, so that the tasks are looked up from one table with their whole key. Joined all in one, a table without
  -- statistics makes the planner take (job, run, stage) for unique and pass over every task before the one it wants.
  SELECT g.ord, g.worker, g.lease_ms, j.id AS job, g.run, g.stage, g.task, j.job_type, s.name AS stage_name, s.task_count
  FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::float8[])
    WITH ORDINALITY AS g (job_id, run, stage, task, worker, lease_ms, ord)
  JOIN app.jobs j ON j.job_id = g.job_id AND j.run = g.run AND j.stage = g.stage AND j.status = 'processing'
  JOIN app.stages s ON s.job = j.id AND s.run = g.run AND s.stage = g.stage
),
-- Locking first gives the newest version of each row, also one committed since the statement began: what is answered
-- about a task that somebody else has just taken is true.
held AS MATERIALIZED (
  SELECT g.ord, g.worker, g.lease_ms, g.job_type, g.stage_name, g.task_count,
    t.job, t.run, t.stage, t.task, t.status, t.lease_until, t.next_attempt_at,
    t.worker AS last_worker
  FROM given g
  JOIN app.tasks t ON t.job = g.job AND t.run = g.run AND t.stage = g.stage AND t.task = g.task
  ORDER BY t.job, t.run, t.stage, t.task
  FOR NO KEY UPDATE OF t
),
claimed AS (
  UPDATE app.tasks t
  SET status = 'processing',
    attempt = t.attempt + 1,
    worker = h.worker,
    lease_until = now() + h.lease_ms * interval '1 millisecond',
    progress = NULL,
    claimed_at = now(),
    started_at = coalesce(t.started_at, now())
  FROM held h
  WHERE t.job = h.job AND t.run = h.run AND t.stage = h.stage AND t.task = h.task
    AND (
      t.status = 'queued'
      -- Queues count scheduled time in whole seconds: a message that is a little early is on time.
      OR (t.status = 'retrying' AND t.next_attempt_at <= now() + interval '1 second')
      OR (t.status = 'processing' AND t.lease_until <= now())
    )
  RETURNING h.ord, t.task_key, t.attempt, t.input
),
noted AS (
  INSERT INTO app.job_events (job, run, stage, task, attempt, event, detail)
  SELECT h.job, h.run, h.stage, h.task, c.attempt - 1, 'lease_lost', json_build_object('worker', h.last_worker)
  FROM claimed c
  JOIN held h ON h.ord = c.ord AND h.status = 'processing'
)
SELECT h.ord::int, c.ord IS NOT NULL AS claimed, c.task_key, c.attempt, c.input, h.job_type, h.stage_name, h.task_count,
  h.status,
  CASE h.status WHEN 'processing' THEN h.lease_until WHEN 'retrying' THEN h.next_attempt_at END AS until
FROM held h
LEFT JOIN claimed c ON c.ord = h.ord
