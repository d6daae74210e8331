//! Runs that may not write, or only so much; and where columns come from.

use crate::common::{at_most, read_only};
use crate::sqlite::place::Place;
use countersign_targets::RunError;

#[tokio::test]
async fn a_read_only_run_reads_and_its_writes_are_refused() {
    let place = Place::new();
    let ran = place
        .run_with(read_only(), "SELECT count(*) FROM t; WITH x AS (SELECT 1 AS a) SELECT a FROM x; SELECT value FROM json_each('[7]'); EXPLAIN SELECT 1; PRAGMA user_version")
        .await;
    ran.result.as_ref().unwrap();
    assert_eq!(ran.rows()[..3], [[Some("4")], [Some("1")], [Some("7")]]);
    for command in [
        "DELETE FROM t",
        "SELECT 1; DELETE FROM t",
        "WITH x AS (SELECT 1 AS id) DELETE FROM t WHERE id IN (SELECT id FROM x)",
        "INSERT INTO t (name) VALUES ('x') RETURNING id",
        "CREATE TABLE u (a)",
        "CREATE TEMP TABLE u (a)",
        "DROP TABLE t",
        "ALTER TABLE t RENAME TO u",
        "REINDEX",
        "ANALYZE",
        "VACUUM",
        "PRAGMA user_version = 7",
        "PRAGMA query_only = OFF; DELETE FROM t",
        "PRAGMA writable_schema = ON",
        "COMMIT; DELETE FROM t",
    ] {
        let ran = place.run_with(read_only(), command).await;
        assert!(
            matches!(ran.error(), RunError::NotStarted { .. } | RunError::Failed { .. }),
            "{command}: {:?}",
            ran.error()
        );
        assert_eq!(place.count(), 4, "{command}");
    }
    assert_eq!(place.number("PRAGMA user_version"), 0);
}

#[tokio::test]
async fn more_rows_than_were_approved_and_nothing_stays() {
    let place = Place::new();
    let ran = place.run_with(at_most(3), "DELETE FROM t").await;
    assert_eq!(ran.error(), &RunError::BoundExceeded { max_rows: 3, affected: 4 });
    assert_eq!(place.count(), 4);
    let ran =
        place.run_with(at_most(3), "DELETE FROM t WHERE id < 3; SELECT 1; DELETE FROM t WHERE id > 2").await;
    assert_eq!(ran.error(), &RunError::BoundExceeded { max_rows: 3, affected: 4 }, "the sum counts");
    assert_eq!(place.count(), 4);
    let ran = place.run_with(at_most(2), "DELETE FROM t WHERE id < 3; SELECT * FROM t").await;
    assert_eq!(ran.tags(), ["DELETE 2", "SELECT 2"]);
    assert_eq!(place.count(), 2);
    let ran = place.run_with(at_most(0), "SELECT * FROM t").await;
    assert_eq!(ran.tags(), ["SELECT 2"]);
}

#[tokio::test]
async fn rows_that_triggers_change_do_not_count() {
    let place = Place::new();
    let ran = place.run("CREATE TABLE log (id); CREATE TRIGGER noted AFTER DELETE ON t BEGIN INSERT INTO log VALUES (1), (2); END").await;
    ran.result.as_ref().unwrap();
    let ran = place.run_with(at_most(1), "DELETE FROM t WHERE id = 1").await;
    assert_eq!(ran.tags(), ["DELETE 1"]);
    assert_eq!(place.number("SELECT count(*) FROM log"), 2);
}

#[tokio::test]
async fn what_nobody_counts_is_refused_and_nothing_stays() {
    let place = Place::new();
    for command in [
        "DROP TABLE t",
        "DELETE FROM t; CREATE TABLE u (a)",
        "CREATE TABLE u AS SELECT 1",
        "PRAGMA user_version = 7",
        "VACUUM",
    ] {
        let ran = place.run_with(at_most(1000), command).await;
        assert!(ran.failed().0.contains("cannot run under an approval"), "{command}: {:?}", ran.error());
        assert_eq!(place.count(), 4, "{command}");
    }
}

#[tokio::test]
async fn columns_tell_the_table_that_they_come_from() {
    let place = Place::new();
    place.run("CREATE VIEW v AS SELECT name AS alias FROM t").await.result.unwrap();
    let ran = place
        .run("SELECT name AS x, upper(name), s.n, v.alias FROM t, (SELECT name AS n FROM t LIMIT 1) s, v LIMIT 1")
        .await;
    assert_eq!(ran.sources(), ["t.name", "", "t.name", "t.name"]);
    assert_eq!(ran.columns()[0].0, "x");
}
