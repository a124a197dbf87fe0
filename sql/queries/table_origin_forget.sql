-- Forgets who made tables that are gone.
-- Parameters: none
-- Result: none
-- Locks: the origin rows removed
-- Cost: reads app.table_origins; 1 ms for a thousand
DELETE FROM app.table_origins o WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = o.table_oid)
