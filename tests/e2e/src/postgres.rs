//! A database of a test's own on the PostgreSQL of `COUNTERSIGN_TEST_POSTGRES_URL`.

use anyhow::{Context as _, Result, bail};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

/// A database with a table `t(id int PRIMARY KEY, name text)` of four rows, among them an empty name
/// and none.
pub struct Postgres {
    name: &'static str,
    config: Config,
    admin: Client,
}

impl Postgres {
    /// Makes it anew.
    ///
    /// # Errors
    /// If the server is not there.
    pub async fn make(name: &'static str) -> Result<Self> {
        let url = std::env::var("COUNTERSIGN_TEST_POSTGRES_URL").context(
            "COUNTERSIGN_TEST_POSTGRES_URL is not set: run ./tests/run, which starts a PostgreSQL server",
        )?;
        let config: Config = url.parse()?;
        let server = connect(&config).await?;
        server.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
        server.batch_execute(&format!("CREATE DATABASE {name}")).await?;
        let admin = connect(config.clone().dbname(name)).await?;
        admin
            .batch_execute(
                "CREATE TABLE t (id int PRIMARY KEY, name text);
                 INSERT INTO t VALUES (1, 'Ada'), (2, ''), (3, NULL), (4, 'Zoë 東京')",
            )
            .await?;
        Ok(Self { name, config, admin })
    }

    /// The server's password: what no message may contain.
    ///
    /// # Errors
    /// If the server has none.
    pub fn password(&self) -> Result<String> {
        let password = self.config.get_password().context("the server's URL has a password")?;
        Ok(String::from_utf8(password.to_vec())?)
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
        let user = self.config.get_user().context("the server's URL names a user")?;
        Ok(format!("postgres://{user}:{}@{host}:{port}/{}", self.password()?, self.name))
    }

    /// A number that a query gives.
    ///
    /// # Errors
    /// If it gives none.
    pub async fn number(&self, sql: &str) -> Result<i64> {
        Ok(self.admin.query_one(sql, &[]).await?.try_get(0)?)
    }

    /// Waits until so many sessions of that name are at work.
    ///
    /// # Errors
    /// If that does not come to be.
    pub async fn until_at_work(&self, application_name: &str, expected: i64) -> Result<()> {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND state <> 'idle'";
        let give_up_at = std::time::Instant::now() + crate::serve::PATIENCE;
        loop {
            let active: i64 = self.admin.query_one(sql, &[&application_name]).await?.try_get(0)?;
            if active == expected {
                return Ok(());
            }
            if std::time::Instant::now() > give_up_at {
                bail!("{active} sessions are at work, expected {expected}");
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

async fn connect(config: &Config) -> Result<Client> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
