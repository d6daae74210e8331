SELECT * FROM customers LIMIT 10
SELECT id, email FROM customers WHERE email = 'a@example.com'
SELECT count(*) FROM orders WHERE created_at > datetime('now', '-1 day')
SELECT status, count(*) AS n FROM orders GROUP BY status ORDER BY n DESC
SELECT c.id, o.total FROM customers c JOIN orders o ON o.customer_id = c.id
SELECT c.id FROM customers c LEFT JOIN orders o USING (customer_id) WHERE o.id IS NULL
SELECT * FROM orders ORDER BY id DESC LIMIT 5 OFFSET 10
SELECT * FROM orders ORDER BY id LIMIT 10, 20
SELECT DISTINCT country FROM customers
SELECT iif(active, 'yes', 'no') FROM customers
SELECT ifnull(phone, '-'), coalesce(name, email) FROM customers
SELECT group_concat(name, ', ') FROM customers
SELECT CASE WHEN total > 100 THEN 'big' ELSE 'small' END FROM orders
SELECT id, row_number() OVER (PARTITION BY customer_id ORDER BY created_at) FROM orders
WITH big AS (SELECT * FROM orders WHERE total > 100) SELECT count(*) FROM big
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT * FROM n
SELECT id FROM customers UNION SELECT customer_id FROM orders
SELECT id FROM customers EXCEPT SELECT customer_id FROM orders
SELECT * FROM (SELECT id, total FROM orders) t WHERE t.total > 5
SELECT EXISTS (SELECT 1 FROM orders WHERE customer_id = 7)
SELECT json_extract(data, '$.a'), data ->> '$.b' FROM events
SELECT value FROM events, json_each(events.data)
SELECT strftime('%Y-%m', created_at) AS month, count(*) FROM orders GROUP BY 1
SELECT julianday('now') - julianday(created_at) FROM orders
SELECT date(created_at), time(created_at), unixepoch() FROM orders
SELECT substr(name, 1, 3), trim(code, '0'), replace(name, 'a', 'b') FROM customers
SELECT CAST(id AS TEXT), typeof(id) FROM customers
SELECT * FROM customers WHERE name LIKE '%smith%' ESCAPE '\'
SELECT * FROM customers WHERE name GLOB 'S*'
SELECT * FROM docs WHERE docs MATCH 'sqlite'
SELECT max(id), min(id), avg(total), total(total) FROM orders
SELECT id FROM orders WHERE customer_id = (SELECT id FROM customers WHERE email = 'x')
SELECT * FROM orders WHERE NOT EXISTS (SELECT 1 FROM payments WHERE payments.order_id = orders.id)
SELECT sqlite_version(), changes(), total_changes()
SELECT 7 % 2, 7 / 2, 5 & 3, 1 << 4, 'a' || 'b'
SELECT "order", [group], `table` FROM "my table"
SELECT o.* FROM main.orders AS o WHERE o.id IS NOT NULL
SELECT * FROM orders INDEXED BY idx_created WHERE created_at > '2024-01-01'
SELECT * FROM orders NOT INDEXED
SELECT name, sql FROM sqlite_master WHERE type = 'table'
SELECT * FROM sqlite_schema
SELECT * FROM pragma_table_info('orders')
PRAGMA table_info(orders)
PRAGMA table_info('orders')
PRAGMA table_list
PRAGMA index_list(orders)
PRAGMA index_info(idx_created)
PRAGMA foreign_key_list(orders)
PRAGMA database_list
PRAGMA user_version
PRAGMA page_count
PRAGMA journal_mode
PRAGMA integrity_check
PRAGMA quick_check
PRAGMA foreign_key_check
PRAGMA compile_options
EXPLAIN QUERY PLAN SELECT * FROM orders WHERE id = 1
EXPLAIN SELECT * FROM orders
VALUES (1, 2), (3, 4)
SELECT * FROM orders WHERE (customer_id, status) IN (VALUES (1, 'open'), (2, 'open'))
SELECT * FROM orders WHERE id IN (1, 2, 3) COLLATE NOCASE
SELECT * FROM orders WHERE note IS NOT 'x' AND id ISNULL
SELECT ntile(4) OVER w FROM orders WINDOW w AS (ORDER BY total)
SELECT hex(hash), length(name), instr(name, 'a'), printf('%.2f', total) FROM customers
SELECT rowid, * FROM orders ORDER BY total NULLS LAST
SELECT sum(total) FILTER (WHERE status = 'open') FROM orders
SELECT * FROM a CROSS JOIN b
SELECT * FROM a NATURAL JOIN b
SELECT random(), abs(-1), round(1.5), quote(name) FROM customers
SELECT 1;
