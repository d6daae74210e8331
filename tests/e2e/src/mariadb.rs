//! A database of a test's own on the MariaDB of `COUNTERSIGN_TEST_MARIADB_URL`.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts, OptsBuilder};

use crate::Database;
use crate::serve::PATIENCE;

/// A database with a table `t(id int PRIMARY KEY, name varchar(50))` of four rows, among them an empty
/// name and none. It belongs to a user of its own, whose password is a word that nothing else contains.
pub struct Mariadb {
    name: String,
    server: Opts,
}

impl Mariadb {
    /// Makes it anew, for the test of that name beside that database.
    ///
    /// # Errors
    /// If the server is not there.
    pub async fn make(name: &str, beside: Database) -> Result<Self> {
        let name = match beside {
            Database::Embedded => format!("e2e_{name}_embedded"),
            Database::DynamoDbLocal => format!("e2e_{name}_local"),
        };
        let url = std::env::var("COUNTERSIGN_TEST_MARIADB_URL").context(
            "COUNTERSIGN_TEST_MARIADB_URL is not set: run ./tests/run, which starts a MariaDB server",
        )?;
        let server = Opts::from_url(&url)?;
        let place = Self { name, server };
        let mut conn = Conn::new(place.server.clone()).await?;
        let Self { name, .. } = &place;
        for sql in [
            format!("CREATE OR REPLACE DATABASE {name} CHARACTER SET utf8mb4"),
            format!("CREATE TABLE {name}.t (id int PRIMARY KEY, name varchar(50)) ENGINE=InnoDB"),
            format!("INSERT INTO {name}.t VALUES (1, 'Ada'), (2, ''), (3, NULL), (4, 'Zoë 東京')"),
            format!("CREATE OR REPLACE USER {name}@'%' IDENTIFIED BY '{}'", place.password()),
            format!("GRANT ALL ON {name}.* TO {name}@'%'"),
        ] {
            conn.query_drop(sql).await?;
        }
        conn.disconnect().await?;
        Ok(place)
    }

    /// The password in its URL: what no message may contain.
    #[must_use]
    pub fn password(&self) -> String {
        format!("hunter2-{}", self.name)
    }

    /// Where the server is, `HOST:PORT`.
    #[must_use]
    pub fn server(&self) -> String {
        format!("{}:{}", self.server.ip_or_hostname(), self.server.tcp_port())
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(&self.server())
    }

    /// Its URL at another address.
    #[must_use]
    pub fn url_at(&self, address: &str) -> String {
        format!("mysql://{0}:{1}@{address}/{0}", self.name, self.password())
    }

    /// A session of an administrator's, in this database.
    ///
    /// # Errors
    /// If the server is not there.
    pub async fn session(&self) -> Result<Conn> {
        let opts = OptsBuilder::from_opts(self.server.clone()).db_name(Some(&self.name));
        Ok(Conn::new(opts).await?)
    }

    /// What an administrator does here, one statement.
    ///
    /// # Errors
    /// If the server does not do it.
    pub async fn admin(&self, sql: &str) -> Result<()> {
        let mut conn = self.session().await?;
        conn.query_drop(sql).await?;
        Ok(conn.disconnect().await?)
    }

    /// A number that a query gives.
    ///
    /// # Errors
    /// If it gives none.
    pub async fn number(&self, sql: &str) -> Result<i64> {
        let mut conn = self.session().await?;
        let number = conn.query_first(sql).await?;
        conn.disconnect().await?;
        number.with_context(|| format!("`{sql}` gives nothing"))
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

    /// How many sessions of its user run something like that.
    #[must_use]
    pub fn sessions(&self, like: &str) -> String {
        format!(
            "SELECT count(*) FROM information_schema.processlist WHERE user = '{}' AND info LIKE '{like}'",
            self.name
        )
    }
}
