-- Active jobs whose current stage is not planned: its message was never sent, or was sent and not answered.
-- Parameters: $1 ms since an unsent message became due, $2 ms since a message was sent, $3 rows at most
-- Result: job_id, run, stage, correlation_id; oldest first
-- Locks: none
-- Cost: reads jobs_active, which holds active jobs only, with one probe of stages each
SELECT j.job_id, j.run, j.stage, j.correlation_id
FROM app.jobs j
WHERE j.status IN ('queued', 'processing')
  AND coalesce(
    j.message_sent_at <= now() - $2::float8 * interval '1 millisecond',
    j.updated_at <= now() - $1::float8 * interval '1 millisecond'
  )
  AND NOT EXISTS (SELECT FROM app.stages s WHERE s.job = j.id AND s.run = j.run AND s.stage = j.stage)
ORDER BY coalesce(j.message_sent_at, j.updated_at), j.id
LIMIT $3
