-- Statements over payments, customers and orders (id, a, b, c), one a line: what the fuzzer mutates.
SELECT * FROM customers
SELECT id, a FROM customers WHERE b = 'x' ORDER BY c DESC LIMIT 5 OFFSET 1
SELECT c.id, count(*) FROM customers c LEFT JOIN orders o ON o.id = c.id WHERE o.a > 1 GROUP BY c.id HAVING count(*) > 1
SELECT * FROM customers JOIN orders USING (id)
SELECT * FROM customers NATURAL JOIN orders
SELECT * FROM (customers, orders) CROSS JOIN (SELECT 1) x ON 1
SELECT * FROM customers INDEXED BY customers_a WHERE a = 1
SELECT a FROM customers UNION ALL SELECT a FROM orders EXCEPT SELECT 1
SELECT * FROM customers WHERE id IN (SELECT id FROM orders WHERE a BETWEEN 1 AND 7)
SELECT * FROM customers WHERE id IN orders
SELECT CASE WHEN a > 1 THEN b ELSE 'no' END FROM customers WHERE EXISTS (SELECT 1 FROM orders)
SELECT sum(a) OVER (PARTITION BY b ORDER BY c ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM orders
SELECT sum(a) OVER (ORDER BY c GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE TIES) FROM orders
SELECT a ISNULL, b NOTNULL, a NOT NULL, a IS NOT b, b GLOB 'x*', b MATCH 'x', b REGEXP 'y' FROM orders
SELECT a IS DISTINCT FROM b, cast(a AS text), b COLLATE nocase, a || b, a -> '$', a ->> '$' FROM orders
SELECT 'orders', "a", [b], `c` FROM "orders"
SELECT count(*) FILTER (WHERE a > 1), group_concat(b, ',') FROM orders
SELECT * FROM pragma_table_info('orders')
SELECT * FROM json_each('[1]')
SELECT rowid, * FROM orders
VALUES (1, 'x'), (2, 'y')
WITH x AS (SELECT a FROM orders) SELECT * FROM x, customers WHERE customers.a = x.a
WITH x(n) AS MATERIALIZED (SELECT 1 UNION ALL SELECT n + 1 FROM x WHERE n < 5) SELECT * FROM x
WITH x AS (SELECT id FROM orders) DELETE FROM customers WHERE id IN x
INSERT INTO customers (id, a) VALUES (1, 2)
INSERT INTO customers SELECT * FROM orders WHERE id = 7 RETURNING id
INSERT OR REPLACE INTO customers VALUES (1, 2, 'x', 3)
INSERT INTO customers DEFAULT VALUES
INSERT INTO customers AS x VALUES (1, 2, 'x', 3) ON CONFLICT DO NOTHING
REPLACE INTO customers VALUES (1, 2, 'x', 3)
UPDATE customers SET a = a + 1 WHERE id = 7
UPDATE OR IGNORE customers SET a = 1 WHERE b = 'abc'
UPDATE customers SET (a, c) = (SELECT a, c FROM orders WHERE orders.id = customers.id) WHERE b = 'abc'
UPDATE customers SET a = orders.a FROM orders WHERE orders.id = customers.id AND orders.b = 'x'
DELETE FROM customers WHERE id = 7
DELETE FROM customers WHERE a IN (1, 2) OR b IS NULL AND c > 15
DELETE FROM customers WHERE NOT (a = 1) AND b NOT LIKE '%x' RETURNING *
EXPLAIN SELECT * FROM customers
EXPLAIN QUERY PLAN SELECT * FROM customers
CREATE TABLE x (id INTEGER PRIMARY KEY, a TEXT DEFAULT 'x', CHECK (a > 1))
CREATE TABLE x AS SELECT * FROM orders
CREATE TEMP TABLE x (id) WITHOUT ROWID
CREATE VIEW x AS SELECT a FROM orders
CREATE UNIQUE INDEX x ON orders (a, b) WHERE a > 1
CREATE TRIGGER x AFTER INSERT ON orders BEGIN DELETE FROM customers WHERE id = new.id; END
CREATE VIRTUAL TABLE x USING fts5(a, b)
ALTER TABLE orders ADD COLUMN x
ALTER TABLE orders DROP COLUMN c
ALTER TABLE orders RENAME TO x
ALTER TABLE orders RENAME COLUMN a TO d
DROP TABLE IF EXISTS orders
DROP VIEW open_orders
DROP INDEX customers_a
PRAGMA table_info(orders)
PRAGMA user_version
PRAGMA user_version = 1
PRAGMA writable_schema = 1
REINDEX customers
ANALYZE orders
BEGIN
COMMIT
ROLLBACK
SAVEPOINT x
RELEASE x
DETACH x
