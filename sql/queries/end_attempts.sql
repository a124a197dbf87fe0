-- Ends attempts, each only if it is still its task's current one. No task may be given twice. (0008_handed_back.sql)
-- Parameters: arrays of one element a task: $1 job ids, $2 runs, $3 stages, $4 task numbers, $5 attempts,
--   $6 new states, or handed_back: retrying, and not counted; $7 results as JSON or null, $8 errors as JSON or null, $9 delays until the next attempt in ms or null
-- Result: one row; `ended`: the places in the arrays (ord, from 1) of the attempts that were ended, as JSON, or null;
--   `cancelled`: of these the ones that ended as cancelled, a retry of a job that has ended as well
-- Locks: the tasks' rows in key order; before them, shared and in key order, the rows of jobs with a task to retry
-- Cost: 64 tasks of one stage take 2.2 ms of the server's processor time, one 0.4 ms, all planning included; ten pages
--   a task
SELECT json_agg(ord) AS ended, json_agg(ord) FILTER (WHERE status = 'cancelled') AS cancelled
FROM app.end_attempts($1, $2, $3, $4, $5, $6, $7, $8, $9)
