-- Notes which job made a table.
-- Parameters: $1 the table's name, quoted, $2 job id
-- Result: none
-- Locks: the table's origin row
-- Cost: one row; 0.1 ms
INSERT INTO app.table_origins (table_oid, job_id) VALUES ($1::regclass, $2)
ON CONFLICT (table_oid) DO UPDATE SET job_id = excluded.job_id, made_at = now()
