SELECT * FROM customers LIMIT 10
SELECT id, email FROM customers WHERE email = 'a@example.com'
SELECT COUNT(*) FROM orders WHERE created_at > NOW() - INTERVAL 1 DAY
SELECT status, COUNT(*) AS n FROM orders GROUP BY status ORDER BY n DESC
SELECT DATE(created_at) AS day, SUM(total) FROM orders GROUP BY day WITH ROLLUP
SELECT c.id, o.total FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.id IN (1, 2, 3)
SELECT c.id FROM customers c LEFT JOIN orders o USING (customer_id) WHERE o.id IS NULL
SELECT * FROM orders WHERE id BETWEEN 10 AND 20 ORDER BY id DESC LIMIT 5 OFFSET 10
SELECT * FROM orders ORDER BY id LIMIT 10, 20
SELECT DISTINCT country FROM customers
SELECT name, IF(active, 'yes', 'no') FROM customers
SELECT IFNULL(phone, '-'), COALESCE(name, email) FROM customers
SELECT GROUP_CONCAT(name ORDER BY name SEPARATOR ', ') FROM customers
SELECT CASE WHEN total > 100 THEN 'big' ELSE 'small' END FROM orders
SELECT id, ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY created_at) FROM orders
WITH big AS (SELECT * FROM orders WHERE total > 100) SELECT COUNT(*) FROM big
WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT * FROM n
SELECT id FROM customers UNION SELECT customer_id FROM orders
SELECT * FROM (SELECT id, total FROM orders) t WHERE t.total > 5
SELECT EXISTS (SELECT 1 FROM orders WHERE customer_id = 7)
SELECT JSON_EXTRACT(data, '$.a'), data->>'$.b' FROM events
SELECT JSON_UNQUOTE(JSON_EXTRACT(data, '$.name')) FROM events
SELECT DATE_FORMAT(created_at, '%Y-%m') AS month, COUNT(*) FROM orders GROUP BY 1
SELECT TIMESTAMPDIFF(SECOND, started_at, ended_at) FROM jobs
SELECT EXTRACT(YEAR FROM created_at) FROM orders
SELECT SUBSTRING(name FROM 1 FOR 3), TRIM(LEADING '0' FROM code) FROM customers
SELECT CONVERT(name USING utf8mb4), CAST(id AS CHAR) FROM customers
SELECT * FROM customers WHERE name LIKE '%smith%' OR email REGEXP '^a'
SELECT * FROM customers WHERE MATCH(name) AGAINST ('smith' IN BOOLEAN MODE)
SELECT MAX(id), MIN(id), AVG(total), STDDEV(total) FROM orders
SELECT id FROM orders WHERE customer_id = (SELECT id FROM customers WHERE email = 'x')
SELECT * FROM orders WHERE NOT EXISTS (SELECT 1 FROM payments WHERE payments.order_id = orders.id)
SELECT UUID(), VERSION(), DATABASE(), USER(), CURRENT_USER()
SELECT @@version, @@global.max_connections
SELECT 7 MOD 2, 7 DIV 2, 7 % 2, 5 ^ 3, 1 << 4
SELECT CHAR(65 USING utf8mb4)
SELECT `order`, `group` FROM `table`
SELECT o.* FROM shop.orders AS o WHERE o.id <=> NULL
SELECT * FROM orders FORCE INDEX (idx_created) WHERE created_at > '2024-01-01'
SELECT * FROM orders PARTITION (p2024)
SELECT STRAIGHT_JOIN * FROM a JOIN b ON a.id = b.id
SELECT SQL_NO_CACHE * FROM orders
SELECT table_name, table_rows FROM information_schema.tables WHERE table_schema = 'shop'
SELECT * FROM information_schema.columns WHERE table_name = 'orders'
SHOW TABLES
SHOW TABLES FROM shop LIKE 'o%'
SHOW FULL TABLES
SHOW DATABASES
SHOW COLUMNS FROM orders
SHOW FULL COLUMNS FROM orders FROM shop
SHOW INDEX FROM orders
SHOW CREATE TABLE orders
SHOW CREATE VIEW v
SHOW TABLE STATUS
SHOW TABLE STATUS LIKE 'orders'
SHOW VARIABLES LIKE 'max%'
SHOW GLOBAL VARIABLES
SHOW STATUS
SHOW GLOBAL STATUS LIKE 'Threads%'
SHOW PROCESSLIST
SHOW FULL PROCESSLIST
SHOW GRANTS
SHOW GRANTS FOR 'app'@'%'
SHOW WARNINGS
SHOW ERRORS
SHOW ENGINES
SHOW PLUGINS
SHOW ENGINE INNODB STATUS
SHOW TRIGGERS
SHOW PROCEDURE STATUS
SHOW MASTER STATUS
SHOW REPLICA STATUS
SHOW BINARY LOGS
SHOW EVENTS
SHOW CHARACTER SET
SHOW COLLATION
DESCRIBE orders
DESC orders
EXPLAIN SELECT * FROM orders WHERE id = 1
EXPLAIN FORMAT=JSON SELECT * FROM orders
TABLE orders
VALUES ROW(1, 2), ROW(3, 4)
SELECT 1 FROM DUAL
SELECT NOW(6), SLEEP(0)
SELECT ST_AsText(location) FROM places
SELECT INET6_NTOA(ip) FROM visits
SELECT HEX(hash), MD5(name), SHA2(name, 256) FROM customers
SELECT FROM_UNIXTIME(created), UNIX_TIMESTAMP() FROM events
SELECT * FROM orders WHERE (customer_id, status) IN ((1, 'open'), (2, 'open'))
SELECT NTILE(4) OVER w FROM orders WINDOW w AS (ORDER BY total)
