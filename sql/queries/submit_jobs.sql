-- Stores jobs, or starts the next run of those that failed or were cancelled, or of any that have ended when forced. (0004_job_functions.sql)
-- Parameters: arrays of one element a job, each another one: $1 job ids, $2 job types, $3 numbers of stages, $4 parameters,
--   $5 metadata, $6 correlation ids; $7 force
-- Result: the rows of the jobs whose run begins; none for a job that stays as it is
-- Locks: the jobs' rows in the order of their ids until the transaction ends, also of those that stay as they are, so
--   that they can be read unchanged
-- Cost: one probe of jobs' unique index, one row and an event each; 0.3 ms
SELECT * FROM app.submit_jobs($1, $2, $3, $4, $5, $6, $7)
