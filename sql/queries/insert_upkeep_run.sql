-- Tells what one run of upkeep did.
-- Parameters: $1 run, $2 worker, $3 duration in ms, $4 scanned (rows found in need of something), $5 fixed, $6 actions, $7 error or null
-- Result: none
-- Locks: none
-- Cost: one row; 0.1 ms
INSERT INTO app.upkeep_runs (run, worker, started_at, duration_ms, scanned, fixed, actions, error)
VALUES ($1, $2, now() - $3::int * interval '1 millisecond', $3, $4, $5, $6::text[], $7)
