//! A database of a test's own on the PostgreSQL of `COUNTERSIGN_TEST_POSTGRES_URL`.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

use crate::Database;
use crate::serve::PATIENCE;

/// A database with a table `t(id int PRIMARY KEY, name text)` of four rows, among them an empty name
/// and none. It belongs to a role of its own, whose password is a word that nothing else contains.
pub struct Postgres {
    name: String,
    config: Config,
    admin: Client,
}

impl Postgres {
    /// Makes it anew, for the test of that name beside that database.
    ///
    /// # Errors
    /// If the server is not there.
    pub async fn make(name: &str, beside: Database) -> Result<Self> {
        let name = match beside {
            Database::Embedded => format!("e2e_{name}_embedded"),
            Database::DynamoDbLocal => format!("e2e_{name}_local"),
        };
        let url = std::env::var("COUNTERSIGN_TEST_POSTGRES_URL").context(
            "COUNTERSIGN_TEST_POSTGRES_URL is not set: run ./tests/run, which starts a PostgreSQL server",
        )?;
        let config: Config = url.parse()?;
        let server = connect(&config).await?;
        server.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
        server.batch_execute(&format!("DROP ROLE IF EXISTS {name}")).await?;
        server.batch_execute(&format!("CREATE ROLE {name} LOGIN PASSWORD '{}'", password(&name))).await?;
        server.batch_execute(&format!("CREATE DATABASE {name} OWNER {name}")).await?;
        let admin = connect(config.clone().dbname(&name)).await?;
        admin
            .batch_execute(&format!(
                "CREATE TABLE t (id int PRIMARY KEY, name text);
                 INSERT INTO t VALUES (1, 'Ada'), (2, ''), (3, NULL), (4, 'Zoë 東京');
                 ALTER TABLE t OWNER TO {name}",
            ))
            .await?;
        Ok(Self { name, config, admin })
    }

    /// The name of the database and of the role that owns it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The password in its URL: what no message may contain.
    #[must_use]
    pub fn password(&self) -> String {
        password(&self.name)
    }

    /// Its URL.
    ///
    /// # Errors
    /// If the server is not reached over TCP.
    pub fn url(&self) -> Result<String> {
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        self.url_at(port)
    }

    /// Its URL with another port.
    ///
    /// # Errors
    /// If the server is not reached over TCP.
    pub fn url_at(&self, port: u16) -> Result<String> {
        let Some(Host::Tcp(host)) = self.config.get_hosts().first() else {
            bail!("the server's URL names a TCP host");
        };
        let name = &self.name;
        Ok(format!("postgres://{name}:{}@{host}:{port}/{name}", self.password()))
    }

    /// Where the server is, `HOST:PORT`.
    ///
    /// # Errors
    /// If the server is not reached over TCP.
    pub fn server(&self) -> Result<String> {
        let Some(Host::Tcp(host)) = self.config.get_hosts().first() else {
            bail!("the server's URL names a TCP host");
        };
        Ok(format!("{host}:{}", self.config.get_ports().first().copied().unwrap_or(5432)))
    }

    /// What an administrator does here.
    ///
    /// # Errors
    /// If the server does not do it.
    pub async fn admin(&self, sql: &str) -> Result<()> {
        Ok(self.admin.batch_execute(sql).await?)
    }

    /// A session of an administrator's of its own.
    ///
    /// # Errors
    /// If the server is not there.
    pub async fn session(&self) -> Result<Client> {
        connect(self.config.clone().dbname(&self.name)).await
    }

    /// A number that a query gives.
    ///
    /// # Errors
    /// If it gives none.
    pub async fn number(&self, sql: &str) -> Result<i64> {
        Ok(self.admin.query_one(sql, &[]).await?.try_get(0)?)
    }

    /// Waits until a query gives that number.
    ///
    /// # Errors
    /// If it never does.
    pub async fn until(&self, sql: &str, expected: i64) -> Result<()> {
        let give_up_at = Instant::now() + PATIENCE;
        loop {
            let now = self.number(sql).await?;
            if now == expected {
                return Ok(());
            }
            if Instant::now() > give_up_at {
                bail!("`{sql}` gives {now}, expected {expected}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The sessions on this database, other than our own.
    #[must_use]
    pub fn sessions(what: &str) -> String {
        format!(
            "SELECT count({what}) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
    }
}

fn password(name: &str) -> String {
    format!("hunter2-{name}")
}

async fn connect(config: &Config) -> Result<Client> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
