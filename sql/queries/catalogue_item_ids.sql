-- Ids of a collection's items that begin with a text. $1 collection id, $2 text. Result: `id`, in order.
-- Locks: none. Cost: one scan of the collection's ids.
SELECT id FROM items WHERE collection = $1 AND starts_with(id, $2) ORDER BY id COLLATE "C"
