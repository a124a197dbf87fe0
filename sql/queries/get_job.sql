-- A job's row.
-- Parameters: $1 job id
-- Result: the row, or none
-- Locks: none
-- Cost: one probe of jobs' unique index; 0.1 ms
SELECT * FROM app.jobs WHERE job_id = $1
