-- Tasks [0, $4) of these stages have had their message sent.
-- Parameters: arrays of one element a stage: $1 job ids, $2 runs, $3 stages, $4 numbers of tasks
-- Result: none
-- Locks: the stages' rows in key order
-- Cost: two index probes and one heap-only update each; 0.1 ms
WITH held AS MATERIALIZED (
  SELECT s.job, s.run, s.stage, g.published
  FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) AS g (job_id, run, stage, published)
  JOIN app.jobs j ON j.job_id = g.job_id
  JOIN app.stages s ON s.job = j.id AND s.run = g.run AND s.stage = g.stage
  ORDER BY s.job, s.run, s.stage
  FOR NO KEY UPDATE OF s
)
UPDATE app.stages s
SET published_count = least(greatest(s.published_count, h.published), s.task_count), updated_at = now()
FROM held h
WHERE s.job = h.job AND s.run = h.run AND s.stage = h.stage
