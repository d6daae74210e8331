-- Statements over payments, customers and orders (id, a, b, c), one a line: what the fuzzer mutates.
SELECT * FROM customers
SELECT id, a FROM customers WHERE b = 'x' ORDER BY c DESC LIMIT 5, 2
SELECT c.id, count(*) FROM customers c LEFT JOIN orders o ON o.id = c.id WHERE o.a > 1 GROUP BY c.id HAVING count(*) > 1
SELECT * FROM customers JOIN orders USING (id)
SELECT * FROM customers NATURAL JOIN orders
SELECT STRAIGHT_JOIN * FROM customers STRAIGHT_JOIN orders
SELECT * FROM (customers, orders) CROSS JOIN (SELECT 1) x
SELECT extract(year FROM now()), substring(b FROM 1 FOR 2), trim(both 'x' FROM b) FROM customers
SELECT convert(b USING utf8mb4), cast(a AS char), group_concat(b ORDER BY c SEPARATOR ',') FROM customers
SELECT a FROM customers UNION ALL SELECT a FROM orders
(SELECT a FROM customers) UNION (SELECT a FROM orders) ORDER BY a LIMIT 3
SELECT * FROM customers WHERE id IN (SELECT id FROM orders WHERE a BETWEEN 1 AND 7)
SELECT CASE WHEN a > 1 THEN b ELSE 'no' END FROM customers WHERE EXISTS (SELECT 1 FROM orders)
SELECT sum(a) OVER (PARTITION BY b ORDER BY c ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM orders
SELECT * FROM customers FOR UPDATE
SELECT * FROM customers LOCK IN SHARE MODE
SELECT * FROM customers USE INDEX (customers_a) WHERE a <=> c
SELECT a DIV 2, a MOD 2, a XOR c, NOT a, !a, a RLIKE 'x', a REGEXP 'y', b COLLATE utf8mb4_bin FROM orders
SELECT SQL_CALC_FOUND_ROWS DISTINCT a FROM orders
SELECT a INTO @x FROM orders LIMIT 1
SELECT @x := 1, @@version, interval(1, 2)
SELECT date_add(now(), INTERVAL 1 DAY), if(a, b, c), ifnull(a, 1) FROM orders
VALUES (1, 'x')
TABLE customers
WITH x AS (SELECT a FROM orders) SELECT * FROM x, customers WHERE customers.a = x.a
WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x WHERE n < 5) SELECT * FROM x
INSERT INTO customers (id, a) VALUES (1, 2)
INSERT IGNORE customers SET id = 1, a = 2
INSERT INTO customers SELECT * FROM orders WHERE id = 7
INSERT INTO customers VALUES (1, 2, 'x', 3) ON DUPLICATE KEY UPDATE a = 1
REPLACE INTO customers VALUES (1, 2, 'x', 3)
REPLACE customers (id) VALUE (1)
UPDATE customers SET a = a + 1 WHERE id = 7
UPDATE LOW_PRIORITY IGNORE customers SET a = 1 WHERE b = 'abc' ORDER BY id LIMIT 2
UPDATE customers c JOIN orders o ON o.id = c.id SET c.a = o.a WHERE o.b LIKE 'a%'
UPDATE customers, orders SET customers.a = 1 WHERE customers.id = orders.id AND orders.a = 2
DELETE FROM customers WHERE id = 7
DELETE QUICK FROM customers WHERE a = 1 LIMIT 3
DELETE customers FROM customers JOIN orders USING (id) WHERE orders.a = 1
DELETE FROM customers USING customers JOIN orders ON orders.id = customers.id WHERE orders.a = 7
DELETE FROM customers WHERE a IN (1, 2) OR b IS NULL AND c > 15
DELETE FROM customers WHERE NOT (a = 1) AND b NOT LIKE '%x'
DELETE FROM customers WHERE id = 1 || a = 2 && c XOR a
TRUNCATE TABLE orders
EXPLAIN SELECT * FROM customers
EXPLAIN FORMAT=JSON SELECT * FROM customers
ANALYZE FORMAT=JSON SELECT * FROM customers
DESCRIBE orders
DESC orders a
SHOW TABLES
SHOW COLUMNS FROM orders
SHOW FULL COLUMNS FROM orders LIKE 'a%'
SHOW CREATE TABLE orders
SHOW INDEX FROM orders
SHOW TABLE STATUS
CREATE TABLE x (id int PRIMARY KEY, a varchar(10) DEFAULT 'x')
CREATE TABLE x AS SELECT * FROM orders
CREATE TABLE x LIKE orders
CREATE OR REPLACE TABLE x (id int)
CREATE OR REPLACE VIEW open_orders AS SELECT a FROM orders
CREATE VIEW x AS SELECT a FROM orders
CREATE INDEX x ON orders (a)
CREATE TRIGGER x BEFORE INSERT ON orders FOR EACH ROW SET NEW.a = 1
CREATE PROCEDURE x() DELETE FROM orders
ALTER TABLE orders ADD COLUMN x int
ALTER TABLE orders DROP COLUMN c
ALTER TABLE orders MODIFY a bigint
ALTER TABLE orders CHANGE a d int
ALTER TABLE orders ADD INDEX x (a), ENGINE=InnoDB
ALTER TABLE orders COMMENT='x'
RENAME TABLE orders TO x
DROP TABLE IF EXISTS orders
DROP VIEW open_orders
DROP INDEX customers_a ON customers
GRANT SELECT ON orders TO other
REVOKE ALL ON orders FROM other
CREATE USER x
DROP USER other
SET @x = 1
SET autocommit = 1
SET NAMES utf8mb4
START TRANSACTION
COMMIT
SAVEPOINT x
LOCK TABLES orders READ
UNLOCK TABLES
DO 1
CHECK TABLE orders
OPTIMIZE TABLE orders
ANALYZE TABLE orders
FLUSH TABLES orders
HANDLER orders OPEN
HANDLER orders READ FIRST
PREPARE x FROM 'DELETE FROM orders'
EXECUTE IMMEDIATE 'DELETE FROM orders'
CALL x()
SELECT * FROM orders PARTITION (p0)
SELECT * FROM orders PROCEDURE analyse()
SELECT * FROM JSON_TABLE('[1]', '$[*]' COLUMNS (a int PATH '$')) x
SELECT json_extract('{}', '$.a'), b->'$.x', b->>'$.y' FROM orders
