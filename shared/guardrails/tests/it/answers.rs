//! What is said of commands: reads, bounds, estimates, risk, the columns of an answer.

use countersign_guardrails::{Dialect, Kind, RiskLevel, analyse};

fn read(dialect: Dialect, command: &str) -> Result<(), String> {
    analyse(dialect, command).is_provable_read()
}

#[test]
fn plain_reads_are_proved() {
    for command in [
        "SELECT * FROM customers",
        "select c.name, count(*) filter (where o.total > 5) from customers c left join orders o using (id) as j group by 1",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 10) SELECT sum(n) FROM r",
        "SELECT row_number() OVER (PARTITION BY a ORDER BY b DESC NULLS LAST) FROM t WINDOW w AS (ORDER BY a)",
        "SELECT a::numeric(10,2), CAST(b AS text), '{}'::jsonb ->> 'a', ARRAY[1,2], (ARRAY[1])[1], interval '1 day' FROM t",
        "SELECT * FROM generate_series(1, 10) AS g(n), LATERAL (SELECT g.n) s",
        "SELECT extract(year FROM now()), substring('a' FROM 1), trim(both FROM ' a '), current_user, coalesce(a, b) FROM t",
        "TABLE customers",
        "VALUES (1, 'a'), (2, 'b')",
        "SHOW search_path",
        "EXPLAIN SELECT 1",
        "EXPLAIN (COSTS off, FORMAT json) SELECT 1",
        "SELECT 1; SELECT 2",
        "SELECT * FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace",
        "SELECT * FROM information_schema.columns",
        "SELECT a FROM t WHERE b IN (SELECT b FROM u) AND c LIKE 'x%' ORDER BY a USING < LIMIT 5 OFFSET 2",
        "(SELECT 1) UNION (SELECT 2) EXCEPT ALL SELECT 3",
        "SELECT 'FOR UPDATE; DROP TABLE t' AS \"DELETE\"",
    ] {
        assert_eq!(read(Dialect::Postgres, command), Ok(()), "{command}");
    }
    for command in [
        "SELECT * FROM customers",
        "SELECT `a`, COUNT(*) FROM `t` WHERE b = 'it''s' GROUP BY `a` LIMIT 5, 10",
        "SELECT IFNULL(a, 0), DATE_FORMAT(b, '%Y'), GROUP_CONCAT(c SEPARATOR ',') FROM t # a comment",
        "SHOW TABLES",
        "SHOW CREATE TABLE t",
        "DESCRIBE t",
        "EXPLAIN SELECT 1",
        "SELECT JSON_EXTRACT(a, '$.b'), a->>'$.c' FROM t",
    ] {
        assert_eq!(read(Dialect::Mysql, command), Ok(()), "{command}");
    }
    for command in [
        "SELECT * FROM customers",
        "SELECT count(*), max(total) FROM orders WHERE note LIKE '%x%' GROUP BY customer_id",
        "SELECT strftime('%Y', created_at), json_extract(a, '$.b') FROM t",
        "PRAGMA table_info('customers')",
        "SELECT * FROM pragma_table_info('customers')",
        "SELECT * FROM json_each('[1]')",
        "EXPLAIN QUERY PLAN SELECT 1",
        "SELECT name FROM sqlite_master",
    ] {
        assert_eq!(read(Dialect::Sqlite, command), Ok(()), "{command}");
    }
    assert_eq!(read(Dialect::Http, "GET /users?page=2"), Ok(()));
    assert_eq!(read(Dialect::Http, "GET /users\naccept: application/json\n\n"), Ok(()));
    assert!(read(Dialect::Http, "GET /users\nx-do: delete").is_err());
    assert!(read(Dialect::Shell, "ls").is_err());
}

