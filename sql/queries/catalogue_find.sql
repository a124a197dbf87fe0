-- Which catalogue the database has.
-- Result: one row; `small` is the comment its installer left on the schema.
-- Locks: none. Cost: two look-ups in the system catalogue.
SELECT to_regprocedure('pgstac.get_version()') IS NOT NULL AS pgstac,
       obj_description(to_regnamespace('stac_small'), 'pg_namespace') AS small
