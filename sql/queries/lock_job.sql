-- Holds a job still while its stage is made: whoever wants to end or advance it waits.
-- Parameters: $1 job id, $2 run, $3 stage
-- Result: the job's internal key and the first run it takes over from, or null; none when the job is not active in this run and stage
-- Locks: the job's row until the transaction ends
-- Cost: one probe of jobs' unique index; 0.1 ms
SELECT id, taken_over_run FROM app.jobs
WHERE job_id = $1 AND run = $2::bigint AND stage = $3::bigint AND status IN ('queued', 'processing')
FOR NO KEY UPDATE
