-- Tasks [0, $4) of the stage have had their message sent.
-- Parameters: $1 job id, $2 run, $3 stage, $4 number of tasks
-- Result: none
-- Locks: the stage's row
-- Cost: two index probes, one heap-only update; 0.1 ms
UPDATE app.stages s
SET published_count = least(greatest(s.published_count, $4::bigint), s.task_count), updated_at = now()
FROM app.jobs j
WHERE j.job_id = $1 AND s.job = j.id AND s.run = $2::bigint AND s.stage = $3::bigint
