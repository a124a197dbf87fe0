-- pgSTAC only: the second half of an upsert. $1 collection id, $2 JSON array of objects with an item's id, geometry and
-- times (`properties`), and its `content` as it is stored. The partitions must be there.
-- content_dehydrate is given no collection, so that it leaves the content alone; the rest of the row is its own.
-- Locks in pgSTAC: ACCESS EXCLUSIVE on the views partitions and partition_steps until the transaction ends.
INSERT INTO items
SELECT whole.*
FROM jsonb_array_elements($2::jsonb) AS given (item),
  LATERAL content_dehydrate(given.item - 'content') AS slim,
  LATERAL jsonb_populate_record(
    slim, jsonb_build_object('collection', $1::text, 'content', given.item -> 'content')
  ) AS whole
