-- Closes stages that have no open task and makes the next one their jobs' current one, its message due.
-- (0005_one_probe_each.sql)
-- Parameters: arrays of one element a stage, each of another job: $1 job ids, $2 runs, $3 stages
-- Result: the places in the arrays (ord, from 1) of the stages that this call closed
-- Locks: the jobs' rows and the stages' rows, in key order. Callers at the same instant queue up at a job's row; the
--   second finds another stage there.
-- Cost: a probe of tasks_open, and counting a stage's tasks once: 55 ms for 100,000
SELECT * FROM app.advance_jobs($1, $2, $3)
