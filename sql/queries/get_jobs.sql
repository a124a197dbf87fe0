-- Jobs' rows.
-- Parameters: $1 job ids
-- Result: the rows of those that exist, in any order
-- Locks: none
-- Cost: one probe of jobs' unique index each; 0.1 ms
SELECT * FROM app.jobs WHERE job_id = ANY ($1::text[])
