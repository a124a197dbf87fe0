-- Completed results of a stage after a given number, in order.
-- Parameters: $1 job id, $2 run, $3 stage, $4 number, $5 rows at most, $6 bytes at most of their texts (one row always comes)
-- Result: task, task_key, result
-- Locks: none
-- Cost: reads the primary key from $4 on: the page, and the tasks in between that did not complete. Of results that are
--   stored compressed all $5 are unpacked, also those that then have no room: whoever reads many asks for few
SELECT page.task, page.task_key, page.result
FROM (
  SELECT t.task, t.task_key, t.result, t.bytes,
    sum(t.bytes) OVER (ORDER BY t.task) AS bytes_with_it
  FROM (
    SELECT t.task, t.task_key, t.result,
      -- What is stored as it is tells its size unread. What is compressed may be a hundred times as large in memory.
      CASE WHEN pg_column_compression(t.result) IS NULL THEN pg_column_size(t.result)
        ELSE octet_length(t.result::text) END AS bytes
    FROM app.tasks t
    -- A subquery and not a join for the reason given in list_tasks.
    WHERE t.job = (SELECT j.id FROM app.jobs j WHERE j.job_id = $1) AND t.run = $2::bigint AND t.stage = $3::bigint
      AND t.task > $4::bigint AND t.status = 'completed'
    ORDER BY t.task
    LIMIT $5
  ) t
) page
WHERE page.bytes_with_it <= $6::bigint OR page.bytes_with_it = page.bytes
ORDER BY page.task
