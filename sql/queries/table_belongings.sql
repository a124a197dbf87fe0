-- Statements that give the table which comes in another one's place its comments and grants, those of columns for the
-- columns that it has too.
-- Parameters: $1 the old table's name, quoted, which will be the new one's; $2 names of the new one's columns
-- Result: a row for each statement
-- Locks: none
-- Cost: a few probes of the system's catalogue; 0.5 ms
WITH old AS (
  SELECT oid, relacl, relowner FROM pg_catalog.pg_class WHERE oid = $1::regclass
),
columns AS (
  SELECT a.attnum, a.attname, a.attacl FROM pg_catalog.pg_attribute a
  JOIN old ON old.oid = a.attrelid
  WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attname = ANY ($2::text[])
),
grants AS (
  SELECT 0 AS attnum, g.privilege_type AS what, g.grantee, g.is_grantable
  FROM old CROSS JOIN LATERAL pg_catalog.aclexplode(old.relacl) g
  UNION ALL
  SELECT c.attnum, pg_catalog.format('%s (%I)', g.privilege_type, c.attname), g.grantee, g.is_grantable
  FROM columns c CROSS JOIN LATERAL pg_catalog.aclexplode(c.attacl) g
)
SELECT pg_catalog.format('GRANT %s ON %s TO %s%s', g.what, $1::text, coalesce(pg_catalog.quote_ident(r.rolname), 'PUBLIC'),
  CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS statement
FROM grants g
CROSS JOIN old
LEFT JOIN pg_catalog.pg_roles r ON r.oid = g.grantee
WHERE g.grantee <> old.relowner
UNION ALL
SELECT pg_catalog.format('COMMENT ON TABLE %s IS %L', $1::text, pg_catalog.obj_description(old.oid, 'pg_class'))
FROM old WHERE pg_catalog.obj_description(old.oid, 'pg_class') IS NOT NULL
UNION ALL
SELECT pg_catalog.format('COMMENT ON COLUMN %s.%I IS %L', $1::text, c.attname, pg_catalog.col_description(old.oid, c.attnum))
FROM columns c CROSS JOIN old WHERE pg_catalog.col_description(old.oid, c.attnum) IS NOT NULL
