-- pgSTAC only: those of the items that are there, as they are stored. $1 collection id, $2 item ids.
-- Result: `content`, `base_item` of the collection, one row an item, in any order. Locks: none.
SELECT content_nonhydrated(i) AS content, c.base_item
FROM items i JOIN collections c ON c.id = i.collection
WHERE i.collection = $1 AND i.id = ANY ($2::text[])
