-- Removes the history of upkeep before a time.
-- Parameters: $1 days
-- Result: none
-- Locks: the rows removed
-- Cost: a pass over the table, which holds some 4,000 rows a day
DELETE FROM app.upkeep_runs WHERE started_at <= now() - $1::float8 * interval '1 day'
