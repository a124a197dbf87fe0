-- A page of one run's tasks, by stage and number.
-- Parameters: $1 job id, $2 run, $3 stage or null, $4 status or null, $5 and $6 stage and number of the last row of the
--   page before, or nulls, $7 rows a page
-- Result: task rows without input and result
-- Locks: none
-- Cost: reads the primary key from the cursor until the page is full: the page, and the rows that the status filter
--   passes over (0.2 ms per 1,000)
SELECT
  t.run, t.stage, t.task, t.task_key, s.handler, t.status, t.attempt, t.progress, t.worker, t.error,
  t.created_at, t.started_at, t.finished_at, coalesce(t.handed_back, 0) AS handed_back
FROM app.tasks t
JOIN app.stages s ON s.job = t.job AND s.run = t.run AND s.stage = t.stage
-- A subquery and not a join: with one job for certain, the primary key gives the order and the page needs no sorting.
WHERE t.job = (SELECT j.id FROM app.jobs j WHERE j.job_id = $1)
  AND t.run = $2::bigint
  AND ($3::bigint IS NULL OR t.stage = $3)
  AND ($4::text IS NULL OR t.status = $4)
  AND ($5::bigint IS NULL OR (t.stage, t.task) > ($5, $6::bigint))
ORDER BY t.stage, t.task
LIMIT $7
