-- The job messages for these stages have been sent. Changes nothing where they were answered: the stage is planned.
-- Parameters: arrays of one element a stage: $1 job ids, $2 runs, $3 stages
-- Result: none
-- Locks: the jobs' rows. One that is locked is passed over: its message has been answered, or the job is ending.
-- Cost: one probe of jobs' unique index and one heap-only update each; 0.1 ms
UPDATE app.jobs SET message_sent_at = now()
WHERE id IN (
  SELECT j.id
  FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS g (job_id, run, stage)
  JOIN app.jobs j ON j.job_id = g.job_id AND j.run = g.run AND j.stage = g.stage
  WHERE j.status IN ('queued', 'processing')
    AND NOT EXISTS (SELECT FROM app.stages s WHERE s.job = j.id AND s.run = j.run AND s.stage = j.stage)
  FOR NO KEY UPDATE OF j SKIP LOCKED
)
