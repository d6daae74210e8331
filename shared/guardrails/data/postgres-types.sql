-- Makes postgres-types.txt: the built-in types that a value may be cast to (a type of somebody's own
-- may bring input and cast functions that do anything).
--   psql -qAtX -f postgres-types.sql "$COUNTERSIGN_TEST_POSTGRES_URL" > postgres-types.txt
SELECT t.typname FROM pg_catalog.pg_type AS t
LEFT JOIN pg_catalog.pg_type AS e ON e.oid = t.typelem AND t.typcategory = 'A'
WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.oid < 16384
  AND t.typtype IN ('b', 'r', 'm') AND (e.oid IS NULL OR e.typtype IN ('b', 'r', 'm'))
  OR t.oid = 'record'::regtype
ORDER BY t.typname COLLATE "C";
