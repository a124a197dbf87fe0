-- The extent from the items themselves, O(items): one index scan of the collection.
-- $1 collection id. Result: `extent` as in a STAC collection, or null when the collection has no item.
SELECT jsonb_build_object(
  'spatial', jsonb_build_object('bbox',
    jsonb_build_array(jsonb_build_array(ST_XMin(box), ST_YMin(box), ST_XMax(box), ST_YMax(box)))),
  'temporal', jsonb_build_object('interval', jsonb_build_array(jsonb_build_array(first, last)))) AS extent
FROM (SELECT ST_Extent(geometry) AS box, min(datetime) AS first, max(end_datetime) AS last
      FROM items WHERE collection = $1) AS items
WHERE box IS NOT NULL
