//! What is special about MySQL itself.
//!
//! `COUNTERSIGN_TEST_MYSQL_URL` names a server: an administrator with a password, over TCP on loopback. Debian's stable
//! releases have none, so these tests say that they did nothing where it is not set.

use crate::common::{Ran, by_statement, caps};
use countersign_rules::transaction::TransactionOutcome;
use countersign_targets::{CancellationToken, Environment, RunOptions, Secret, TargetKind, TargetSpec, run};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};
use serde_json::json;

struct Server {
    url: String,
}

impl Server {
    /// A database of its own; `None` without a server.
    async fn new(name: &str) -> Option<Self> {
        let Ok(server) = std::env::var("COUNTERSIGN_TEST_MYSQL_URL") else {
            eprintln!("COUNTERSIGN_TEST_MYSQL_URL is not set: nothing was tested on MySQL itself");
            return None;
        };
        let mut conn = Conn::new(Opts::from_url(&server).unwrap()).await.expect("the test server answers");
        conn.query_drop(format!("DROP DATABASE IF EXISTS {name}")).await.unwrap();
        conn.query_drop(format!("CREATE DATABASE {name}")).await.unwrap();
        conn.query_drop(format!("CREATE TABLE {name}.t (id int PRIMARY KEY)")).await.unwrap();
        conn.disconnect().await.unwrap();
        Some(Self { url: format!("{}/{name}", server.trim_end_matches('/')) })
    }

    async fn run(&self, command: &str, options: impl Into<RunOptions>) -> Ran {
        let spec = TargetSpec::parse(TargetKind::Mysql, &json!({})).unwrap();
        let (secret, cancel) = (Secret::new(self.url.as_str()), CancellationToken::new());
        let mut records = Vec::new();
        let ran =
            run(&spec, Some(&secret), command, options, &Environment::default(), &mut records, cancel).await;
        Ran::new(ran, records)
    }
}

/// Case 18 of guardrails.md: the server prepares no stored programs (error 1295).
#[tokio::test]
async fn stored_programs_run() {
    let Some(server) = Server::new("targets_programs").await else { return };
    for command in [
        "CREATE PROCEDURE p() BEGIN SELECT 1; END",
        "CREATE PROCEDURE q() SELECT 1",
        "CREATE FUNCTION f() RETURNS INT NO SQL BEGIN DECLARE i INT DEFAULT 0; WHILE i < 3 DO SET i = i + 1; END WHILE; RETURN i; END",
        "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW BEGIN IF NEW.id < 0 THEN SET NEW.id = 0; END IF; END",
        "DROP PROCEDURE q",
    ] {
        let ran = server.run(command, caps(60_000)).await;
        assert_eq!(
            (ran.result.is_ok(), ran.outcome()),
            (true, TransactionOutcome::Committed),
            "{command}: {:?}",
            ran.result
        );
    }
    assert_eq!(server.run("SELECT f()", caps(60_000)).await.cell(), "3");
    let script = "DELIMITER //\nCREATE PROCEDURE r()\nBEGIN\n  SELECT 7;\nEND//\nDELIMITER ;\nCALL r();";
    let ran = server.run(script, by_statement()).await;
    assert_eq!((ran.result.is_ok(), ran.rows()), (true, vec![vec![Some("7")]]), "{:?}", ran.result);
}

#[tokio::test]
async fn nothing_hides_behind_a_stored_program() {
    let Some(server) = Server::new("targets_programs_hidden").await else { return };
    for command in [
        "CREATE PROCEDURE p() SELECT 1; DROP TABLE t",
        "CREATE PROCEDURE p() BEGIN SELECT 1; END; DROP TABLE t",
        "CREATE PROCEDURE p() BEGIN SELECT begin FROM (SELECT 1 AS begin) x; END; DROP TABLE t; END",
        "CREATE PROCEDURE p() BEGIN DECLARE begin CONDITION FOR 1051; DECLARE EXIT HANDLER FOR begin SELECT 1; END; DROP TABLE t; END",
        "CREATE PROCEDURE begin() SELECT 1; DROP TABLE t; END",
    ] {
        let ran = server.run(command, caps(60_000)).await;
        assert!(ran.result.is_err(), "{command}");
        assert_eq!(server.run("SELECT count(*) FROM t", caps(60_000)).await.cell(), "0", "{command}");
    }
}

#[tokio::test]
async fn scripts_and_warnings_are_told_as_on_mariadb() {
    let Some(server) = Server::new("targets_mysql_scripts").await else { return };
    let ran = server.run("INSERT INTO t VALUES (1); SELECT * FROM nosuch", caps(60_000)).await;
    assert_eq!(
        (ran.outcome(), ran.shown().0.as_str()),
        (TransactionOutcome::RolledBack, "rolled back: INSERT\n")
    );
    let ran = server.run("INSERT INTO t VALUES (1); SELECT * FROM t", caps(60_000)).await;
    assert_eq!((ran.outcome(), ran.tags()), (TransactionOutcome::Committed, vec!["INSERT 1", "SELECT 1"]));
    let ran = server.run("INSERT IGNORE INTO t VALUES ('zz')", caps(60_000)).await;
    assert!(ran.notices().iter().any(|(_, text)| text.contains("Incorrect integer value")), "{ran:?}");
    let ran = server.run("DROP TABLE t, nosuch", caps(60_000)).await;
    assert!(ran.result.is_err());
}