#[test]
fn a_bound_on_rows_needs_a_number_that_counts_everything() {
    for (command, bounded) in [
        ("DELETE FROM t WHERE id = 1", true),
        ("UPDATE t SET a = lower(b)", true),
        ("INSERT INTO t SELECT * FROM u", true),
        ("INSERT INTO t VALUES (nextval('s'))", false),
        ("SELECT 1; DELETE FROM t", true),
        ("WITH s AS (SELECT 1) DELETE FROM t", true),
        ("MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN DELETE", true),
        ("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d", false),
        ("WITH d AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM d", false),
        ("TRUNCATE t", false),
        ("DROP TABLE t", false),
        ("SELECT * INTO x FROM t", false),
        ("CREATE TABLE x AS SELECT 1", false),
        ("SELECT cleanup()", false),
        ("DELETE FROM t WHERE f(id)", false),
        ("CALL p()", false),
        ("DO $$ BEGIN END $$", false),
        ("COPY t FROM STDIN", false),
        ("EXPLAIN ANALYZE DELETE FROM t", false),
        ("no SQL", false),
    ] {
        let answer = analyse(Dialect::Postgres, command).may_bound_rows();
        assert_eq!(answer.is_ok(), bounded, "{command}: {answer:?}");
    }
    assert!(analyse(Dialect::Http, "DELETE /x").may_bound_rows().is_err());
    assert!(analyse(Dialect::Shell, "ls").may_bound_rows().is_err());
    assert!(analyse(Dialect::Mysql, "DELETE FROM t WHERE id = 1").may_bound_rows().is_ok());
}

#[test]
fn an_estimate_is_made_of_statements_that_planning_does_not_run() {
    for (command, explainable) in [
        ("SELECT * FROM t", true),
        ("DELETE FROM t WHERE id = 1", true),
        ("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d", true),
        ("SELECT 1; TRUNCATE t", true),
        ("SELECT my_immutable(1); TRUNCATE t", false),
        ("TRUNCATE t", false),
        ("SELECT my_immutable(1)", false),
        ("SELECT pg_read_file('x')", false),
        ("CREATE TABLE x AS SELECT 1", false),
        ("EXPLAIN SELECT 1", false),
        ("no SQL", false),
    ] {
        assert_eq!(analyse(Dialect::Postgres, command).explainable(), explainable, "{command}");
    }
    assert!(!analyse(Dialect::Sqlite, "SELECT 1").explainable());
}

#[test]
fn risk_is_said_in_plain_words() {
    for (command, level, notes) in [
        ("SELECT * FROM orders", RiskLevel::Low, vec![]),
        ("DELETE FROM orders", RiskLevel::High, vec!["deletes from `orders` without WHERE"]),
        ("DELETE FROM orders WHERE id = 1", RiskLevel::Medium, vec!["deletes from `orders`"]),
        (
            "UPDATE shop.orders SET a = 1 WHERE true",
            RiskLevel::High,
            vec!["updates `shop.orders` with a WHERE that holds for every row"],
        ),
        ("TRUNCATE orders", RiskLevel::High, vec!["empties `orders`"]),
        ("DROP TABLE orders", RiskLevel::High, vec!["drops `orders`"]),
        (
            "SELECT pg_terminate_backend(5)",
            RiskLevel::High,
            vec!["calls `pg_terminate_backend`, which ends other sessions"],
        ),
        (
            "SELECT nextval('s')",
            RiskLevel::Medium,
            vec!["calls `nextval`, which takes the next number of a sequence"],
        ),
        ("COPY t TO PROGRAM 'x'", RiskLevel::High, vec!["it runs a program on the database server"]),
    ] {
        let risk = analyse(Dialect::Postgres, command).risk();
        assert_eq!(
            (risk.level, risk.notes),
            (level, notes.into_iter().map(str::to_owned).collect()),
            "{command}"
        );
    }
    let written = analyse(Dialect::Sqlite, "DELETE FROM orders WHERE id = 1");
    assert_eq!(written.risk().notes, ["deletes from `orders`"]);
    let both = analyse(Dialect::Sqlite, "SELECT 1; DELETE FROM orders WHERE id = 1");
    assert_eq!(both.risk().notes, ["2 statements", "deletes from `orders`"]);
    assert!(both.is_provable_read().is_err());
    // A write is called one, and no doubtful read.
    assert_eq!(written.is_provable_read().unwrap_err(), "DELETE is not a read");
    assert_eq!(analyse(Dialect::Sqlite, "DROP TABLE orders").risk().notes, ["drops `orders`"]);
    assert_eq!(analyse(Dialect::Postgres, "FROB").risk().level, RiskLevel::High);
    assert_eq!(analyse(Dialect::Shell, "rm -rf /").risk().level, RiskLevel::High);
    assert_eq!(analyse(Dialect::Shell, "ls").risk().level, RiskLevel::Medium);
}

