-- pgSTAC only: whether any of the items has no partition yet.
-- $1 collection id, $2 items as a JSON array. Result: one row, `missing`.
-- Locks: none. Cost: one catalogue look-up for each different month at most.
-- An unknown collection raises foreign_key_violation.
SELECT EXISTS (
  SELECT FROM (SELECT DISTINCT n.partition_name FROM jsonb_array_elements($2::jsonb) AS s (item),
    LATERAL partition_name($1, stac_datetime(s.item)) AS n) AS wanted
  WHERE to_regclass(format('pgstac.%I', partition_name)) IS NULL
) AS missing
