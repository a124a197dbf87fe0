-- What happened to a job, in the order in which it was written.
-- Parameters: $1 job id, $2 run or null, $3 id of the last row of the page before or null, $4 rows a page
-- Result: id, at, run, stage, task, attempt, event, detail
-- Locks: none
-- Cost: reads job_events_of_job from the cursor until the page is full
SELECT e.id, e.at, e.run, e.stage, e.task, e.attempt, e.event, e.detail
FROM app.job_events e
WHERE e.job = (SELECT j.id FROM app.jobs j WHERE j.job_id = $1)
  AND ($2::int IS NULL OR e.run = $2)
  AND ($3::bigint IS NULL OR e.id > $3)
ORDER BY e.id
LIMIT $4
