-- Runs that ended and whose completion callback has not been taken, also such as were followed by another run.
-- Parameters: $1 ms since the run ended, $2 rows at most
-- Result: job_id, run; oldest first
-- Locks: none
-- Cost: reads jobs_callback_due and due_callbacks, which hold these runs only
SELECT job_id, run
FROM (
  SELECT job_id, run, completed_at AS ended_at, id FROM app.jobs WHERE callback_due
  UNION ALL
  SELECT j.job_id, d.run, d.ended_at, d.job FROM app.due_callbacks d JOIN app.jobs j ON j.id = d.job
) due
WHERE ended_at <= now() - $1::float8 * interval '1 millisecond'
ORDER BY ended_at, id, run
LIMIT $2
