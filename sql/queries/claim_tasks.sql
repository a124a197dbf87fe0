-- Takes those of the given tasks that are queued, or due for another attempt. The job must be processing in this very run
-- and stage. No task may be given twice. What is not taken is a case for claim_contested. (0005_one_probe_each.sql)
-- Parameters: arrays of one element a task: $1 job ids, $2 runs, $3 stages, $4 task numbers, $5 workers, $6 leases in ms
-- Result: one row; `taken`: of each task that was taken its place in the arrays (ord, from 1) and what the worker needs, as
--   one JSON array, which the driver reads in a third of the time of rows; or null
-- Locks: the tasks' rows, in key order as every statement that locks several, so that no two can deadlock
-- Cost: 64 tasks of one stage take 1.4 ms of the server's processor time, one 0.3 ms, all planning included; eight
--   pages a task
SELECT json_agg(task) AS taken FROM app.claim_tasks($1, $2, $3, $4, $5, $6) AS task
