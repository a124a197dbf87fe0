-- How many of some cells of a grid have a parent that is not in the coarser grid.
-- Parameters: $1 grid id, $2 the coarser grid's id, $3 the index behind which to begin, $4 how many cells at most
-- Result: one row: cells, the last of them, missing
-- Locks: none
-- Cost: the primary key from $3, and each parent by the primary key: 0.2 s for 200,000 cells
SELECT count(*)::int AS cells, max(c.h3_index)::text AS last, count(*) FILTER (WHERE p.h3_index IS NULL)::int AS missing
FROM (
  SELECT h3_index, parent_h3_index FROM h3.grids
  WHERE grid_id = $1 AND h3_index > $3::bigint
  ORDER BY h3_index
  LIMIT $4
) AS c
LEFT JOIN h3.grids p ON p.grid_id = $2 AND p.h3_index = c.parent_h3_index
