//! What is read, and what is not.

use super::read;
use crate::Dialect;
use crate::analysis::{Kind, Statement, Use};
use crate::text::tokens;

fn of(command: &str, dialect: Dialect) -> Option<Statement> {
    read(&tokens(command, dialect).unwrap(), dialect)
}

/// Verb, tables with a `*` where they are written, and whether something is hidden.
fn says(command: &str, dialect: Dialect) -> String {
    let Some(found) = of(command, dialect) else { return "not understood".to_owned() };
    assert!(found.kind == Kind::Read || found.not_a_read.is_some(), "{command}");
    let verbs: Vec<&str> = found.actions.iter().map(|action| action.verb.as_str()).collect();
    let star = |usage| if usage == Use::Written { "*" } else { "" };
    let tables: Vec<String> =
        found.tables.iter().map(|table| format!("{table}{}", star(table.usage))).collect();
    let marks = [(found.unbounded, " unbounded"), (found.opaque.is_some(), " hidden")];
    let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
    format!("{:?} {}: {}{marks}", found.kind, verbs.join("+"), tables.join(" ")).trim_end().to_owned()
}

#[test]
fn statements_are_told_by_their_form() {
    for (command, expected) in [
        ("grant select, insert (a, b) on payments to u@localhost, 'v'@'%'", "Privilege GRANT: payments*"),
        ("GRANT ALL PRIVILEGES ON *.* TO a@b WITH GRANT OPTION", "Privilege GRANT:  hidden"),
        ("GRANT ALL ON shop.* TO a@b", "Privilege GRANT:  hidden"),
        ("GRANT EXECUTE ON PROCEDURE shop.p TO a@b", "Privilege GRANT:"),
        ("GRANT r1, 'r2'@'%' TO a@b", "Privilege GRANT:"),
        ("REVOKE ALL PRIVILEGES, GRANT OPTION FROM a@b", "Privilege REVOKE:"),
        ("CREATE USER a@localhost IDENTIFIED BY 'x'", "Privilege CREATE USER:"),
        ("CREATE OR REPLACE USER a@localhost", "Privilege CREATE USER+DROP USER:"),
        ("DROP USER IF EXISTS a@localhost, b", "Privilege DROP USER:"),
        (
            "CREATE TABLE t (a int) PARTITION BY RANGE (a) (PARTITION p VALUES LESS THAN (2))",
            "Definition CREATE TABLE: t*",
        ),
        ("CREATE OR REPLACE TABLE t (a int) PARTITION BY HASH (a)", "Definition CREATE TABLE+DROP TABLE: t*"),
        (
            "CREATE TABLE t (a int REFERENCES s.u (a)) ENGINE = MERGE UNION = (x, y)",
            "Definition CREATE TABLE: t* x* y* s.u*",
        ),
        ("ALTER TABLE t DROP PARTITION p, ADD c int", "Definition ALTER TABLE+DROP PARTITION: t*"),
        ("ALTER TABLE t DROP c", "Definition ALTER TABLE+DROP COLUMN: t*"),
        ("ALTER TABLE t DROP PARTITION p, q", "Definition ALTER TABLE+DROP PARTITION: t*"),
        (
            "ALTER TABLE t REORGANIZE PARTITION p INTO (PARTITION q VALUES LESS THAN (2))",
            "Definition ALTER TABLE: t*",
        ),
        (
            "ALTER TABLE t ADD COLUMN IF NOT EXISTS a int, DROP INDEX IF EXISTS i",
            "Definition ALTER TABLE+DROP INDEX: t*",
        ),
        ("CREATE FULLTEXT INDEX i ON t (a)", "Definition CREATE INDEX: t*"),
        ("CREATE OR REPLACE SEQUENCE s START 2", "Definition CREATE SEQUENCE+DROP SEQUENCE: s*"),
        ("ALTER TABLE t TRUNCATE PARTITION p", "Definition ALTER TABLE+TRUNCATE: t* unbounded"),
        (
            "ALTER TABLE t EXCHANGE PARTITION p WITH TABLE u",
            "Definition ALTER TABLE+EXCHANGE PARTITION: t* u* unbounded hidden",
        ),
        ("ALTER TABLE t CONVERT TO CHARACTER SET utf8", "Definition ALTER TABLE+ALTER COLUMN TYPE: t*"),
        (
            "ALTER TABLE t MODIFY a int, RENAME TO u, ENGINE = InnoDB",
            "Definition ALTER TABLE+MODIFY COLUMN: t* u*",
        ),
        ("ALTER TABLE t DISCARD TABLESPACE", "Definition ALTER TABLE+DROP TABLESPACE: t* unbounded"),
        ("CREATE PROCEDURE p() BEGIN DELETE FROM payments; END", "Definition CREATE PROCEDURE:  hidden"),
        (
            "CREATE EVENT e ON SCHEDULE EVERY 1 HOUR DO DELETE FROM payments",
            "Definition CREATE EVENT:  hidden",
        ),
        (
            "CREATE EVENT e ON SCHEDULE EVERY 1 HOUR DO BEGIN DELETE FROM t; END",
            "Definition CREATE EVENT:  hidden",
        ),
        ("PREPARE s FROM 'DELETE FROM payments'", "Session PREPARE:  hidden"),
        ("SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'x'", "Session SIGNAL:"),
        ("CHECK TABLE a, s.b EXTENDED", "Maintenance CHECK TABLE: a* s.b*"),
        ("LOAD INDEX INTO CACHE t", "Maintenance CACHE: t*"),
        ("LOCK TABLES a READ, b AS x WRITE", "Maintenance LOCK TABLES: a* b*"),
        ("FLUSH TABLES a, b WITH READ LOCK", "Maintenance FLUSH: a* b*"),
        ("FLUSH TABLES WITH READ LOCK", "Maintenance FLUSH:"),
        ("BEGIN NOT ATOMIC DELETE FROM payments; END", "Procedural BEGIN NOT ATOMIC:  hidden"),
        ("DROP EVENT IF EXISTS e", "Definition DROP EVENT:"),
        ("DROP TABLES a, s.b CASCADE", "Definition DROP TABLE: a* s.b*"),
        ("LOAD DATA INFILE 'x' REPLACE INTO TABLE t", "Copy LOAD DATA+DELETE: t* hidden"),
        ("HANDLER payments OPEN AS x", "Session HANDLER: payments hidden"),
        ("SET @a := 1, @b = @a", "Session SET:"),
        ("SET @@global.x = ON", "Privilege SET+SET GLOBAL:  hidden"),
        ("SET NAMES utf8, sql_mode = 'ANSI'", "Session SET:  hidden"),
        ("XA START 'x'", "Transaction XA:"),
        ("INSTALL PLUGIN x SONAME 'y'", "Procedural INSTALL:  hidden"),
    ] {
        assert_eq!(says(command, Dialect::Mysql), expected, "{command}");
        let analysis = crate::analyse(Dialect::Mysql, command);
        assert!(!analysis.reason().contains("two ways"), "the lexers disagree about {command}");
    }
    for (command, expected) in [
        ("PRAGMA journal_mode = WAL", "Session PRAGMA:  hidden"),
        (
            "CREATE VIRTUAL TABLE t USING fts4(content = 'payments')",
            "Definition CREATE VIRTUAL TABLE: t* hidden",
        ),
        ("DETACH DATABASE x", "Maintenance DETACH:  hidden"),
        ("REINDEX s.t", "Maintenance REINDEX: s.t* hidden"),
        ("VACUUM INTO 'f'", "Maintenance VACUUM:  hidden"),
    ] {
        assert_eq!(says(command, Dialect::Sqlite), expected, "{command}");
    }
}

