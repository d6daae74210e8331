//! Runs that may not write, or only so much; and where columns come from.

use crate::common::{at_most, read_only};
use crate::postgres::place::Place;
use countersign_targets::RunError;

#[tokio::test]
async fn a_read_only_run_reads_and_the_server_refuses_its_writes() {
    let place = Place::new("targets_readonly").await;
    let ran =
        place.run_with(read_only(), "SELECT count(*) FROM t; SELECT id FROM t ORDER BY id LIMIT 1").await;
    assert_eq!(ran.rows(), [[Some("4")], [Some("1")]]);
    for command in [
        "DELETE FROM t",
        "SELECT 1; DELETE FROM t",
        "WITH x AS (DELETE FROM t RETURNING id) SELECT * FROM x",
        "EXPLAIN ANALYZE DELETE FROM t",
        "SELECT * INTO u FROM t",
        "CREATE TABLE u (a int)",
        "SELECT * FROM t FOR UPDATE",
        "DO $$ BEGIN DELETE FROM targets_readonly.t; END $$",
    ] {
        let ran = place.run_with(read_only(), command).await;
        assert_eq!(ran.failed().1, "25006", "{command}: {:?}", ran.error());
        assert_eq!(place.count().await, 4, "{command}");
    }
}

#[tokio::test]
async fn no_command_leaves_a_read_only_run() {
    let place = Place::new("targets_leave").await;
    place
        .admin
        .batch_execute(
            "CREATE FUNCTION leave() RETURNS text LANGUAGE sql AS
             $$ SELECT set_config('transaction_read_only', 'off', false) $$;
             CREATE FUNCTION resets() RETURNS text LANGUAGE plpgsql AS
             $$ BEGIN EXECUTE 'RESET transaction_read_only'; DELETE FROM targets_leave.t; RETURN ''; END $$;
             CREATE PROCEDURE commits() LANGUAGE plpgsql AS
             $$ BEGIN COMMIT; DELETE FROM targets_leave.t; END $$",
        )
        .await
        .unwrap();
    for command in [
        "SET transaction_read_only = off; DELETE FROM t",
        "SET LOCAL transaction_read_only TO false; DELETE FROM t",
        "RESET transaction_read_only; DELETE FROM t",
        "RESET ALL; DELETE FROM targets_leave.t",
        "SET default_transaction_read_only = off; DELETE FROM t",
        "SELECT set_config('transaction_read_only', 'off', true); DELETE FROM t",
        "SELECT leave(); DELETE FROM t",
        "SELECT resets()",
        "DO $$ BEGIN EXECUTE 'RESET transaction_read_only'; DELETE FROM targets_leave.t; END $$",
        "SET transaction_read_only TO DEFAULT; DELETE FROM t",
        "CALL commits()",
        "DO $$ BEGIN COMMIT; DELETE FROM targets_leave.t; END $$",
        "DISCARD ALL; DELETE FROM targets_leave.t",
        "SET ROLE NONE; DELETE FROM t",
    ] {
        let ran = place.run_with(read_only(), command).await;
        let Err(RunError::Failed { .. }) = &ran.result else { panic!("{command}: {:?}", ran.result) };
        assert_eq!(place.count().await, 4, "{command}");
    }
    for command in
        ["COMMIT; DELETE FROM t", "SET TRANSACTION READ WRITE; DELETE FROM t", "ABORT; DELETE FROM t"]
    {
        assert!(place.run_with(read_only(), command).await.error().nothing_ran(), "{command}");
    }
    assert_eq!(place.count().await, 4);
}

#[tokio::test]
async fn what_the_server_brings_is_found_before_what_somebody_made() {
    let place = Place::new("targets_path").await;
    place
        .admin
        .batch_execute(
            "CREATE FUNCTION targets_path.lower(text) RETURNS text LANGUAGE sql AS $$ SELECT 'trapped' $$",
        )
        .await
        .unwrap();
    let url = place.url(None).replace("search_path%3Dtargets_path", "search_path%3Dtargets_path,pg_catalog");
    let trapped = place.run_at(&url, "SELECT lower('A'::text)", crate::common::caps(60_000)).await;
    assert_eq!(trapped.cell(), "trapped", "the trap works");
    assert_eq!(place.run_at(&url, "SELECT lower('A'::text)", read_only()).await.cell(), "a");
    assert_eq!(place.run_at(&url, "SELECT count(*) FROM t", read_only()).await.cell(), "4");
}

