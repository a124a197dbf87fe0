-- Completed results of a stage after a given number, in order.
-- Parameters: $1 job id, $2 run, $3 stage, $4 number, $5 rows at most, $6 stored bytes at most (one row always comes)
-- Result: task, task_key, result
-- Locks: none
-- Cost: reads the primary key from $4 on: the page, and the tasks in between that did not complete
SELECT page.task, page.task_key, page.result
FROM (
  SELECT t.task, t.task_key, t.result,
    -- The size as it is stored, so that no large result is read only to be measured.
    sum(pg_column_size(t.result)) OVER (ORDER BY t.task) - pg_column_size(t.result) AS bytes_before
  FROM (
    SELECT t.task, t.task_key, t.result
    FROM app.tasks t
    -- A subquery and not a join for the reason given in list_tasks.
    WHERE t.job = (SELECT j.id FROM app.jobs j WHERE j.job_id = $1) AND t.run = $2::bigint AND t.stage = $3::bigint
      AND t.task > $4::bigint AND t.status = 'completed'
    ORDER BY t.task
    LIMIT $5
  ) t
) page
WHERE page.bytes_before < $6::bigint
ORDER BY page.task
