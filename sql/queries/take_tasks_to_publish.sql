-- Waiting tasks that are due, whose last message is older than $1 and was lost by the look of it; they are marked as
-- sent again. The queue is first in, first out: a message is lost when nobody works at all, or when somebody works on a
-- task whose message was sent later; a long queue is no loss. When it is older than
-- $2 it is sent again whatever the look.
-- Parameters: $1 ms since the last message, or since the task became due if that is later, $2 ms as well, $3 rows at most
-- Result: job_id, run, stage, task, attempt, correlation_id; oldest first
-- Locks: the rows taken; rows that somebody else holds are passed over, so that two reconcilers share the work
-- Cost: reads the open tasks of current stages: 22 ms for 100,000, 180 ms when all of them are due and 1,000 are taken
WITH running AS MATERIALIZED (
  SELECT max(greatest(coalesce(t.sent_at, s.updated_at), t.next_attempt_at)) AS newest
  FROM app.tasks t
  JOIN app.stages s ON s.job = t.job AND s.run = t.run AND s.stage = t.stage
  WHERE t.finished_at IS NULL AND t.status = 'processing' AND t.lease_until > now()
),
due AS MATERIALIZED (
  SELECT t.job, t.run, t.stage, t.task, j.job_id, j.correlation_id,
    greatest(coalesce(t.sent_at, s.updated_at), t.next_attempt_at) AS since
  FROM app.stages s
  JOIN app.jobs j ON j.id = s.job AND j.run = s.run AND j.stage = s.stage AND j.status = 'processing'
  JOIN app.tasks t ON t.job = s.job AND t.run = s.run AND t.stage = s.stage AND t.finished_at IS NULL
  WHERE s.completed_at IS NULL
    AND t.task < s.published_count
    AND t.status IN ('queued', 'retrying')
    AND greatest(coalesce(t.sent_at, s.updated_at), t.next_attempt_at)
      <= now() - $1::float8 * interval '1 millisecond'
    AND (
      coalesce((SELECT newest FROM running) > greatest(coalesce(t.sent_at, s.updated_at), t.next_attempt_at), true)
      OR greatest(coalesce(t.sent_at, s.updated_at), t.next_attempt_at) <= now() - $2::float8 * interval '1 millisecond'
    )
  ORDER BY since, t.job, t.run, t.stage, t.task
  LIMIT $3
  FOR NO KEY UPDATE OF t SKIP LOCKED
),
taken AS (
  UPDATE app.tasks t SET sent_at = now()
  FROM due d
  WHERE t.job = d.job AND t.run = d.run AND t.stage = d.stage AND t.task = d.task
    AND t.status IN ('queued', 'retrying')
  RETURNING d.job_id, t.run, t.stage, t.task, t.attempt, d.correlation_id, d.since
)
SELECT job_id, run, stage, task, attempt, correlation_id FROM taken ORDER BY since, job_id, stage, task
