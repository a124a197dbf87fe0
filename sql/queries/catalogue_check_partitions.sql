-- pgSTAC only: makes the partitions of the items and widens the time range of existing ones, by pgSTAC's own function.
-- $1 collection id, $2 items as a JSON array.
-- Locks: none when all is there. A new partition takes ACCESS EXCLUSIVE on items and on two materialised views: hold
-- the lock of partition making, and make it in a transaction of its own.
SELECT check_partition($1, dtrange, edtrange) FROM (
  SELECT tstzrange(min(lower(span)), max(lower(span)), '[]') AS dtrange,
         tstzrange(min(upper(span)), max(upper(span)), '[]') AS edtrange
  FROM collections AS c, jsonb_array_elements($2::jsonb) AS s (item), LATERAL stac_daterange(s.item) AS span
  WHERE c.id = $1
  GROUP BY date_trunc(c.partition_trunc, lower(span))
) AS spans
