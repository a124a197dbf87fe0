-- The job message for this stage has been sent.
-- Parameters: $1 job id, $2 run, $3 stage
-- Result: none
-- Locks: the job's row
-- Cost: one probe of jobs' unique index, one heap-only update; 0.1 ms
UPDATE app.jobs SET message_sent_at = now()
WHERE job_id = $1 AND run = $2::bigint AND stage = $3::bigint AND status IN ('queued', 'processing')
