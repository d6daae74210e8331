SELECT * FROM customers LIMIT 10
SELECT id, email FROM customers WHERE email = 'a@example.com'
SELECT count(*) FROM orders WHERE created_at > now() - interval '1 day'
SELECT status, count(*) AS n FROM orders GROUP BY status ORDER BY n DESC
SELECT date_trunc('month', created_at) AS month, sum(total) FROM orders GROUP BY 1
SELECT c.id, o.total FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.id IN (1, 2, 3)
SELECT c.id FROM customers c LEFT JOIN orders o USING (customer_id) WHERE o.id IS NULL
SELECT * FROM orders ORDER BY id DESC LIMIT 5 OFFSET 10
SELECT DISTINCT ON (customer_id) * FROM orders ORDER BY customer_id, created_at DESC
SELECT coalesce(name, email), nullif(phone, '') FROM customers
SELECT string_agg(name, ', ' ORDER BY name) FROM customers
SELECT array_agg(id) FROM customers
SELECT CASE WHEN total > 100 THEN 'big' ELSE 'small' END FROM orders
SELECT id, row_number() OVER (PARTITION BY customer_id ORDER BY created_at) FROM orders
WITH big AS (SELECT * FROM orders WHERE total > 100) SELECT count(*) FROM big
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT * FROM n
SELECT id FROM customers UNION SELECT customer_id FROM orders
SELECT * FROM (SELECT id, total FROM orders) t WHERE t.total > 5
SELECT EXISTS (SELECT 1 FROM orders WHERE customer_id = 7)
SELECT data->'a', data->>'b', data#>>'{c,d}' FROM events
SELECT * FROM events WHERE data @> '{"kind": "login"}'
SELECT jsonb_array_elements(data->'items') FROM events
SELECT e.key, e.value FROM events, jsonb_each_text(data) e
SELECT to_char(created_at, 'YYYY-MM'), extract(year FROM created_at) FROM orders
SELECT age(now(), created_at) FROM customers
SELECT created_at AT TIME ZONE 'Europe/Berlin' FROM orders
SELECT substring(name FROM 1 FOR 3), trim(leading '0' FROM code) FROM customers
SELECT id::text, '2024-01-01'::date, total::numeric(10,2) FROM orders
SELECT * FROM customers WHERE name ILIKE '%smith%' OR email ~ '^a'
SELECT * FROM docs WHERE to_tsvector('english', body) @@ plainto_tsquery('cat')
SELECT max(id), min(id), avg(total), percentile_cont(0.5) WITHIN GROUP (ORDER BY total) FROM orders
SELECT id FROM orders WHERE customer_id = (SELECT id FROM customers WHERE email = 'x')
SELECT * FROM orders WHERE NOT EXISTS (SELECT 1 FROM payments p WHERE p.order_id = orders.id)
SELECT * FROM orders WHERE id = ANY (ARRAY[1, 2, 3])
SELECT version(), current_database(), current_user, current_schema
SELECT current_setting('work_mem')
SHOW work_mem
SHOW ALL
SELECT generate_series(1, 10)
SELECT * FROM generate_series(now() - interval '7 days', now(), '1 day') d
SELECT c.*, x.n FROM customers c, LATERAL (SELECT count(*) AS n FROM orders o WHERE o.customer_id = c.id) x
SELECT "order", "group" FROM "table"
SELECT * FROM public.orders o WHERE o.status IS DISTINCT FROM 'open'
SELECT sum(total) FILTER (WHERE status = 'open') FROM orders
SELECT country, city, count(*) FROM customers GROUP BY ROLLUP (country, city)
SELECT * FROM orders WHERE (customer_id, status) IN ((1, 'open'), (2, 'open'))
SELECT * FROM orders WHERE created_at BETWEEN '2024-01-01' AND '2024-02-01'
SELECT ntile(4) OVER w FROM orders WINDOW w AS (ORDER BY total)
SELECT lag(total) OVER (ORDER BY id) FROM orders
SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'
SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'orders'
SELECT relname, reltuples FROM pg_class WHERE relkind = 'r'
SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'orders'
SELECT pg_size_pretty(pg_total_relation_size('orders'))
SELECT pg_size_pretty(pg_database_size(current_database()))
SELECT nspname FROM pg_namespace
SELECT extname, extversion FROM pg_extension
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
SELECT * FROM pg_stat_user_tables
SELECT relname, n_dead_tup FROM pg_stat_user_tables ORDER BY n_dead_tup DESC LIMIT 10
SELECT * FROM pg_stat_user_indexes WHERE idx_scan = 0
SELECT * FROM pg_locks WHERE NOT granted
SELECT pid, state, query FROM pg_stat_activity
SELECT * FROM pg_stat_database
SELECT * FROM pg_settings WHERE name LIKE 'max%'
SELECT * FROM pg_tables
SELECT viewname, definition FROM pg_views
EXPLAIN SELECT * FROM orders WHERE id = 1
EXPLAIN (FORMAT JSON) SELECT * FROM orders
EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM orders
TABLE orders
VALUES (1, 2), (3, 4)
SELECT md5(name), encode(hash, 'hex'), length(name) FROM customers
SELECT unnest(tags) FROM posts
SELECT regexp_replace(name, 'a', 'b', 'g'), split_part(email, '@', 2) FROM customers
SELECT greatest(a, b), least(a, b), round(total, 2), floor(total) FROM orders
SELECT to_timestamp(1700000000), make_date(2024, 1, 1)
SELECT * FROM orders TABLESAMPLE SYSTEM (1)
SELECT count(DISTINCT customer_id) FROM orders HAVING count(*) > 1
SELECT gen_random_uuid()
