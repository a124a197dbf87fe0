-- What hangs on a table and would go with it, though nothing keeps the table from being dropped.
-- Parameters: $1 the table's name, quoted
-- Result: a row for each, in words, e.g. `policy own_rows`
-- Locks: none
-- Cost: a probe of the system's catalogue for each kind; 0.5 ms
SELECT 'row-level security' AS tie FROM pg_catalog.pg_class WHERE oid = $1::regclass AND relrowsecurity
UNION ALL
SELECT 'policy ' || polname FROM pg_catalog.pg_policy WHERE polrelid = $1::regclass
UNION ALL
SELECT 'trigger ' || tgname FROM pg_catalog.pg_trigger WHERE tgrelid = $1::regclass AND NOT tgisinternal
UNION ALL
SELECT 'rule ' || rulename FROM pg_catalog.pg_rewrite WHERE ev_class = $1::regclass AND rulename <> '_RETURN'
UNION ALL
SELECT 'foreign key ' || conname FROM pg_catalog.pg_constraint WHERE conrelid = $1::regclass AND contype = 'f'
UNION ALL
SELECT 'publication ' || p.pubname FROM pg_catalog.pg_publication_rel r
JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = $1::regclass
UNION ALL
SELECT 'inheritance from ' || inhparent::regclass FROM pg_catalog.pg_inherits WHERE inhrelid = $1::regclass
