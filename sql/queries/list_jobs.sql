-- A page of jobs, newest first.
-- Parameters: $1 status or null, $2 job type or null, $3 created at or after, or null, $4 and $5 creation time and job id
--   of the last row of the page before, or nulls, $6 rows a page
-- Result: job rows without parameters, metadata and result, each of which may be of 1 MiB
-- Locks: none
-- Cost: reads jobs_newest (or jobs_newest_of_type) backwards from the cursor until the page is full: the page, and the
--   rows that the status filter passes over
SELECT job_id, job_type, status, run, stage, total_stages, error, correlation_id, created_at, started_at, completed_at,
  updated_at
FROM app.jobs
WHERE ($1::text IS NULL OR status = $1)
  AND ($2::text IS NULL OR job_type = $2)
  AND ($3::timestamptz IS NULL OR created_at >= $3)
  AND ($4::timestamptz IS NULL OR (created_at, job_id) < ($4, $5))
ORDER BY created_at DESC, job_id DESC
LIMIT $6
