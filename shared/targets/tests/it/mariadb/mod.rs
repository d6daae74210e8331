//! MySQL targets, on a real MariaDB.
//!
//! `COUNTERSIGN_TEST_MARIADB_URL` names it: an administrator with a password, over TCP on loopback.

mod access;
mod catalogue;
mod endings;
mod mysql;
mod options;
mod place;
mod probe;
mod scripts;
mod statements;

use place::Place;

#[tokio::test]
async fn rows_come_with_types_and_null_apart_from_empty() {
    let place = Place::new("targets_rows").await;
    let ran = place.run("SELECT id, name, id = 1 AS first FROM t ORDER BY id").await;
    assert_eq!(
        ran.rows(),
        [
            [Some("1"), Some("Ada"), Some("1")],
            [Some("2"), Some(""), Some("0")],
            [Some("3"), None, Some("0")],
            [Some("4"), Some("Zoë 東京"), Some("0")]
        ]
    );
    assert_eq!(ran.columns()[..2], [("id", "INT"), ("name", "VARCHAR")]);
    assert_eq!(ran.tags(), ["SELECT 4"]);
    let ran = place
        .run("SELECT CAST(1.50 AS DECIMAL(5,2)) a, x'00ff' b, DATE '2024-02-29' c, NULL d, CAST(18446744073709551615 AS UNSIGNED) e, 'a\\'b' f, 1e0 g")
        .await;
    assert_eq!(
        ran.rows()[0],
        [
            Some("1.50"),
            Some("\\x00ff"),
            Some("2024-02-29"),
            None,
            Some("18446744073709551615"),
            Some("a'b"),
            Some("1")
        ]
    );
    let types: Vec<&str> = ran.columns().iter().map(|column| column.1).collect();
    assert_eq!(types, ["DECIMAL", "VARBINARY", "DATE", "NULL", "BIGINT UNSIGNED", "VARCHAR", "DOUBLE"]);
}

#[tokio::test]
async fn tags_say_what_was_done() {
    let place = Place::new("targets_tags").await;
    for (command, tag) in [
        ("DELETE FROM t WHERE id = 1", "DELETE 1"),
        ("DELETE FROM t WHERE id = 2 RETURNING id", "DELETE 1"),
        ("INSERT INTO t VALUES (10, 'x'), (11, 'y')", "INSERT 2"),
        ("INSERT INTO t VALUES (12, 'z') RETURNING id", "INSERT 1"),
        ("UPDATE t SET name = NULL WHERE id >= 10", "UPDATE 3"),
        ("REPLACE INTO t VALUES (10, 'x')", "REPLACE 2"),
        ("WITH x AS (SELECT 1 AS a) SELECT * FROM x", "SELECT 1"),
        ("(SELECT 1) UNION ALL (SELECT 2)", "SELECT 2"),
        ("VALUES (1), (2)", "SELECT 2"),
        ("SHOW TABLES", "SHOW"),
        ("EXPLAIN SELECT 1", "EXPLAIN"),
        ("CREATE TABLE u AS SELECT * FROM t", "CREATE TABLE"),
        ("CREATE VIEW v AS SELECT 1", "CREATE VIEW"),
        ("CREATE PROCEDURE p() BEGIN SELECT 1 AS a; SELECT 2 AS b; END", "CREATE PROCEDURE"),
        ("TRUNCATE TABLE u", "TRUNCATE TABLE"),
        ("SET @x = 1", "SET"),
        ("DO 1", "DO"),
        ("ANALYZE TABLE u", "ANALYZE TABLE"),
    ] {
        let ran = place.run(command).await;
        ran.result.as_ref().unwrap_or_else(|error| panic!("{command}: {error}"));
        assert_eq!(ran.tags(), [tag], "{command}");
    }
    let ran = place.run("CALL p()").await;
    assert_eq!(ran.tags(), ["SELECT 1", "SELECT 1", "CALL"], "every result of a procedure is told");
    assert_eq!(ran.rows(), [[Some("1")], [Some("2")]]);
}

#[tokio::test]
async fn an_error_has_its_message_and_number() {
    let place = Place::new("targets_errors").await;
    let ran = place.run("INSERT INTO t VALUES (1, 'x')").await;
    assert_eq!((ran.failed().1, ran.failed().2), ("1062/23000", Some(1)));
    assert!(ran.failed().0.contains("Duplicate entry"), "{}", ran.failed().0);
    let ran = place.run("SELECT * FROM nowhere").await;
    assert_eq!(ran.failed().1, "1146/42S02");
    let ran = place.run("SELEC 1").await;
    assert_eq!(ran.failed().1, "1064/42000");
    let ran = place.run("SELECT ?").await;
    assert_eq!(ran.failed().1, "1064/42000");
}

#[tokio::test]
async fn a_large_result_is_cut_and_the_write_is_not() {
    let place = Place::new("targets_large").await;
    let caps = countersign_targets::Caps { max_rows: 10, ..crate::common::caps(60_000) };
    let ran = place.run_at(&place.url(), "SELECT seq FROM seq_1_to_100000; DELETE FROM t", caps).await;
    assert_eq!(ran.truncated(), Some((10, Some(99_990))));
    assert_eq!((ran.tags(), place.count().await), (vec!["SELECT 100000", "DELETE 4"], 0));
}
