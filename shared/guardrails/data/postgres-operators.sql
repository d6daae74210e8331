-- Makes postgres-operators.txt: the names of the built-in operators.
--   psql -qAtX -f postgres-operators.sql "$COUNTERSIGN_TEST_POSTGRES_URL" > postgres-operators.txt
SELECT DISTINCT oprname::text COLLATE "C" AS name FROM pg_catalog.pg_operator
WHERE oprnamespace = 'pg_catalog'::regnamespace AND oid < 16384
ORDER BY name;
