-- Removes a grid's cells of a range of indexes.
-- Parameters: $1 grid id, $2 first index, $3 last index
-- Result: none
-- Locks: these cells' rows
-- Cost: the primary key from $2 to $3
DELETE FROM h3.grids WHERE grid_id = $1 AND h3_index BETWEEN $2::bigint AND $3::bigint
