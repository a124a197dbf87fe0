-- Completes those tasks of a new stage that the run before has completed: the same key, the same input. The one task of
-- a fan-in only when everything it looks at was taken over too.
-- Parameters: $1 job's internal key, $2 run, $3 stage, $4 the run to take over from
-- Result: one row with the number of tasks taken over
-- Locks: the tasks' and the stage's rows, which nobody else can see yet
-- Cost: a pass over both runs of the stage, and rewriting what is taken over: 1.5 s for 100,000
WITH eligible AS (
  SELECT s.job, s.run, s.stage
  FROM app.stages s
  WHERE s.job = $1 AND s.run = $2::int AND s.stage = $3::int
    AND (
      s.parallelism <> 'fan_in'
      OR EXISTS (
        SELECT FROM app.stages p
        JOIN app.stages o ON o.job = p.job AND o.run = $4::int AND o.stage = p.stage AND o.task_count = p.task_count
        WHERE p.job = s.job AND p.run = s.run AND p.stage = s.stage - 1 AND p.taken_over_count = p.task_count
      )
    )
),
taken AS (
  UPDATE app.tasks t
  SET status = 'completed', result = o.result, started_at = o.started_at, finished_at = now(), worker = o.worker
  FROM eligible e
  JOIN app.tasks o ON o.job = e.job AND o.run = $4::int AND o.stage = e.stage AND o.status = 'completed'
  WHERE t.job = e.job AND t.run = e.run AND t.stage = e.stage
    AND t.task_key = o.task_key AND t.input::text = o.input::text
  RETURNING t.task
)
UPDATE app.stages s
SET taken_over_count = (SELECT count(*) FROM taken)
WHERE s.job = $1 AND s.run = $2::int AND s.stage = $3::int
RETURNING s.taken_over_count AS taken_over
