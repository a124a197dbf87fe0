-- How a run ended whose completion callback has not been taken.
-- Parameters: $1 job id, $2 run
-- Result: job_id, job_type, run, stage, status, result; none when its callback is not due
-- Locks: none
-- Cost: one probe of jobs' unique index and one of due_callbacks' key; 0.1 ms
SELECT job_id, job_type, run, stage, status, result FROM app.jobs
WHERE job_id = $1 AND run = $2::int AND callback_due
UNION ALL
SELECT j.job_id, j.job_type, d.run, d.stage, d.status, d.result
FROM app.jobs j
JOIN app.due_callbacks d ON d.job = j.id AND d.run = $2::int
WHERE j.job_id = $1
