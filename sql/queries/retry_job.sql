-- Starts the next run of a job that has ended, with the parameters it has.
-- Parameters: $1 job id, $2 number of stages, $3 correlation id, $4 take over what was completed since the last run
--   from the start
-- Result: the job's row when a run begins; none when the job is active, unknown, or completed with nothing to try again
-- Locks: the job's row until the transaction ends
-- Cost: one probe of jobs' unique index, one row and an event; 0.3 ms
WITH begun AS (
  UPDATE app.jobs j SET
    status = 'queued',
    run = j.run + 1,
    stage = 1,
    total_stages = $2,
    -- The first of the runs to take over from: the last one that took nothing over.
    taken_over_run = CASE WHEN $4::boolean THEN coalesce(j.taken_over_run, j.run) END,
    result = NULL,
    error = NULL,
    correlation_id = $3,
    message_sent_at = NULL,
    -- Where it is due it is kept: 0009_due_callbacks.sql.
    callback_due = false,
    callback_delivered_at = NULL,
    started_at = NULL,
    completed_at = NULL,
    updated_at = now()
  WHERE j.job_id = $1
    AND (j.status IN ('failed', 'cancelled', 'completed_with_errors') OR (NOT $4::boolean AND j.status = 'completed'))
  RETURNING *
),
noted AS (
  INSERT INTO app.job_events (job, run, event, detail)
  SELECT id, run, 'job_rerun', json_build_object('correlation_id', correlation_id, 'takes_over_from', taken_over_run)
  FROM begun
)
SELECT * FROM begun
