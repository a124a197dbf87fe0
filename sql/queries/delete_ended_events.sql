-- Removes some events of the jobs that ended longest ago: each failed attempt is one, of millions of tasks maybe.
-- Parameters: $1 days since the end, $2 jobs at most, $3 events at most
-- Result: one row with the number removed
-- Locks: these jobs' rows, so that none begins another run meanwhile, and the events removed
-- Cost: 2,000 in some 50 ms
WITH ended AS MATERIALIZED (
  SELECT id FROM app.jobs
  WHERE completed_at <= now() - $1::float8 * interval '1 day' AND NOT callback_due
    AND NOT EXISTS (SELECT FROM app.due_callbacks d WHERE d.job = jobs.id)
  ORDER BY completed_at
  LIMIT $2
  FOR UPDATE SKIP LOCKED
),
removed AS (
  DELETE FROM app.job_events
  WHERE ctid = ANY (ARRAY(
    SELECT e.place
    FROM ended CROSS JOIN LATERAL (
      SELECT ctid AS place FROM app.job_events WHERE job = ended.id ORDER BY job, id LIMIT $3
    ) e
    LIMIT $3
  ))
  RETURNING 1
)
SELECT count(*)::int AS removed FROM removed
