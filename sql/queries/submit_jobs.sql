-- Stores jobs, or starts the next run of those that failed or were cancelled, or of any that have ended when forced.
-- Parameters: arrays of one element a job, each another one: $1 job ids, $2 job types, $3 numbers of stages, $4 parameters,
--   $5 metadata, $6 correlation ids; $7 force
-- Result: the rows of the jobs whose run begins; none for a job that stays as it is
-- Locks: the jobs' rows in the order of their ids until the transaction ends, also of those that stay as they are, so
--   that they can be read unchanged
-- Cost: one probe of jobs' unique index, one row and an event each; 0.3 ms
WITH begun AS (
  INSERT INTO app.jobs AS j (job_id, job_type, total_stages, parameters, metadata, correlation_id)
  SELECT g.job_id, g.job_type, g.total_stages, g.parameters::json, g.metadata::json, g.correlation_id
  FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[])
    AS g (job_id, job_type, total_stages, parameters, metadata, correlation_id)
  ORDER BY g.job_id COLLATE "C"
  ON CONFLICT (job_id) DO UPDATE SET
    job_type = excluded.job_type,
    status = 'queued',
    run = j.run + 1,
    stage = 1,
    total_stages = excluded.total_stages,
    taken_over_run = NULL,
    parameters = excluded.parameters,
    metadata = excluded.metadata,
    result = NULL,
    error = NULL,
    correlation_id = excluded.correlation_id,
    message_sent_at = NULL,
    callback_due = false,
    callback_delivered_at = NULL,
    started_at = NULL,
    completed_at = NULL,
    updated_at = now()
  WHERE j.status IN ('failed', 'cancelled')
    OR ($7::boolean AND j.status IN ('completed', 'completed_with_errors'))
  RETURNING *
),
noted AS (
  INSERT INTO app.job_events (job, run, event, detail)
  SELECT id, run, CASE run WHEN 1 THEN 'job_created' ELSE 'job_rerun' END,
    json_build_object('correlation_id', correlation_id)
  FROM begun
)
SELECT * FROM begun
