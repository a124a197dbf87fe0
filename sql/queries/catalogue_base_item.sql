-- pgSTAC only: what a collection says for all of its items. $1 collection id. Result: `base_item`, or no row. Locks: none.
SELECT base_item FROM collections WHERE id = $1
