-- The failed task with the lowest number.
-- Parameters: $1 job id, $2 run, $3 stage
-- Result: task, task_key, error; none when no task failed
-- Locks: none
-- Cost: reads the stage's tasks in order up to the first failed one; once a stage, when its counts say that one failed
SELECT t.task, t.task_key, t.error
FROM app.tasks t
-- A subquery and not a join for the reason given in list_tasks.
WHERE t.job = (SELECT j.id FROM app.jobs j WHERE j.job_id = $1) AND t.run = $2::bigint AND t.stage = $3::bigint
  AND t.status = 'failed'
ORDER BY t.task
LIMIT 1
