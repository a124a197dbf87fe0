-- Removes a grid's cells that are in none of the ranges.
-- Parameters: $1 grid id, $2 first indexes, $3 last indexes
-- Result: one row: removed
-- Locks: the removed cells' rows
-- Cost: reads the grid's part of the primary key once, with a look at the ranges each: 0.2 s for 71,000 cells
WITH gone AS (
  DELETE FROM h3.grids g
  WHERE g.grid_id = $1
    AND NOT EXISTS (
      SELECT FROM unnest($2::bigint[], $3::bigint[]) AS r (first, last) WHERE g.h3_index BETWEEN r.first AND r.last
    )
  RETURNING 1
)
SELECT count(*)::int AS removed FROM gone
