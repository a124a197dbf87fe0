-- For the rest of the transaction no join goes row by row: of rows that were made in it there are no statistics.
-- Parameters: none
-- Result: none
-- Locks: none
-- Cost: none
SET LOCAL enable_nestloop = off
