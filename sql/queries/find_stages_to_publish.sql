-- Current stages with tasks whose first message was not sent, where nobody seems to be sending.
-- Parameters: $1 ms since the last batch was sent, $2 rows at most
-- Result: job_id, run, stage, published, total, correlation_id; oldest first
-- Locks: none
-- Cost: reads stages_open, which holds open stages only, with one probe of jobs each
SELECT j.job_id, s.run, s.stage, s.published_count AS published, s.task_count AS total, j.correlation_id
FROM app.stages s
JOIN app.jobs j ON j.id = s.job AND j.run = s.run AND j.stage = s.stage AND j.status = 'processing'
WHERE s.completed_at IS NULL
  AND s.published_count < s.task_count
  AND s.updated_at <= now() - $1::float8 * interval '1 millisecond'
ORDER BY s.updated_at, s.job
LIMIT $2
