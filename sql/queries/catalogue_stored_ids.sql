-- Which of the items are there. $1 collection id, $2 item ids.
SELECT id FROM items WHERE collection = $1 AND id = ANY ($2::text[])
