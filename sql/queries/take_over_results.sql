-- Completes those waiting tasks of a new stage that one earlier run has completed: the same key, the same input. The one
-- task of a fan-in only when everything before it was the same in that run, results and all.
-- Parameters: $1 job's internal key, $2 run, $3 stage, $4 the run to take over from
-- Result: one row with the number of tasks taken over so far
-- Locks: the tasks' and the stage's rows, which nobody else can see yet
-- Cost: a pass over the stage in both runs, 2 s for 100,000, and rewriting what is taken over. After take_over_joins: else
--   it may be a pass over one run for each task of the other.
WITH eligible AS (
  SELECT s.job, s.run, s.stage
  FROM app.stages s
  WHERE s.job = $1 AND s.run = $2::int AND s.stage = $3::int
    AND (
      s.parallelism <> 'fan_in'
      -- Which of the stages before it a fan-in looks at is not known here.
      OR NOT EXISTS (
        SELECT FROM app.stages p
        LEFT JOIN app.stages q ON q.job = $1 AND q.run = $4::int AND q.stage = p.stage AND q.task_count = p.task_count
        WHERE p.job = $1 AND p.run = $2::int AND p.stage < $3::int
          AND (q.run IS NULL OR p.taken_over_count < p.task_count)
      )
      AND NOT EXISTS (
        SELECT FROM app.tasks t
        LEFT JOIN app.tasks u ON u.job = $1 AND u.run = $4::int AND u.stage = t.stage AND u.status = 'completed'
          AND u.task_key = t.task_key AND u.result::text = t.result::text
        WHERE t.job = $1 AND t.run = $2::int AND t.stage < $3::int AND u.task IS NULL
      )
    )
),
taken AS (
  UPDATE app.tasks t
  SET status = 'completed', result = o.result, started_at = o.started_at, finished_at = now(), worker = o.worker
  FROM eligible e
  JOIN app.tasks o ON o.job = $1 AND o.run = $4::int AND o.stage = $3::int AND o.status = 'completed'
  WHERE t.job = $1 AND t.run = $2::int AND t.stage = $3::int AND t.status = 'queued'
    AND t.task_key = o.task_key AND t.input::text = o.input::text
  RETURNING t.task
)
UPDATE app.stages s
SET taken_over_count = s.taken_over_count + (SELECT count(*) FROM taken)
WHERE s.job = $1 AND s.run = $2::int AND s.stage = $3::int
RETURNING s.taken_over_count AS taken_over
