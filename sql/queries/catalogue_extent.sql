-- pgSTAC: the extent from the statistics of the collection's partitions, O(partitions). They lag behind where pgSTAC
-- queues their refresh, and do not know collections with a quote in their id: null, use catalogue_extent_exact.
-- $1 collection id. Result: `extent` as in a STAC collection, or null.
SELECT CASE WHEN NOT get_setting_bool('use_queue') THEN collection_extent($1) END AS extent
