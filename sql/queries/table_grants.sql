-- Who may do what with a table, besides its owner.
-- Parameters: $1 the table's name, quoted
-- Result: a row for each grant; grantee null: everybody
-- Locks: none
-- Cost: one probe; 0.2 ms
SELECT g.privilege_type AS privilege, r.rolname AS grantee, g.is_grantable AS grantable
FROM pg_catalog.pg_class c
CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) g
LEFT JOIN pg_catalog.pg_roles r ON r.oid = g.grantee
WHERE c.oid = $1::regclass AND g.grantee <> c.relowner
