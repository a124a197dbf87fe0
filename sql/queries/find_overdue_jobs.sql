-- Active jobs that run for longer than their job type allows.
-- Parameters: arrays of one element a job type: $1 names, $2 limits in ms; $3 the limit of job types not among them, in
--   ms; $4 rows at most
-- Result: job rows; oldest first
-- Locks: none
-- Cost: reads jobs_active, which holds active jobs only
SELECT j.*
FROM app.jobs j
LEFT JOIN unnest($1::text[], $2::float8[]) AS g (job_type, limit_ms) ON g.job_type = j.job_type
WHERE j.status IN ('queued', 'processing')
  AND j.started_at <= now() - coalesce(g.limit_ms, $3::float8) * interval '1 millisecond'
ORDER BY j.started_at, j.id
LIMIT $4
