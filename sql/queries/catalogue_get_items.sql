-- Those of the items that are there. $1 collection id, $2 item ids. Result: `content`, one row an item, in any order.
-- Locks: none. Cost: one look-up by id an item.
SELECT found.content FROM unnest($2::text[]) AS wanted (id), LATERAL (SELECT get_item(wanted.id, $1) AS content) AS found
WHERE found.content IS NOT NULL
