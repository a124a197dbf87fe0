-- The planned stages of runs, with the states of their tasks counted. (0007_get_stages.sql)
-- Parameters: arrays of one element a run: $1 job ids, $2 runs
-- Result: in order of the runs and their stages: the place in the arrays (ord, from 1) and stage rows with queued,
--   processing, completed, failed, cancelled and the mean progress of running tasks (one that has reported nothing counts
--   as 0; null when none has). A stage is over (completed_at) when its last task is, though nobody has closed it yet.
-- Locks: none
-- Cost: a closed stage's counts are stored; the current one's tasks are counted: 35 ms for 100,000
SELECT * FROM app.get_stages($1, $2)
