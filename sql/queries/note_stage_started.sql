-- Tells that a stage was planned.
-- Parameters: $1 job's internal key, $2 run, $3 stage, $4 name, $5 number of tasks, $6 of these, taken over
-- Result: none
-- Locks: the job's row against deletion
-- Cost: one row; 0.1 ms
INSERT INTO app.job_events (job, run, stage, event, detail)
VALUES ($1, $2, $3, 'stage_started', json_build_object('name', $4::text, 'tasks', $5::int, 'taken_over', $6::int))
