//! What one command may consist of.

use crate::mariadb::place::Place;

#[tokio::test]
async fn several_statements_are_all_or_nothing() {
    let place = Place::new("targets_several").await;
    let ran = place.run("DELETE FROM t WHERE id = 1; INSERT INTO t VALUES (2, 'x'); DELETE FROM t").await;
    assert_eq!((ran.failed().1, ran.failed().2), ("1062/23000", Some(2)));
    assert_eq!(ran.tags(), ["DELETE 1"], "what ran was told");
    assert_eq!(place.count().await, 4, "and rolled back");
    let ran = place.run("DELETE FROM t WHERE id = 1; SET @n = 5; INSERT INTO t VALUES (@n, 'x;y'); SELECT name FROM t WHERE id = 5").await;
    assert_eq!(ran.tags(), ["DELETE 1", "SET", "INSERT 1", "SELECT 1"]);
    assert_eq!(ran.rows(), [[Some("x;y")]]);
    assert_eq!((place.count().await, ran.result.unwrap().statements), (4, 4));
}

#[tokio::test]
async fn what_commits_in_silence_never_reaches_the_server_among_several() {
    let place = Place::new("targets_silent").await;
    for command in [
        "DELETE FROM t; DROP TABLE t",
        "DELETE FROM t; CREATE TABLE u (a int)",
        "DELETE FROM t; TRUNCATE t",
        "DELETE FROM t; COMMIT",
        "DELETE FROM t; /* x */ cOmMiT -- y",
        "SET autocommit = 1; DELETE FROM t",
        "DELETE FROM t; EXECUTE IMMEDIATE 'COMMIT'",
        "DELETE FROM t; LOCK TABLES t READ",
        "DELETE FROM t; FLUSH TABLES",
        "BEGIN NOT ATOMIC DELETE FROM t; END",
        "DELETE FROM t; SET PASSWORD = PASSWORD('x')",
        "DELETE FROM t; /*!50000 COMMIT */",
        "SET STATEMENT max_statement_time = 1 FOR DELETE FROM t",
        "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t",
    ] {
        assert!(place.run(command).await.error().nothing_ran(), "{command}");
        assert_eq!(place.count().await, 4, "{command}");
    }
}

#[tokio::test]
async fn the_server_has_the_last_word_on_what_one_statement_is() {
    let place = Place::new("targets_one").await;
    // One piece by its first words, and more behind it: the server prepares one statement only.
    for command in [
        "CREATE PROCEDURE p() SELECT 1; DELETE FROM t",
        "SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT 'a\\'; DELETE FROM t; -- '",
        "SET sql_mode = 'ANSI_QUOTES'; SELECT \"a\\\"; DELETE FROM t; -- \"",
        "SELECT 1; DELIMITER $$ DELETE FROM t $$",
    ] {
        let ran = place.run(command).await;
        assert!(ran.result.is_err(), "{command}: {:?}", ran.result);
        assert_eq!(place.count().await, 4, "{command}");
    }
}

#[tokio::test]
async fn a_server_with_other_rules_for_strings_is_brought_to_ours() {
    let place = Place::new("targets_modes").await;
    let mode = place.run("SELECT @@sql_mode").await.cell().to_owned();
    place.admin("SET GLOBAL sql_mode = CONCAT(@@GLOBAL.sql_mode, ',ANSI,NO_BACKSLASH_ESCAPES')").await;
    let ran = place.run("SELECT @@sql_mode, 'a\\'b', \"c\"").await;
    place.admin(&format!("SET GLOBAL sql_mode = '{mode}'")).await;
    assert_eq!(ran.rows()[0][1..], [Some("a'b"), Some("c")]);
    assert!(!ran.rows()[0][0].unwrap().contains("ANSI"), "{:?}", ran.rows());
}

#[tokio::test]
async fn a_file_of_this_machine_is_never_given() {
    let place = Place::new("targets_infile").await;
    // The server may ask for a file in answer to anything; here it does so by a command that hides it.
    let ran = place
        .run("EXECUTE IMMEDIATE CONCAT('LOAD DATA LO', 'CAL INFILE ''/etc/passwd'' INTO TABLE t')")
        .await;
    assert!(ran.result.is_err(), "{:?}", ran.result);
    assert_eq!(place.count().await, 4);
}
