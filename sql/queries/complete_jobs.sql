-- Ends jobs that are active in these runs and stages and have no open task there, and closes the stages. (0005_one_probe_each.sql)
-- Parameters: arrays of one element a job, each another one: $1 job ids, $2 runs, $3 stages, $4 states, $5 results as JSON
--   or null, $6 errors as JSON or null, $7 whether a callback is due
-- Result: the places in the arrays (ord, from 1) of the jobs that this call ended
-- Locks: the jobs' rows and the stages' rows, in key order
-- Cost: a probe of tasks_open, and counting a stage's tasks once, as advance_jobs does
SELECT * FROM app.complete_jobs($1, $2, $3, $4, $5, $6, $7)
