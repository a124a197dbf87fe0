-- Creates the collection unless there is one of this id. The collection's advisory lock must be held.
-- $1 id, $2 collection as JSON. Result: a row when it was created.
SELECT create_collection($2::jsonb) FROM (SELECT 1 WHERE get_collection($1) IS NULL) AS absent
