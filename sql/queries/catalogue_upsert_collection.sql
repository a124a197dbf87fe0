-- Creates the collection or replaces its content, the extent included.
-- $1 collection as JSON. Locks: its row.
SELECT upsert_collection($1::jsonb)
