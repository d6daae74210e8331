//! Runs that may not write, or only so much; and where columns come from.

use crate::common::{at_most, read_only};
use crate::mariadb::place::Place;
use countersign_targets::RunError;

#[tokio::test]
async fn a_read_only_run_reads_and_cannot_be_left() {
    let place = Place::new("targets_readonly").await;
    place.admin("CREATE FUNCTION f() RETURNS int MODIFIES SQL DATA BEGIN DELETE FROM t; RETURN 1; END").await;
    place.admin("CREATE TABLE m (id int) ENGINE=MyISAM").await;
    place
        .admin(
            "CREATE FUNCTION g() RETURNS int MODIFIES SQL DATA BEGIN INSERT INTO m VALUES (1); RETURN 1; END",
        )
        .await;
    let ran = place.run_with(read_only(), "SELECT count(*) FROM t; SHOW TABLES; EXPLAIN SELECT 1").await;
    assert_eq!(ran.rows()[0], [Some("4")]);
    ran.result.unwrap();
    for command in ["SELECT f()", "SELECT g()"] {
        let ran = place.run_with(read_only(), command).await;
        assert_eq!(ran.failed().1, "1792/25006", "{command}: {:?}", ran.error());
    }
    for command in [
        "DELETE FROM t",
        "SELECT 1; DELETE FROM t",
        "WITH x AS (SELECT 1 AS a) DELETE FROM t WHERE id IN (SELECT a FROM x)",
        "SET SESSION TRANSACTION READ WRITE",
        "CALL p()",
        "SELECT 1 INTO OUTFILE '/tmp/countersign-x'",
        "ANALYZE DELETE FROM t",
        "DROP TABLE t",
    ] {
        assert!(place.run_with(read_only(), command).await.error().nothing_ran(), "{command}");
    }
    assert_eq!((place.count().await, place.number("SELECT count(*) FROM m").await), (4, 0));
}

#[tokio::test]
async fn more_rows_than_were_approved_and_nothing_stays() {
    let place = Place::new("targets_bound").await;
    let ran = place.run_with(at_most(3), "DELETE FROM t").await;
    assert_eq!(ran.error(), &RunError::BoundExceeded { max_rows: 3, affected: 4 });
    assert_eq!(place.count().await, 4);
    let ran = place.run_with(at_most(3), "DELETE FROM t RETURNING id").await;
    assert_eq!(ran.error(), &RunError::BoundExceeded { max_rows: 3, affected: 4 });
    let ran =
        place.run_with(at_most(3), "DELETE FROM t WHERE id < 3; SELECT 1; DELETE FROM t WHERE id > 2").await;
    assert_eq!(ran.error(), &RunError::BoundExceeded { max_rows: 3, affected: 4 }, "the sum counts");
    assert_eq!(place.count().await, 4);
    let ran = place.run_with(at_most(2), "DELETE FROM t WHERE id < 3; SELECT * FROM t").await;
    assert_eq!(ran.tags(), ["DELETE 2", "SELECT 2"]);
    assert_eq!(place.count().await, 2);
}

#[tokio::test]
async fn rows_that_triggers_and_cascades_change_do_not_count() {
    let place = Place::new("targets_triggers").await;
    place.admin("CREATE TABLE child (id int, FOREIGN KEY (id) REFERENCES t (id) ON DELETE CASCADE)").await;
    place.admin("INSERT INTO child VALUES (1), (1), (1)").await;
    place.admin("CREATE TABLE log (id int)").await;
    place
        .admin("CREATE TRIGGER noted AFTER DELETE ON t FOR EACH ROW INSERT INTO log VALUES (1), (2), (3)")
        .await;
    let ran = place.run_with(at_most(1), "DELETE FROM t WHERE id = 1").await;
    assert_eq!(ran.tags(), ["DELETE 1"]);
    assert_eq!(place.number("SELECT count(*) FROM child").await, 0);
    assert_eq!(place.number("SELECT count(*) FROM log").await, 3);
}

#[tokio::test]
async fn a_bound_is_refused_where_it_cannot_be_enforced() {
    let place = Place::new("targets_unbounded").await;
    place.admin("CREATE TABLE m (id int PRIMARY KEY) ENGINE=MyISAM").await;
    place.admin("INSERT INTO m VALUES (1), (2)").await;
    place.admin("CREATE VIEW v AS SELECT * FROM m").await;
    for command in [
        "DELETE FROM m",
        "DELETE FROM v",
        "UPDATE t JOIN m ON t.id = m.id SET t.name = 'x'",
        "INSERT INTO m VALUES (3)",
        "DELETE FROM targets_unbounded.m",
    ] {
        let ran = place.run_with(at_most(100), command).await;
        assert!(ran.not_started().contains("engine with transactions"), "{command}: {:?}", ran.error());
    }
    for command in ["TRUNCATE t", "CALL p()", "SET @x = 1", "DROP TABLE t"] {
        let ran = place.run_with(at_most(100), command).await;
        assert!(ran.not_started().contains("cannot run under an approval"), "{command}: {:?}", ran.error());
    }
    assert_eq!((place.count().await, place.number("SELECT count(*) FROM m").await), (4, 2));
}

#[tokio::test]
async fn columns_tell_the_table_that_they_come_from() {
    let place = Place::new("targets_sources").await;
    let ran = place
        .run("SELECT name AS x, upper(name), s.n FROM t, (SELECT name AS n FROM t LIMIT 1) s LIMIT 1")
        .await;
    assert_eq!(ran.sources()[..2], ["targets_sources.t.name", ""]);
    assert_eq!(ran.columns()[0].0, "x");
}
