-- The first half of an upsert. $1 collection id, $2 item ids.
-- Locks: the rows. In pgSTAC a row that goes also refreshes the partition's statistics (ANALYZE and two views).
DELETE FROM items WHERE collection = $1 AND id = ANY ($2::text[])