#[test]
fn risk_is_short_whatever_the_command_is() {
    let command = (0..100).map(|n| format!("DELETE FROM table_{n};")).collect::<String>();
    let risk = analyse(Dialect::Postgres, &command).risk();
    assert_eq!(risk.tables.len(), 20);
    assert_eq!(risk.tables[19], "and 81 more");
    assert_eq!(risk.statements, ["DELETE"]);
}

#[test]
fn tables_are_told_with_how_they_are_used() {
    let analysis = analyse(
        Dialect::Postgres,
        "INSERT INTO a SELECT * FROM s.b JOIN \"C\" ON true WHERE x IN (SELECT 1 FROM a)",
    );
    let tables: Vec<String> =
        analysis.statements[0].tables.iter().map(|table| format!("{:?} {table}", table.usage)).collect();
    assert_eq!(tables, ["Read C", "Written a", "Read s.b"]);
    assert_eq!(analysis.statements[0].kind, Kind::Write);
}

#[test]
fn columns_of_an_answer_are_followed_by_name() {
    for (command, expected) in [
        ("SELECT email FROM c", "email: email"),
        ("SELECT lower(c.email) AS x, 1 FROM c", "x: email; ?: "),
        ("SELECT x FROM (SELECT email AS x FROM c) s", "x: email x"),
        ("WITH w AS (SELECT email AS x FROM c) SELECT upper(x) FROM w", "?: email x"),
        ("WITH w(a) AS (SELECT email FROM c) SELECT a FROM w", "a: a *"),
        ("SELECT c FROM customers c", "c: c *"),
        ("SELECT a.z FROM c AS a(x, y, z)", "z: z *"),
        ("SELECT 1 AS n, id FROM c UNION SELECT id, email FROM c", "n: id; id: email id"),
        ("SELECT * FROM c", "?: *"),
        ("TABLE c", "?: *"),
        ("DELETE FROM c RETURNING email", "email: email"),
        ("SELECT (SELECT max(email) FROM c)", "?: email"),
        ("DROP TABLE c", ""),
    ] {
        let analysis = analyse(Dialect::Postgres, command);
        let columns: Vec<String> = analysis.statements[0]
            .output
            .iter()
            .map(|column| {
                let names = column.columns.iter().map(String::as_str).chain(column.star.then_some("*"));
                format!("{}: {}", column.alias.as_deref().unwrap_or("?"), names.collect::<Vec<_>>().join(" "))
            })
            .collect();
        assert_eq!(columns.join("; "), expected, "{command}");
    }
}

#[test]
fn a_function_that_acts_outside_of_rows_has_no_bound_on_rows() {
    for (dialect, command) in [
        (Dialect::Postgres, "SELECT lo_unlink(oid) FROM pg_largeobject_metadata"),
        (Dialect::Postgres, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"),
        (Dialect::Postgres, "UPDATE t SET a = nextval('s') WHERE id = 1"),
        (Dialect::Postgres, "SELECT setval('s', 1)"),
        (Dialect::Postgres, "DELETE FROM t WHERE id = 1 AND pg_try_advisory_lock(1)"),
        (Dialect::Postgres, "UPDATE t SET a = own_function(a) WHERE id = 1"),
        (Dialect::Mysql, "UPDATE t SET a = GET_LOCK('x', 1) WHERE id = 1"),
        (Dialect::Mysql, "SELECT own_function(1)"),
    ] {
        let why = analyse(dialect, command).may_bound_rows().expect_err(command);
        assert!(why.contains("it calls"), "{command}: {why}");
    }
    for (dialect, command) in [
        (Dialect::Postgres, "UPDATE t SET a = lower(a), b = now() WHERE id = 1"),
        (Dialect::Mysql, "DELETE FROM t WHERE created_at < NOW()"),
        (Dialect::Sqlite, "DELETE FROM t WHERE created_at < date('now')"),
    ] {
        assert_eq!(analyse(dialect, command).may_bound_rows(), Ok(()), "{command}");
    }
}
