-- Remembers a load, in the place of one that an earlier attempt of the same task began.
-- Parameters: $1 job id, $2 run, $3 attempt, $4 load table, $5 columns
-- Result: one row; none when a later attempt began one
-- Locks: the load's row
-- Cost: one row; 0.2 ms
INSERT INTO app.loads (job_id, run, attempt, load_table, columns)
VALUES ($1, $2, $3, $4, $5::json)
ON CONFLICT (job_id, run) DO UPDATE SET
  attempt = excluded.attempt,
  load_table = excluded.load_table,
  columns = excluded.columns
WHERE app.loads.attempt < excluded.attempt AND app.loads.published_at IS NULL
RETURNING load_table