#[test]
fn what_the_form_does_not_explain_is_not_understood() {
    for command in [
        "GRANT SELEC ON t TO u, DROP",
        "GRANT SELECT ON t TO u; DROP TABLE t",
        "GRANT SELECT ON t TO u WITH (SELECT 1)",
        "CREATE TABLE t (a int) SELECT * FROM payments",
        "CREATE TABLE t (a int) AS TABLE payments",
        "CREATE TABLE t (a int) TABLE payments",
        "CREATE TABLE t (a int) IGNORE SELECT 1",
        "CREATE TABLE t (a int) WITH x AS (TABLE payments) TABLE x",
        "CREATE TABLE t (a int) VALUES ROW(1)",
        "CREATE TABLE t (LIKE payments)",
        "CREATE TABLE t LIKE payments",
        "CREATE TABLE select (a int) PARTITION BY HASH (a)",
        "CREATE TABLE t (a int REFERENCES (b))",
        "ALTER TABLE t ADD c int DROP d",
        "ALTER TABLE t FROBNICATE",
        "ALTER TABLE t ADD c int, DORP d",
        "ALTER TABLE t ENGINE = InnoDB DROP d",
        "ALTER TABLE t ADD c int DEFAULT (SELECT 1 FROM payments)",
        "ALTER TABLE t ORDER BY a, DROP b",
        "ALTER TABLE t PARTITION BY HASH (a), DROP b",
        "CREATE PROCEDURE p() BEGIN END; DROP TABLE t",
        "CREATE EVENT e ON SCHEDULE EVERY 1 HOUR DO SELECT 1; DROP TABLE t",
        "CHECK TABLE a FROM payments",
        "OPTIMIZE TABLE a (SELECT 1)",
        "LOCK TABLES a READ b WRITE",
        "DROP TABEL a",
        "DROP TABLE a FROM b",
        "DROP EVENT e, f",
        "LOAD DATA INFILE 'x' INTO TABLE t SET a = (SELECT 1 FROM payments)",
        "SET @a := (SELECT 1 FROM payments)",
        "SET @a := sleep(1)",
        "SET STATEMENT max_statement_time = 1 FOR DELETE FROM payments",
        "PREPARE s FROM concat('a', 'b')",
        "BEGIN NOT ATOMIC SELECT 1; END; DROP TABLE t",
        "FLUSH TABLES a WITH",
        "SELECT 1",
        "UPDATE payments SET a = 1",
    ] {
        assert_eq!(says(command, Dialect::Mysql), "not understood", "{command}");
    }
    for command in
        ["PRAGMA x = (SELECT 1)", "VACUUM INTO (SELECT a FROM payments)", "REINDEX a b", "DETACH a, b"]
    {
        assert_eq!(says(command, Dialect::Sqlite), "not understood", "{command}");
    }
}
