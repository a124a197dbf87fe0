-- Completes those tasks of a new stage that an earlier run has completed: the same key, the same input; of several runs
-- the last. The one task of a fan-in only from a run in which everything before it was the same, results and all.
-- Parameters: $1 job's internal key, $2 run, $3 stage, $4 the first of the runs to take over from
-- Result: one row with the number of tasks taken over
-- Locks: the tasks' and the stage's rows, which nobody else can see yet
-- Cost: a pass over the stage in each of the runs, and rewriting what is taken over: 1.5 s for 100,000 and one run
WITH sources AS MATERIALIZED (
  SELECT o.run
  FROM app.stages s
  JOIN app.stages o ON o.job = s.job AND o.stage = s.stage AND o.run >= $4::int AND o.run < s.run
  WHERE s.job = $1 AND s.run = $2::int AND s.stage = $3::int
    AND (
      s.parallelism <> 'fan_in'
      -- Which of the stages before it a fan-in looks at is not known here.
      OR NOT EXISTS (
        SELECT FROM app.stages p
        LEFT JOIN app.stages q ON q.job = p.job AND q.run = o.run AND q.stage = p.stage AND q.task_count = p.task_count
        WHERE p.job = s.job AND p.run = s.run AND p.stage < s.stage
          AND (
            q.run IS NULL
            OR p.taken_over_count < p.task_count
            OR EXISTS (
              SELECT FROM app.tasks t
              LEFT JOIN app.tasks u ON u.job = p.job AND u.run = o.run AND u.stage = p.stage
                AND u.status = 'completed' AND u.task_key = t.task_key AND u.result::text = t.result::text
              WHERE t.job = p.job AND t.run = p.run AND t.stage = p.stage AND u.task IS NULL
            )
          )
      )
    )
),
-- Narrow rows to sort: the results are looked up after.
newest AS MATERIALIZED (
  SELECT DISTINCT ON (t.task) t.task, o.run AS old_run, o.task AS old_task
  FROM app.tasks t
  JOIN app.tasks o ON o.job = t.job AND o.stage = t.stage AND o.status = 'completed'
    AND o.task_key = t.task_key AND o.input::text = t.input::text
  WHERE t.job = $1 AND t.run = $2::int AND t.stage = $3::int AND o.run IN (SELECT run FROM sources)
  ORDER BY t.task, o.run DESC
),
taken AS (
  UPDATE app.tasks t
  SET status = 'completed', result = o.result, started_at = o.started_at, finished_at = now(), worker = o.worker
  FROM newest n
  JOIN app.tasks o ON o.job = $1 AND o.run = n.old_run AND o.stage = $3::int AND o.task = n.old_task
  WHERE t.job = $1 AND t.run = $2::int AND t.stage = $3::int AND t.task = n.task
  RETURNING t.task
)
UPDATE app.stages s
SET taken_over_count = (SELECT count(*) FROM taken)
WHERE s.job = $1 AND s.run = $2::int AND s.stage = $3::int
RETURNING s.taken_over_count AS taken_over
