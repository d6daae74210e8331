//! The server of the tests, and a database in it for each test.

use crate::common::{Ran, caps};
use countersign_targets::{
    CancellationToken, Environment, RunError, RunOptions, Secret, Sink, Summary, TargetKind, TargetSpec, run,
};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};
use serde_json::json;
use std::time::{Duration, Instant};

pub(crate) fn server() -> Opts {
    let url = std::env::var("COUNTERSIGN_TEST_MARIADB_URL").expect(
        "COUNTERSIGN_TEST_MARIADB_URL is not set: these tests need a MariaDB server; ./tests/run starts one and sets it",
    );
    Opts::from_url(&url).expect("COUNTERSIGN_TEST_MARIADB_URL is a URL")
}

/// A database of its own with a table `t` in it.
pub(crate) struct Place {
    name: &'static str,
}

impl Place {
    pub(crate) async fn new(name: &'static str) -> Self {
        let place = Self { name };
        for sql in [
            format!("CREATE OR REPLACE DATABASE {name} CHARACTER SET utf8mb4"),
            format!("CREATE TABLE {name}.t (id int PRIMARY KEY, name varchar(50)) ENGINE=InnoDB"),
            format!("INSERT INTO {name}.t VALUES (1, 'Ada'), (2, ''), (3, NULL), (4, 'Zoë 東京')"),
        ] {
            place.admin(&sql).await;
        }
        place
    }

    /// What a connection of an administrator's does, one statement.
    pub(crate) async fn admin(&self, sql: &str) {
        let mut conn = Conn::new(server()).await.expect("the test server answers");
        conn.query_drop(format!("CREATE DATABASE IF NOT EXISTS {0}", self.name)).await.unwrap();
        conn.query_drop(format!("USE {}", self.name)).await.unwrap();
        conn.query_drop(sql).await.unwrap();
        conn.disconnect().await.unwrap();
    }

    pub(crate) fn url(&self) -> String {
        self.url_at(server().ip_or_hostname(), server().tcp_port())
    }

    pub(crate) fn url_at(&self, host: &str, port: u16) -> String {
        let server = server();
        format!("mysql://{}:{}@{host}:{port}/{}", server.user().unwrap(), server.pass().unwrap(), self.name)
    }

    pub(crate) async fn give_at(
        &self,
        url: &str,
        command: &str,
        options: impl Into<RunOptions>,
        sink: &mut dyn Sink,
        cancel: CancellationToken,
    ) -> Result<Summary, RunError> {
        self.full_at(url, command, options, sink, cancel).await.result
    }

    pub(crate) async fn full_at(
        &self,
        url: &str,
        command: &str,
        options: impl Into<RunOptions>,
        sink: &mut dyn Sink,
        cancel: CancellationToken,
    ) -> countersign_targets::Ran {
        let (spec, secret) = (TargetSpec::parse(TargetKind::Mysql, &json!({})).unwrap(), Secret::new(url));
        run(&spec, Some(&secret), command, options, &Environment::default(), sink, cancel).await
    }

    pub(crate) async fn run_at(&self, url: &str, command: &str, options: impl Into<RunOptions>) -> Ran {
        let mut records = Vec::new();
        let ran = self.full_at(url, command, options, &mut records, CancellationToken::new()).await;
        Ran::new(ran, records)
    }

    pub(crate) async fn run(&self, command: &str) -> Ran {
        self.run_at(&self.url(), command, caps(60_000)).await
    }

    pub(crate) async fn run_with(&self, options: RunOptions, command: &str) -> Ran {
        self.run_at(&self.url(), command, options).await
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let mut conn = Conn::new(server()).await.unwrap();
        conn.query_drop(format!("USE {}", self.name)).await.unwrap();
        let number = conn.query_first(sql).await.unwrap().unwrap();
        conn.disconnect().await.unwrap();
        number
    }

    pub(crate) async fn count(&self) -> i64 {
        self.number("SELECT count(*) FROM t").await
    }

    /// Waits until the command of this place is inside `SLEEP`, and returns the id of its session.
    ///
    /// A count of busy sessions would not do: the server calls a session busy for a moment after its answer, so an
    /// administrator's last query can be taken for the command, and the set-up of a run is busy as well.
    pub(crate) async fn until_asleep(&self) -> i64 {
        let sql = format!(
            "SELECT coalesce(max(ID), 0) FROM information_schema.PROCESSLIST WHERE DB = '{}' AND STATE = 'User sleep'",
            self.name
        );
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let id = self.number(&sql).await;
            if id != 0 {
                return id;
            }
            assert!(Instant::now() < deadline, "no session is inside SLEEP");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until no session of this place runs anything.
    pub(crate) async fn until_idle(&self) {
        let sql = format!(
            "SELECT count(*) FROM information_schema.PROCESSLIST WHERE DB = '{}' AND COMMAND = 'Query' AND ID <> CONNECTION_ID()",
            self.name
        );
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let active = self.number(&sql).await;
            if active == 0 {
                return;
            }
            assert!(Instant::now() < deadline, "{active} sessions are still active");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
