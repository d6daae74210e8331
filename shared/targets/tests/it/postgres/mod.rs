//! PostgreSQL targets, on a real server.
//!
//! `COUNTERSIGN_TEST_POSTGRES_URL` names it: a superuser with a password that the server checks,
//! over TCP on loopback.

mod access;
mod catalogue;
mod endings;
mod options;
mod place;
mod pooler;
mod probe;
mod proxy;
mod scripts;
mod sinks;
mod statements;

use place::Place;

#[tokio::test]
async fn rows_come_with_types_and_null_apart_from_empty() {
    let place = Place::new("targets_rows").await;
    let ran = place.run("SELECT id, name, id = 1 AS first FROM t ORDER BY id").await;
    assert_eq!(ran.columns(), [("id", "int4"), ("name", "text"), ("first", "bool")]);
    assert_eq!(
        ran.rows()[..3],
        [[Some("1"), Some("Ada"), Some("t")], [Some("2"), Some(""), Some("f")], [Some("3"), None, Some("f")]]
    );
    assert_eq!(ran.rows()[3][1], Some("Zoë 東京"));
    assert_eq!(ran.tags(), ["SELECT 4"]);
    let ran = place.run("SELECT 1.50::numeric, '{1,NULL}'::int[], '\\xff'::bytea, 'a'::char(3), ARRAY['x'], '1 day'::interval, null::json").await;
    assert_eq!(
        ran.rows()[0],
        [Some("1.50"), Some("{1,NULL}"), Some("\\xff"), Some("a  "), Some("{x}"), Some("1 day"), None]
    );
}

#[tokio::test]
async fn types_of_ones_own_are_named() {
    let place = Place::new("targets_types").await;
    let ran = place
        .run("CREATE TYPE mood AS ENUM ('low', 'high'); CREATE TYPE pair AS (a int, b mood); SELECT 'low'::mood, (1, 'high')::pair, ARRAY['low'::mood]")
        .await;
    assert_eq!(ran.tags(), ["CREATE TYPE", "CREATE TYPE", "SELECT 1"]);
    assert_eq!(ran.columns().iter().map(|column| column.1).collect::<Vec<_>>(), ["mood", "pair", "_mood"]);
    assert_eq!(ran.rows(), [[Some("low"), Some("(1,high)"), Some("{low}")]]);
}

#[tokio::test]
async fn tags_say_what_was_done() {
    let place = Place::new("targets_tags").await;
    for (command, tag) in [
        ("DELETE FROM t WHERE id = 1", "DELETE 1"),
        ("WITH x AS (DELETE FROM t WHERE id = 2 RETURNING id) SELECT * FROM x", "SELECT 1"),
        ("WITH x AS (SELECT 3 AS id) DELETE FROM t USING x WHERE t.id = x.id", "DELETE 1"),
        ("INSERT INTO t VALUES (10), (11) RETURNING id", "INSERT 0 2"),
        ("UPDATE t SET name = NULL", "UPDATE 3"),
        ("VALUES (1), (2)", "SELECT 2"),
        ("(SELECT 1) UNION ALL (SELECT 2)", "SELECT 2"),
        ("TABLE t", "SELECT 3"),
        ("CREATE TABLE u AS SELECT * FROM t", "SELECT 3"),
        ("SELECT * INTO v FROM t", "SELECT 3"),
        ("CREATE TABLE w (a int)", "CREATE TABLE"),
        ("CREATE VIEW x AS SELECT 1", "CREATE VIEW"),
        ("CREATE MATERIALIZED VIEW y AS SELECT 1", "CREATE MATERIALIZED VIEW"),
        ("TRUNCATE w", "TRUNCATE TABLE"),
        ("COMMENT ON TABLE w IS 'x'", "COMMENT"),
        ("EXPLAIN SELECT 1", "EXPLAIN"),
        ("SHOW search_path", "SHOW"),
        ("SET search_path = public", "SET"),
        ("ANALYZE w", "ANALYZE"),
        ("DO $$ BEGIN DELETE FROM targets_tags.u; END $$", "DO"),
    ] {
        let ran = place.run(command).await;
        ran.result.as_ref().unwrap_or_else(|error| panic!("{command}: {error}"));
        assert_eq!(ran.tags(), [tag], "{command}");
    }
    assert_eq!(place.number("SELECT count(*) FROM u").await, 0);
}

#[tokio::test]
async fn an_error_has_its_message_and_sqlstate() {
    let place = Place::new("targets_errors").await;
    let ran = place.run("INSERT INTO t VALUES (9, 'Ada')").await;
    let (message, code, statement) = ran.failed();
    assert_eq!((code, statement), ("23505", Some(1)));
    assert!(message.contains("duplicate key") && message.contains("detail: Key (name)=(Ada)"), "{message}");
    let ran = place.run("SELECT * FROM nowhere").await;
    assert_eq!(
        ran.failed(),
        ("ERROR: relation \"nowhere\" does not exist at character 15", "42P01", Some(1))
    );
    let ran = place.run("SELEC 1").await;
    assert_eq!(ran.failed().1, "42601");
    let ran = place.run("SELECT $1::int").await;
    assert_eq!(ran.failed().1, "42P02");
    let ran = place.run("DO $$ BEGIN RAISE EXCEPTION '%', repeat('x', 100000); END $$").await;
    assert!(ran.failed().0.len() < 2200, "{} bytes", ran.failed().0.len());
}
