-- $1 item id, $2 collection id. Result: `content`, or no row.
SELECT get_item($1, $2) AS content
