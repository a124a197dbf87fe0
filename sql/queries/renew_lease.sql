-- Renews the lease of a task that is still this attempt's.
-- Parameters: $1 job id, $2 run, $3 stage, $4 task, $5 attempt, $6 lease in ms, $7 progress 0-1 or null
-- Result: one row when the lease is held, with whether its job is still in this run and stage; none when it is lost
-- Locks: the task's row
-- Cost: two index probes, one heap-only update; 0.1 ms
UPDATE app.tasks t
SET lease_until = now() + $6::float8 * interval '1 millisecond', progress = coalesce($7::real, t.progress)
FROM app.jobs j
WHERE j.job_id = $1 AND t.job = j.id AND t.run = $2::bigint AND t.stage = $3::bigint AND t.task = $4::bigint
  AND t.status = 'processing' AND t.attempt = $5::bigint
RETURNING j.status = 'processing' AND j.run = t.run AND j.stage = t.stage AS is_current
