-- Notes that a stage could not be planned, or the job not be finalised after it, unless that is noted and the retry waits,
-- or no retry is left.
-- Parameters: $1 job's internal key, $2 run, $3 stage, $4 error as JSON, $5 delays before each retry in ms,
--   $6 plan or finalize
-- Result: one row: attempt (failures noted), due (of the retry; null when there is none left); none when a
--   stage to be planned is planned already, or the one before the end is not
-- Locks: the caller holds the job's row, so that two failures at once are counted one after the other
-- Cost: reads the job's events; one row and a heap-only update; 0.2 ms
WITH made AS (
  SELECT attempts, last + ($5::float8[])[attempts] * interval '1 millisecond' AS waits_until
  FROM (
    SELECT count(*)::int AS attempts, max(e.at) AS last
    FROM app.job_events e
    WHERE e.job = $1 AND e.run = $2::int AND e.stage = $3::int AND e.event = $6::text || '_retried'
  ) e
  WHERE EXISTS (SELECT FROM app.stages s WHERE s.job = $1 AND s.run = $2::int AND s.stage = $3::int) = ($6 = 'finalize')
),
decided AS (
  -- Queues count scheduled time in whole seconds: a message that is a little early is on time.
  SELECT attempts, waits_until, coalesce(waits_until <= now() + interval '1 second', true) AS fails FROM made
),
noted AS (
  INSERT INTO app.job_events (job, run, stage, attempt, event, detail)
  SELECT $1, $2::int, $3::int, attempts + 1, $6::text || '_retried',
    json_build_object('error', $4::json, 'delay_ms', ($5::float8[])[attempts + 1])
  FROM decided
  WHERE fails AND attempts < cardinality($5::float8[])
  RETURNING attempt
),
marked AS (
  UPDATE app.jobs SET started_at = coalesce(started_at, now()), message_sent_at = now()
  WHERE id = $1 AND EXISTS (SELECT FROM noted)
)
SELECT coalesce(n.attempt, d.attempts) AS attempt,
  CASE
    WHEN n.attempt IS NOT NULL THEN now() + ($5::float8[])[n.attempt] * interval '1 millisecond'
    WHEN NOT d.fails THEN d.waits_until
  END AS due
FROM decided d
LEFT JOIN noted n ON true
