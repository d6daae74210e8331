-- The words that PostgreSQL refuses as the name of a table or column without quotes: data/postgres-reserved.txt.
-- `label` marks those that may be the alias of a column without AS.
SELECT upper(word) || CASE WHEN barelabel THEN ' label' ELSE '' END
FROM pg_get_keywords() WHERE catcode IN ('R', 'T') ORDER BY 1;
