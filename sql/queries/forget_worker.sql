-- A worker ends in order, its tasks handed back.
-- Parameters: $1 worker
-- Result: none
-- Locks: its row
-- Cost: one row; 0.1 ms
DELETE FROM app.workers WHERE worker = $1
