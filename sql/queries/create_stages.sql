-- Stores stages with their tasks and makes their jobs processing. For runs that take nothing over. (0005_one_probe_each.sql)
-- Parameters: arrays of one element a stage, each of another job: $1 job ids, $2 runs, $3 stages, $4 names, $5 handlers,
--   $6 parallelisms, $7 policies, $8 numbers of tasks; arrays of one element a task: $9 its stage's place in the arrays
--   (ord, from 1), $10 its number, $11 its key, $12 its input as JSON
-- Result: ord of each stage whose job is active in this run and stage and takes nothing over from an earlier run; made =
--   false when the stage is there already
-- Locks: the jobs' rows in key order: whoever wants to end or advance one waits
-- Cost: 5,000 tasks in 60 ms
SELECT * FROM app.create_stages($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