#[tokio::test]
async fn more_rows_than_were_approved_and_nothing_stays() {
    let place = Place::new("targets_bound").await;
    let ran = place.run_with(at_most(3), "DELETE FROM t").await;
    assert_eq!(ran.error(), &RunError::BoundExceeded { max_rows: 3, affected: 4 });
    assert!(ran.error().to_string().contains("everything was rolled back"), "{}", ran.error());
    assert_eq!(place.count().await, 4);
    let ran = place
        .run_with(at_most(3), "UPDATE t SET name = NULL WHERE id < 3; SELECT 1; DELETE FROM t WHERE id > 2")
        .await;
    assert_eq!(ran.error(), &RunError::BoundExceeded { max_rows: 3, affected: 4 }, "the sum counts");
    assert_eq!(place.number("SELECT count(name) FROM t").await, 3);
    let ran = place.run_with(at_most(2), "DELETE FROM t WHERE id < 3; SELECT * FROM t").await;
    assert_eq!(ran.tags(), ["DELETE 2", "SELECT 2"], "rows that are only read do not count");
    assert_eq!((ran.result.unwrap().rows, place.count().await), (4, 2));
    let ran = place.run_with(at_most(0), "SELECT * FROM t").await;
    assert_eq!(ran.tags(), ["SELECT 2"]);
    let ran = place
        .run_with(
            at_most(1),
            "INSERT INTO t VALUES (1, 'x'), (3, 'y') ON CONFLICT (id) DO UPDATE SET name = 'z'",
        )
        .await;
    assert_eq!(ran.error(), &RunError::BoundExceeded { max_rows: 1, affected: 2 });
    let ran = place
        .run_with(
            at_most(1),
            "MERGE INTO t USING (VALUES (3), (4)) v(id) ON t.id = v.id WHEN MATCHED THEN DELETE",
        )
        .await;
    assert_eq!(ran.error(), &RunError::BoundExceeded { max_rows: 1, affected: 2 });
    assert_eq!(place.count().await, 2);
}

#[tokio::test]
async fn rows_that_triggers_and_cascades_change_do_not_count() {
    let place = Place::new("targets_triggers").await;
    place
        .admin
        .batch_execute(
            "CREATE TABLE child (id int REFERENCES t ON DELETE CASCADE); INSERT INTO child VALUES (1), (1), (1);
             CREATE TABLE log (id int);
             CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN INSERT INTO targets_triggers.log VALUES (1), (2), (3); RETURN NULL; END $$;
             CREATE TRIGGER noted AFTER DELETE ON t FOR EACH ROW EXECUTE FUNCTION note()",
        )
        .await
        .unwrap();
    let ran = place.run_with(at_most(1), "DELETE FROM t WHERE id = 1").await;
    assert_eq!(ran.tags(), ["DELETE 1"]);
    assert_eq!(place.number("SELECT count(*) FROM child").await, 0);
    assert_eq!(place.number("SELECT count(*) FROM log").await, 3);
}

#[tokio::test]
async fn what_nobody_counts_is_refused_before_anything_is_sent() {
    let place = Place::new("targets_uncounted").await;
    for command in [
        "TRUNCATE t",
        "DROP TABLE t",
        "SELECT 1; CREATE TABLE u (a int)",
        "WITH x AS (DELETE FROM t RETURNING id) SELECT count(*) FROM x",
        "WITH x AS (DELETE FROM t RETURNING id) INSERT INTO t SELECT 9, 'x'",
        "(WITH x AS (DELETE FROM t RETURNING id) SELECT 1) UNION SELECT 2",
        "SELECT * INTO u FROM t",
        "EXPLAIN ANALYZE DELETE FROM t",
        "DO $$ BEGIN DELETE FROM targets_uncounted.t; END $$",
        "PREPARE p AS DELETE FROM t; EXECUTE p",
        "CALL x()",
        "COPY t FROM PROGRAM 'true'",
        "REFRESH MATERIALIZED VIEW v",
        "DELETE FROM t; SELEC 1",
    ] {
        let ran = place.run_with(at_most(1000), command).await;
        assert!(ran.not_started().contains("cannot run under an approval"), "{command}: {:?}", ran.error());
        assert_eq!(place.count().await, 4, "{command}");
    }
}

#[tokio::test]
async fn columns_tell_the_table_that_they_come_from() {
    let place = Place::new("targets_sources").await;
    place.admin.batch_execute("CREATE VIEW v AS SELECT name AS alias FROM t").await.unwrap();
    let ran = place
        .run("SELECT name AS x, id, upper(name), s.n, v.alias, t.ctid FROM t, (SELECT name AS n FROM t LIMIT 1) s, v LIMIT 1")
        .await;
    assert_eq!(
        ran.sources(),
        [
            "targets_sources.t.name",
            "targets_sources.t.id",
            "",
            "targets_sources.t.name",
            "targets_sources.v.alias",
            ""
        ]
    );
    assert_eq!(ran.columns()[0], ("x", "text"));
    let ran = place.run("WITH c AS (SELECT name AS y FROM t) SELECT y FROM c UNION ALL SELECT 'z'").await;
    assert_eq!(ran.sources(), [""], "a union is an expression to the server");
    let ran = place.run("DELETE FROM t WHERE id = 1 RETURNING name AS z; CREATE TABLE u AS SELECT 1 AS a; SELECT a AS b FROM u").await;
    assert_eq!(ran.sources(), ["targets_sources.t.name", "targets_sources.u.a"]);
    assert!(!ran.records.iter().any(|record| record.to_line().contains("source")), "it is not stored");
}
