-- $1 collection id. Result: `content`, null when there is none.
SELECT get_collection($1) AS content
