//! The server of the tests, and a schema in it for each test.

use crate::common::{Ran, caps};
use countersign_targets::{
    CancellationToken, Environment, RunError, RunOptions, Secret, Sink, Summary, TargetKind, TargetSpec, run,
};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

pub(crate) fn url() -> String {
    std::env::var("COUNTERSIGN_TEST_POSTGRES_URL").expect(
        "COUNTERSIGN_TEST_POSTGRES_URL is not set: these tests need a PostgreSQL server; ./tests/run starts one and sets it",
    )
}

pub(crate) fn config() -> Config {
    url().parse().expect("COUNTERSIGN_TEST_POSTGRES_URL is a URL")
}

pub(crate) fn server() -> String {
    let config = config();
    let Host::Tcp(host) = &config.get_hosts()[0] else { panic!("the URL must name a TCP host") };
    format!("{host}:{}", config.get_ports()[0])
}

pub(crate) fn password() -> String {
    String::from_utf8(config().get_password().expect("the URL has a password").to_vec()).unwrap()
}

/// A schema of its own with a table `t` in it, and a name to find its sessions by.
pub(crate) struct Place {
    name: &'static str,
    pub(crate) admin: Client,
}

impl Place {
    pub(crate) async fn new(name: &'static str) -> Self {
        // A database of its own: CREATE INDEX CONCURRENTLY waits for every other transaction of its database.
        let (server, connection) = config().connect(NoTls).await.expect("the test server answers");
        tokio::spawn(connection);
        server.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.unwrap();
        server.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let (admin, connection) = config().dbname(name).connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        admin
            .batch_execute(&format!(
                "DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}; SET search_path = {name};
                 CREATE TABLE t (id int PRIMARY KEY, name text UNIQUE);
                 INSERT INTO t VALUES (1, 'Ada'), (2, ''), (3, NULL), (4, 'Zoë 東京')"
            ))
            .await
            .unwrap();
        Self { name, admin }
    }

    /// The server's URL with this place's schema, at `port` where a proxy listens.
    pub(crate) fn url(&self, port: Option<u16>) -> String {
        let config = config();
        let port = port.unwrap_or(config.get_ports()[0]);
        format!(
            "postgres://{}:{}@localhost:{port}/{}?options=-csearch_path%3D{}",
            config.get_user().unwrap(),
            password(),
            self.name,
            self.name
        )
    }

    pub(crate) fn spec(&self) -> TargetSpec {
        TargetSpec::parse(TargetKind::Postgres, &json!({"application_name": self.name})).unwrap()
    }

    pub(crate) async fn give(
        &self,
        command: &str,
        options: impl Into<RunOptions>,
        sink: &mut dyn Sink,
    ) -> Result<Summary, RunError> {
        self.give_at(&self.url(None), command, options, sink, CancellationToken::new()).await
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
        let (spec, secret) = (self.spec(), Secret::new(url));
        run(&spec, Some(&secret), command, options, &Environment::default(), sink, cancel).await
    }

    pub(crate) async fn run_at(&self, url: &str, command: &str, options: impl Into<RunOptions>) -> Ran {
        let mut records = Vec::new();
        let ran = self.full_at(url, command, options, &mut records, CancellationToken::new()).await;
        Ran::new(ran, records)
    }

    pub(crate) async fn run(&self, command: &str) -> Ran {
        self.run_at(&self.url(None), command, caps(60_000)).await
    }

    pub(crate) async fn run_with(&self, options: RunOptions, command: &str) -> Ran {
        self.run_at(&self.url(None), command, options).await
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.admin.query_one(sql, &[]).await.unwrap().get(0)
    }

    pub(crate) async fn count(&self) -> i64 {
        self.number("SELECT count(*) FROM t").await
    }

    /// Waits until the command of this place is inside `pg_sleep`: past the set-up of the run, which is active as well.
    pub(crate) async fn until_asleep(&self) {
        self.until_count("wait_event = 'PgSleep'", 1).await;
    }

    /// Waits until no session of this place runs anything.
    pub(crate) async fn until_idle(&self) {
        self.until_count("state <> 'idle'", 0).await;
    }

    async fn until_count(&self, condition: &str, expected: i64) {
        let sql =
            format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND {condition}");
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let count: i64 = self.admin.query_one(&sql, &[&self.name]).await.unwrap().get(0);
            if count == expected {
                return;
            }
            assert!(Instant::now() < deadline, "{count} sessions with {condition}, expected {expected}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
