//! What one command may consist of.

use crate::postgres::place::Place;

#[tokio::test]
async fn several_statements_are_all_or_nothing() {
    let place = Place::new("targets_several").await;
    let ran =
        place.run("DELETE FROM t WHERE id = 1; INSERT INTO t VALUES (9, 'Zoë 東京'); DELETE FROM t").await;
    assert_eq!((ran.failed().1, ran.failed().2), ("23505", Some(2)));
    assert_eq!(ran.tags(), ["DELETE 1"], "what ran was told");
    assert_eq!(place.count().await, 4, "and rolled back");
    let ran = place
        .run("DELETE FROM t WHERE id = 1; CREATE TABLE u (a int); INSERT INTO u VALUES (1); SELECT a FROM u")
        .await;
    assert_eq!(ran.tags(), ["DELETE 1", "CREATE TABLE", "INSERT 0 1", "SELECT 1"]);
    assert_eq!((place.count().await, ran.result.unwrap().statements), (3, 4));
}

#[tokio::test]
async fn a_constraint_that_waits_for_commit_fails_the_whole_command() {
    let place = Place::new("targets_deferred").await;
    place.run("CREATE TABLE u (id int REFERENCES t DEFERRABLE INITIALLY DEFERRED)").await.result.unwrap();
    let ran = place.run("INSERT INTO u VALUES (99); DELETE FROM t WHERE id = 1").await;
    assert_eq!((ran.failed().1, ran.failed().2), ("23503", None));
    assert_eq!(place.count().await, 4);
}

#[tokio::test]
async fn statements_that_want_no_transaction_run_as_themselves() {
    let place = Place::new("targets_alone").await;
    for (command, tag) in [
        ("VACUUM t", "VACUUM"),
        ("vacuum (full, analyze) t;", "VACUUM"),
        ("CREATE INDEX CONCURRENTLY i ON t (name)", "CREATE INDEX"),
        ("REINDEX INDEX CONCURRENTLY i", "REINDEX"),
        ("DROP INDEX CONCURRENTLY i", "DROP INDEX"),
    ] {
        let ran = place.run(command).await;
        ran.result.as_ref().unwrap_or_else(|error| panic!("{command}: {error}"));
        assert_eq!(ran.tags(), [tag]);
    }
    let ran = place.run("DELETE FROM t; VACUUM t").await;
    assert_eq!((ran.failed().1, place.count().await), ("25001", 4));
}

#[tokio::test]
async fn transaction_control_never_reaches_the_server() {
    let place = Place::new("targets_control").await;
    for command in [
        "BEGIN; DELETE FROM t; COMMIT",
        "DELETE FROM t; COMMIT; SELECT 1",
        "DELETE FROM t; /* /* */ */ cOmMiT -- x",
        "DELETE FROM t; END",
        "DELETE FROM t; PREPARE TRANSACTION 'x'",
        "ABORT",
        "SET TRANSACTION READ ONLY",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SAVEPOINT a",
        "COPY t FROM STDIN",
        "COPY t TO STDOUT",
    ] {
        assert!(place.run(command).await.error().nothing_ran(), "{command}");
        assert_eq!(place.count().await, 4, "{command}");
    }
}

#[tokio::test]
async fn the_server_has_the_last_word_on_what_one_statement_is() {
    let place = Place::new("targets_one").await;
    // None of these parses, so each goes as one statement, and the server finds several in it.
    for command in [
        "DELETE FROM t; SELEC 1",
        "SELECT 1 \\; DELETE FROM t; COMMIT",
        "DELETE FROM t; DELETE FROM t WHERE; COMMIT",
    ] {
        let ran = place.run(command).await;
        assert_eq!(ran.failed().1, "42601", "{command}");
        assert!(ran.failed().0.contains("nothing of it ran"), "{}", ran.failed().0);
        assert_eq!(place.count().await, 4, "{command}");
    }
    // A setting that changes how strings end cannot make two statements of one either.
    let ran =
        place.run("SET standard_conforming_strings = off; SELECT 'a\\'; DELETE FROM t; COMMIT; --'").await;
    assert!(ran.error().nothing_ran());
    let ran = place
        .run("SET standard_conforming_strings = off; SELECT 'a\\'; DELETE FROM t WHERE name = '; --'")
        .await;
    assert_eq!((ran.failed().1, ran.failed().2), ("42601", Some(2)));
    assert_eq!(place.count().await, 4);
}

#[tokio::test]
async fn transaction_control_inside_code_is_the_servers_business() {
    let place = Place::new("targets_code").await;
    let ran = place.run("DO $$ BEGIN DELETE FROM t WHERE id = 1; COMMIT; END $$").await;
    assert_eq!((ran.tags(), place.count().await), (vec!["DO"], 3));
    let ran = place.run("DELETE FROM t; DO $$ BEGIN COMMIT; END $$").await;
    assert_eq!((ran.failed().1, place.count().await), ("2D000", 3));
    let ran = place.run("SELECT 'BEGIN; COMMIT', $$ ; ROLLBACK; $$ AS \"end\"").await;
    assert_eq!(ran.rows(), [[Some("BEGIN; COMMIT"), Some(" ; ROLLBACK; ")]]);
}
