-- The second half of an upsert. $1 items as a JSON array. The partitions must be there.
-- content_dehydrate stands in FROM: as `(content_dehydrate(x)).*` it would run once a column. Measured for 10,000 small
-- items: 5.6 s against 55.8 s of upsert_items, which also leaves every row behind in items_staging_upsert.
-- Locks in pgSTAC: ACCESS EXCLUSIVE on the views partitions and partition_steps until the transaction ends.
INSERT INTO items SELECT d.* FROM jsonb_array_elements($1::jsonb) AS s (content), LATERAL content_dehydrate(s.content) AS d
