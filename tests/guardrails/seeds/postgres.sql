-- Statements over payments, customers and orders (id, a, b, c), one a line: what the fuzzer mutates.
SELECT * FROM customers
SELECT id, a FROM customers WHERE b = 'x' ORDER BY c DESC LIMIT 5
SELECT c.id, count(*) FROM customers c LEFT JOIN orders o ON o.id = c.id WHERE o.a > 1 GROUP BY c.id HAVING count(*) > 1
SELECT * FROM customers JOIN orders USING (id)
SELECT * FROM customers NATURAL JOIN orders
SELECT * FROM customers, LATERAL (SELECT a FROM orders WHERE orders.id = customers.id) x
SELECT extract(year FROM current_date), substring(b FROM 1 FOR 2), trim(both 'x' FROM b) FROM customers
SELECT overlay(b PLACING 'x' FROM 2 FOR 1), position('a' IN b) FROM customers WHERE a IS DISTINCT FROM c
SELECT a FROM customers UNION ALL SELECT a FROM orders EXCEPT SELECT 1
SELECT * FROM customers WHERE id IN (SELECT id FROM orders WHERE a BETWEEN 1 AND 7)
SELECT CASE WHEN a > 1 THEN b ELSE 'no' END FROM customers WHERE EXISTS (SELECT 1 FROM orders)
SELECT sum(a) OVER (PARTITION BY b ORDER BY c ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM orders
SELECT * FROM customers FOR UPDATE OF customers SKIP LOCKED
SELECT * FROM customers TABLESAMPLE bernoulli (50)
SELECT * FROM ONLY customers FETCH FIRST 3 ROWS ONLY
SELECT a::text, cast(b AS varchar), array[a, c], (id, a) FROM orders
SELECT DISTINCT ON (a) a, b FROM orders
SELECT a INTO TEMP x FROM orders
TABLE customers
VALUES (1, 'x'), (2, 'y')
WITH x AS (SELECT a FROM orders) SELECT * FROM x, customers WHERE customers.a = x.a
WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x WHERE n < 5) SELECT * FROM x
WITH x AS (DELETE FROM orders WHERE id = 1 RETURNING *) SELECT * FROM x
WITH x AS (UPDATE orders SET a = 1 WHERE id = 2 RETURNING id) INSERT INTO customers SELECT id FROM x
INSERT INTO customers (id, a) VALUES (1, 2)
INSERT INTO customers SELECT * FROM orders WHERE id = 7 RETURNING id
INSERT INTO customers DEFAULT VALUES ON CONFLICT DO NOTHING
UPDATE customers SET a = a + 1 WHERE id = 7
UPDATE customers SET (a, c) = (SELECT a, c FROM orders WHERE orders.id = customers.id) WHERE b = 'abc'
UPDATE customers c SET a = o.a FROM orders o WHERE o.id = c.id AND o.b LIKE 'a%'
DELETE FROM customers WHERE id = 7
DELETE FROM customers USING orders WHERE orders.id = customers.id AND orders.a = 1
DELETE FROM customers WHERE a IN (1, 2) OR b IS NULL AND c > 15
DELETE FROM customers WHERE NOT (a = 1) AND b NOT LIKE '%x'
MERGE INTO customers USING orders ON orders.id = customers.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (1)
TRUNCATE orders
EXPLAIN (COSTS off) SELECT * FROM customers
EXPLAIN ANALYZE SELECT * FROM orders
CREATE TABLE x (id int)
CREATE TABLE x AS SELECT * FROM orders
CREATE TABLE x (LIKE orders INCLUDING ALL)
CREATE VIEW x AS SELECT a FROM orders
CREATE OR REPLACE VIEW open_orders AS SELECT id, a FROM orders WHERE a > 1
CREATE INDEX x ON orders (a) WHERE a > 1
CREATE RULE x AS ON DELETE TO orders DO INSTEAD NOTHING
CREATE POLICY x ON orders FOR SELECT USING (a = 1)
CREATE FUNCTION x() RETURNS int LANGUAGE sql AS 'SELECT 1'
CREATE FUNCTION x() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT a FROM orders; END
ALTER TABLE orders ADD COLUMN x int
ALTER TABLE orders DROP COLUMN c
ALTER TABLE orders ALTER COLUMN a TYPE bigint
ALTER TABLE orders ENABLE ROW LEVEL SECURITY
ALTER TABLE orders OWNER TO other
ALTER INDEX customers_a RENAME TO x
DROP TABLE orders CASCADE
DROP VIEW IF EXISTS open_orders
DROP INDEX customers_a
GRANT SELECT ON orders TO other
GRANT SELECT (a) ON orders TO PUBLIC
REVOKE ALL ON orders FROM guardrails_fuzz
CREATE ROLE x
ALTER ROLE other SET search_path = x
COMMENT ON TABLE orders IS 'x'
SET search_path = public
SHOW search_path
BEGIN
COMMIT
SAVEPOINT x
LOCK TABLE orders IN SHARE MODE
COPY orders TO STDOUT
DO $$ BEGIN DELETE FROM orders; END $$
PREPARE x AS SELECT * FROM orders
DECLARE x CURSOR FOR SELECT * FROM orders
ANALYZE orders
CLUSTER customers USING customers_a
REFRESH MATERIALIZED VIEW x
SELECT * FROM orders o(x, y) JOIN customers AS c ON o.x = c.id
SELECT * FROM ROWS FROM (json_to_recordset('[]') AS (a int)) x
SELECT count(*) FILTER (WHERE a > 1), string_agg(b, ',' ORDER BY c), percentile_cont(0.5) WITHIN GROUP (ORDER BY a) FROM orders
COMMENT ON COLUMN orders.a IS 'x'
ALTER TABLE orders ADD CONSTRAINT x CHECK (a > 1) NOT VALID
ALTER TABLE orders RENAME COLUMN a TO x
CREATE STATISTICS x ON a, c FROM orders
CREATE TRIGGER x BEFORE UPDATE OF a ON orders FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()
ALTER TABLE orders DISABLE TRIGGER ALL
CREATE SEQUENCE x OWNED BY orders.a
COPY orders (a) FROM STDIN
