-- A worker lives, again or for the first time.
-- Parameters: $1 worker
-- Result: its number
-- Locks: its row
-- Cost: one row; 0.1 ms
INSERT INTO app.workers (worker) VALUES ($1)
ON CONFLICT (worker) DO UPDATE SET missing_since = NULL
RETURNING number
