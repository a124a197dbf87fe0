-- A load that is still open, kept so until the transaction ends.
-- Parameters: $1 job id, $2 run
-- Result: its table and columns; none when the load has ended
-- Locks: the load's row, shared with other chunks
-- Cost: one probe; 0.1 ms
SELECT load_table, columns FROM app.loads WHERE job_id = $1 AND run = $2 AND published_at IS NULL FOR SHARE
