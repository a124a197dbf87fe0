-- Tasks [0, $4) of these stages have had their message sent. Changes nothing where the stage is closed.
-- Parameters: arrays of one element a stage: $1 job ids, $2 runs, $3 stages, $4 numbers of tasks
-- Result: none
-- Locks: the stages' rows in key order
-- Cost: two index probes and one heap-only update each; 0.1 ms
WITH given AS MATERIALIZED (
  SELECT g.run, g.stage, g.published, (SELECT j.id FROM app.jobs j WHERE j.job_id = g.job_id) AS job
  FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) AS g (job_id, run, stage, published)
),
held AS MATERIALIZED (
  SELECT s.job, s.run, s.stage, g.published
  FROM (SELECT * FROM given ORDER BY job, run, stage) g
  -- One probe each, for the reason given in 0005_one_probe_each.sql.
  CROSS JOIN LATERAL (
    SELECT s.job, s.run, s.stage FROM app.stages s
    WHERE s.job = g.job AND s.run = g.run AND s.stage = g.stage AND s.completed_at IS NULL
    LIMIT 1
    FOR NO KEY UPDATE
  ) s
)
UPDATE app.stages s
SET published_count = least(greatest(s.published_count, h.published), s.task_count), updated_at = now()
FROM held h
WHERE s.job = h.job AND s.run = h.run AND s.stage = h.stage
