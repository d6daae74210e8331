//! SQLite targets, on real files.

mod catalogue;
mod endings;
mod guards;
mod options;
mod place;
mod scripts;

use place::Place;

#[tokio::test]
async fn rows_come_with_null_apart_from_empty_and_unicode_whole() {
    let ran = Place::new().run("SELECT id, name FROM t ORDER BY id").await;
    assert_eq!(
        ran.rows(),
        [[Some("1"), Some("Ada")], [Some("2"), Some("")], [Some("3"), None], [Some("4"), Some("Zoë 東京")]]
    );
    assert_eq!(ran.columns(), [("id", "INTEGER"), ("name", "TEXT")]);
    assert_eq!(ran.tags(), ["SELECT 4"]);
    assert_eq!(
        ran.text(),
        " id │ name\n────┼──────────\n  1 │ Ada\n  2 │\n  3 │ ∅\n  4 │ Zoë 東京\n(4 rows)\n"
    );
    let summary = ran.result.unwrap();
    assert_eq!((summary.statements, summary.rows, summary.kept_rows, summary.missing_rows), (1, 4, 4, 0));
}

#[tokio::test]
async fn every_kind_of_value_has_its_text() {
    let ran = Place::new().run("SELECT 1, 1.0, 0.1 + 0.2, 'x', x'00ff', NULL, 9223372036854775807").await;
    let expected = ["1", "1.0", "0.30000000000000004", "x", "\\x00ff", "", "9223372036854775807"];
    assert_eq!(ran.rows()[0], expected.map(|text| (!text.is_empty()).then_some(text)));
}

#[tokio::test]
async fn affected_rows_are_counted() {
    let place = Place::new();
    for (command, tag) in [
        ("DELETE FROM t WHERE id = 1", "DELETE 1"),
        ("WITH x AS (SELECT 2 AS id) DELETE FROM t WHERE id IN (SELECT id FROM x)", "DELETE 1"),
        ("INSERT INTO t (name) VALUES ('a'), ('b') RETURNING id", "INSERT 2"),
        ("/* c */ UPDATE t SET ref = NULL", "UPDATE 4"),
        ("INSERT INTO t (id, name) VALUES (1, 'a') ON CONFLICT DO UPDATE SET ref = NULL", "INSERT 1"),
        ("CREATE TABLE u (a)", "CREATE TABLE"),
        ("DROP TABLE u", "DROP TABLE"),
        ("DELETE FROM t WHERE id = 99", "DELETE 0"),
        ("DELETE FROM t", "DELETE 4"),
    ] {
        let ran = place.run(command).await;
        ran.result.as_ref().unwrap_or_else(|error| panic!("{command}: {error}"));
        assert_eq!(ran.tags(), [tag], "{command}");
    }
}

#[tokio::test]
async fn an_error_has_a_message_and_a_code() {
    let place = Place::new();
    let ran = place.run("INSERT INTO t (name) VALUES ('Ada')").await;
    assert_eq!(ran.failed(), ("UNIQUE constraint failed: t.name", "SQLITE_CONSTRAINT", Some(1)));
    let ran = place.run("SELEC 1").await;
    assert_eq!(
        ran.failed(),
        ("near \"SELEC\": syntax error at byte 0 of the statement", "SQLITE_ERROR", Some(1))
    );
}

#[tokio::test]
async fn several_statements_are_all_or_nothing() {
    let place = Place::new();
    let ran = place.run("DELETE FROM t WHERE id = 1; INSERT INTO t (name) VALUES (''); DELETE FROM t").await;
    assert_eq!(ran.failed().2, Some(2));
    assert_eq!(place.count(), 4);

    let ran = place.run("CREATE TABLE u (a); INSERT INTO u VALUES (1), (2); SELECT * FROM u; -- end").await;
    assert_eq!(ran.tags(), ["CREATE TABLE", "INSERT 2", "SELECT 2"]);
    assert_eq!(place.number("SELECT count(*) FROM u"), 2);
}

#[tokio::test]
async fn a_constraint_that_waits_for_commit_fails_the_whole_command() {
    let place = Place::new();
    let ran = place.run("INSERT INTO t (id, ref) VALUES (50, 51); DELETE FROM t WHERE id = 1").await;
    assert_eq!(ran.failed(), ("FOREIGN KEY constraint failed", "SQLITE_CONSTRAINT", None));
    assert_eq!(place.count(), 4);
}

#[tokio::test]
async fn a_single_vacuum_works_and_a_vacuum_among_others_fails() {
    let place = Place::new();
    let ran = place.run("-- now\nVACUUM;").await;
    ran.result.as_ref().unwrap();
    assert_eq!(ran.tags(), ["VACUUM"]);
    assert!(place.run("DELETE FROM t; VACUUM").await.failed().0.contains("within a transaction"));
    assert_eq!(place.count(), 4);
}
