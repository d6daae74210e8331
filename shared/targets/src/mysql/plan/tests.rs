use super::*;

fn kinds(command: &str) -> Vec<(String, Kind)> {
    let plan = plan(command, RunOptions::default()).unwrap();
    plan.statements.into_iter().map(|statement| (statement.verb, statement.kind)).collect()
}

fn refused(command: &str, options: RunOptions) -> String {
    match plan(command, options) {
        Err(RunError::NotStarted { message }) => message,
        other => panic!("{command}: {other:?}"),
    }
}

#[test]
fn a_statement_is_known_by_its_first_words() {
    for (command, verb, kind) in [
        ("select 1", "SELECT", Kind::Read),
        ("(select 1) union (select 2)", "SELECT", Kind::Read),
        ("SELECT * FROM t INTO OUTFILE '/tmp/x'", "SELECT", Kind::Session),
        ("with x as (select 1) select * from x", "SELECT", Kind::Read),
        ("WITH x AS (SELECT 1) DELETE FROM t WHERE id IN (SELECT * FROM x)", "DELETE", Kind::Write),
        ("/* c */ -- d\n Update t set a = 1", "UPDATE", Kind::Write),
        ("REPLACE INTO t VALUES (1)", "REPLACE", Kind::Write),
        ("EXPLAIN DELETE FROM t", "EXPLAIN", Kind::Look),
        ("ANALYZE UPDATE t SET a = 1", "ANALYZE", Kind::Alone),
        ("create or replace table t (a int)", "CREATE TABLE", Kind::Alone),
        ("CREATE TEMPORARY TABLE t (a int)", "CREATE TABLE", Kind::Session),
        ("TRUNCATE TABLE t", "TRUNCATE TABLE", Kind::Alone),
        ("CALL p()", "CALL", Kind::Alone),
        ("EXECUTE IMMEDIATE 'COMMIT'", "EXECUTE", Kind::Alone),
        ("SET PASSWORD = 'x'", "SET", Kind::Alone),
        ("SET @x = 1", "SET", Kind::Session),
    ] {
        assert_eq!(kinds(command), [(verb.to_owned(), kind)], "{command}");
    }
}

#[test]
fn transaction_control_is_refused_in_every_spelling() {
    for command in [
        "BEGIN",
        "start /* x */ transaction",
        "DELETE FROM t; cOmMiT",
        "ROLLBACK AND CHAIN",
        "SAVEPOINT a",
        "XA START 'x'",
        "LOCK TABLES t WRITE",
        "SET autocommit = 0",
        "SET @@session.`autocommit` = 0",
        "SET @x = 1, AUTOCOMMIT = 1",
        "SET SESSION TRANSACTION READ WRITE",
        "SET transaction_read_only = 0",
        "SET completion_type = 1",
    ] {
        assert!(refused(command, RunOptions::default()).contains("transaction control"), "{command}");
    }
    assert!(refused("SET STATEMENT x = 1 FOR DROP TABLE t", RunOptions::default()).contains("wraps"));
    assert!(refused("LOAD DATA LOCAL INFILE 'x' INTO TABLE t", RunOptions::default()).contains("LOCAL"));
    assert!(refused("DELETE /*!40000 FROM t */", RunOptions::default()).contains("executes"));
    assert!(refused("  -- nothing", RunOptions::default()).contains("no statement"));
}

#[test]
fn a_stored_program_is_one_statement_with_all_that_follows() {
    for command in [
        "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END;",
        "create or replace definer=`a`@`b` function f() returns int begin return 1; end",
    ] {
        let plan = plan(command, RunOptions::default()).unwrap();
        assert_eq!((plan.statements.len(), plan.statements[0].text.as_str()), (1, command));
    }
    assert!(
        refused("SELECT 1; CREATE PROCEDURE p() SELECT 1", RunOptions::default()).contains("all or nothing")
    );
}

#[test]
fn what_commits_in_silence_is_refused_among_several() {
    for command in [
        "DELETE FROM t; DROP TABLE u",
        "CALL p(); SELECT 1",
        "SELECT 1; TRUNCATE t",
        "SELECT 1; PREPARE s FROM 'COMMIT'; EXECUTE s",
        "SELECT 1; FLUSH TABLES",
        "SELECT 1; GRANT ALL ON *.* TO x",
    ] {
        assert!(refused(command, RunOptions::default()).contains("all or nothing"), "{command}");
    }
}

#[test]
fn a_bound_knows_the_tables_that_are_written() {
    let bounded = RunOptions { max_affected_rows: Some(1), ..RunOptions::default() };
    let written = |command: &str| plan(command, bounded).unwrap().written;
    assert_eq!(written("DELETE FROM t WHERE id = 1"), [(None, "t".to_owned())]);
    assert_eq!(written("INSERT INTO d.t (a) VALUES (1)"), [(Some("d".to_owned()), "t".to_owned())]);
    assert_eq!(written("UPDATE `a b` SET x = 1"), [(None, "a b".to_owned())]);
    assert_eq!(written("REPLACE INTO t VALUES (1)"), [(None, "t".to_owned())]);
    assert_eq!(written("UPDATE t JOIN u ON t.id = u.id SET t.a = 1").len(), 2);
    assert!(written("SELECT * FROM t").is_empty());
    assert!(refused("DELETE FROM t WHERE (((", bounded).contains("could not be parsed"));
    assert!(refused("CALL p()", bounded).contains("cannot run under an approval"));
    assert!(refused("EXPLAIN ANALYZE SELECT 1", bounded).contains("cannot run under an approval"));
    let read_only = RunOptions { read_only: true, ..RunOptions::default() };
    for command in
        ["DELETE FROM t", "SET @x = 1", "SELECT 1 INTO OUTFILE 'x'", "CALL p()", "DO 1", "ANALYZE SELECT 1"]
    {
        assert!(refused(command, read_only).contains("read-only"), "{command}");
    }
}
