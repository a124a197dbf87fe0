-- Removes a grid's cells that are in none of the ranges, which do not overlap.
-- Parameters: $1 grid id, $2 first indexes, $3 last indexes
-- Result: one row: removed
-- Locks: the removed cells' rows
-- Cost: one look into the primary key for each gap between two ranges, and what is removed; the cells that stay are not read
WITH gaps AS (
  SELECT coalesce(lag(r.last) OVER (ORDER BY r.first), -1) AS after, r.first AS before
  FROM unnest($2::bigint[], $3::bigint[]) AS r (first, last)
  UNION ALL
  SELECT coalesce(max(r.last), -1), 9223372036854775807 FROM unnest($3::bigint[]) AS r (last)
),
gone AS (
  DELETE FROM h3.grids g
  USING gaps
  WHERE g.grid_id = $1 AND g.h3_index > gaps.after AND g.h3_index < gaps.before
  RETURNING 1
)
SELECT count(*)::int AS removed FROM gone
