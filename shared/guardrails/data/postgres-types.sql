-- Makes postgres-types.txt: the built-in types that a value may be cast to (a type of somebody's own
-- may bring input and cast functions that do anything).
--   psql -qAtX -f postgres-types.sql "$COUNTERSIGN_TEST_POSTGRES_URL" > postgres-types.txt
SELECT typname FROM pg_catalog.pg_type
WHERE typnamespace = 'pg_catalog'::regnamespace AND oid < 16384
  AND typtype IN ('b', 'r', 'm') AND typname !~ '^_'
ORDER BY typname COLLATE "C";
