-- Jobs that ended and whose completion callback has not been taken.
-- Parameters: $1 ms since the job ended, $2 rows at most
-- Result: job_id, run; oldest first
-- Locks: none
-- Cost: reads jobs_callback_due, which holds these jobs only
SELECT job_id, run FROM app.jobs
WHERE callback_due AND completed_at <= now() - $1::float8 * interval '1 millisecond'
ORDER BY completed_at, id
LIMIT $2
