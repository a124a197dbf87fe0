-- The geometry column of a table or view, and its column of country codes if it has one.
-- Parameters: $1 schema, $2 table
-- Result: one row, the name of the column (geom) and of a text column iso_a3 or country_code (country) or null; none for a
--   table without geometries
-- Locks: none
-- Cost: the system catalogue; 20 ms the first time
SELECT g.f_geometry_column AS geom, (
  SELECT c.column_name FROM information_schema.columns c
  WHERE c.table_schema = $1 AND c.table_name = $2 AND lower(c.column_name) IN ('iso_a3', 'country_code')
    AND c.data_type IN ('text', 'character varying', 'character')
  ORDER BY c.column_name DESC
  LIMIT 1
) AS country
FROM public.geometry_columns g
WHERE g.f_table_schema = $1 AND g.f_table_name = $2
ORDER BY g.f_geometry_column
LIMIT 1
