-- How large a table is, with its partitions.
-- Parameters: $1 oid of the table.
-- Result: one row, bytes: heap and TOAST, no indexes.
-- Locks: ACCESS SHARE on the table and its partitions for the statement: it waits while one is being altered.
-- Cost: asks the file system for each part, well under 1 ms.
SELECT (
  pg_catalog.pg_table_size($1::oid) + coalesce(
    (
      SELECT sum(pg_catalog.pg_table_size(part.relid))
      FROM pg_catalog.pg_partition_tree($1::oid::regclass) AS part
      WHERE part.relid <> $1::oid
    ),
    0
  )
)::float8 AS bytes
