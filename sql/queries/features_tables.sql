-- Tables and views that can be collections of features, with their columns and indexes.
-- Parameters: $1 text[] schemas, $2 text[] table names to look for, null for all.
-- Result: one row a table or view that this role may read and that has a geometry column. columns [{name, type, kind,
--   enum, notNull}] in order, dropped ones as null, so that index.columns (from 1) point into it.
-- Locks: ACCESS SHARE on the catalogue for the statement; none on the tables: one that is being altered holds nobody up.
-- Cost: catalogue look-ups by index, about 1 ms for one table, 25 ms for 1,000.
SELECT
  namespace.nspname AS schema,
  class.relname AS table,
  class.oid::text AS oid,
  class.relkind AS kind,
  pg_catalog.obj_description(class.oid, 'pg_class') AS description,
  (
    SELECT json_agg(
      CASE WHEN NOT attribute.attisdropped THEN json_build_object(
        'name', attribute.attname,
        'type', pg_catalog.format_type(attribute.atttypid, attribute.atttypmod),
        'kind', type.typname,
        'enum', type.typtype = 'e',
        'notNull', attribute.attnotnull
      ) END ORDER BY attribute.attnum)
    FROM pg_catalog.pg_attribute AS attribute
    LEFT JOIN pg_catalog.pg_type AS type ON type.oid = attribute.atttypid
    WHERE attribute.attrelid = class.oid AND attribute.attnum > 0
  ) AS columns,
  (
    SELECT coalesce(json_agg(json_build_object(
      'columns', (index.indkey::int2[])[0:index.indnkeyatts - 1],
      'primary', index.indisprimary,
      'unique', index.indisunique AND index.indimmediate,
      'method', method.amname,
      'partial', index.indpred IS NOT NULL
    ) ORDER BY index.indexrelid), '[]')
    FROM pg_catalog.pg_index AS index
    JOIN pg_catalog.pg_class AS index_class ON index_class.oid = index.indexrelid
    JOIN pg_catalog.pg_am AS method ON method.oid = index_class.relam
    WHERE index.indrelid = class.oid AND index.indisvalid
  ) AS indexes
FROM pg_catalog.pg_namespace AS namespace
JOIN pg_catalog.pg_class AS class ON class.relnamespace = namespace.oid
WHERE namespace.nspname = ANY ($1::text[])
  AND ($2::text[] IS NULL OR class.relname = ANY ($2::text[]))
  AND class.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND NOT class.relispartition
  AND class.relname NOT LIKE '%\_\_load\_%'
  AND pg_catalog.has_schema_privilege(namespace.oid, 'USAGE')
  AND pg_catalog.has_table_privilege(class.oid, 'SELECT')
  AND EXISTS (
    SELECT FROM pg_catalog.pg_attribute AS geometry_attribute
    JOIN pg_catalog.pg_type AS geometry_type ON geometry_type.oid = geometry_attribute.atttypid
    WHERE geometry_attribute.attrelid = class.oid AND NOT geometry_attribute.attisdropped AND geometry_type.typname = 'geometry'
  )
ORDER BY class.relname, namespace.nspname
