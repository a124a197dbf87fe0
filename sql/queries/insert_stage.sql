-- Stores a stage.
-- Parameters: $1 job's internal key, $2 run, $3 stage, $4 name, $5 handler, $6 parallelism, $7 policy, $8 number of tasks
-- Result: one row; none when the stage is there already
-- Locks: the job's row against deletion
-- Cost: one row, two index entries; 0.1 ms
INSERT INTO app.stages (job, run, stage, name, handler, parallelism, policy, task_count)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT DO NOTHING
RETURNING stage
