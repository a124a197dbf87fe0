-- Stores a job, or starts the next run of one that failed or was cancelled, or of any that has ended when forced.
-- Parameters: $1 job id, $2 job type, $3 number of stages, $4 parameters, $5 metadata, $6 correlation id, $7 force
-- Result: the job's row when a run begins; none when the job stays as it is
-- Locks: the job's row until the transaction ends, also when it stays as it is, so that it can be read unchanged
-- Cost: one probe of jobs' unique index, one row and an event; 0.3 ms
WITH begun AS (
  INSERT INTO app.jobs AS j (job_id, job_type, total_stages, parameters, metadata, correlation_id)
  VALUES ($1, $2, $3, $4, $5, $6)
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
