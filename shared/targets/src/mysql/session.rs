//! One session: connect, settings, cancel, close.

use super::address::Address;
use super::failure;
use crate::{Caps, RunError};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Time to connect, authenticate and set up.
pub(super) const OPEN_TIMEOUT: Duration = Duration::from_secs(30);
/// The server's own limits are later than ours by this, so that ours is the one that speaks.
const MARGIN_MS: u64 = 10_000;
/// Time to say goodbye.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Modes by which the server would read strings, names or whole statements in another way than the
/// splitting here; some of them bring others with them.
const MODES_OF_ANOTHER_TONGUE: [&str; 9] = [
    "ANSI",
    "ANSI_QUOTES",
    "NO_BACKSLASH_ESCAPES",
    "ORACLE",
    "MSSQL",
    "DB2",
    "MAXDB",
    "POSTGRESQL",
    "EMPTY_STRING_IS_NULL",
];

/// An open session; dropping it closes the socket at once.
pub(super) struct Session {
    conn: Option<Conn>,
    options: Opts,
    id: u32,
}

impl Session {
    pub(super) async fn open(address: &Address, caps: Caps) -> Result<Self, RunError> {
        match timeout(OPEN_TIMEOUT, Self::connect(address, caps)).await {
            Ok(Ok(session)) => Ok(session),
            Ok(Err(error)) => Err(RunError::not_started(format!(
                "cannot connect: {}",
                address.scrub.clean(&failure::describe(&error))
            ))),
            Err(_) => Err(RunError::not_started(format!(
                "the server did not accept the connection within {} s",
                OPEN_TIMEOUT.as_secs()
            ))),
        }
    }

    pub(super) async fn connect(address: &Address, caps: Caps) -> Result<Self, Error> {
        let conn = connect(&address.options, caps).await?;
        Ok(Self { id: conn.id(), conn: Some(conn), options: address.options.clone() })
    }

    /// The connection and, apart from it, what it takes to cancel its work.
    pub(super) fn split(&mut self) -> Option<(&mut Conn, Canceller)> {
        let canceller = Canceller { options: self.options.clone(), id: self.id };
        self.conn.as_mut().map(|conn| (conn, canceller))
    }

    pub(super) async fn close(mut self) {
        if let Some(conn) = self.conn.take() {
            let _ = timeout(CLOSE_TIMEOUT, conn.disconnect()).await;
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Dropped inside of a runtime, the library would wait in the background for the end of what
        // the session does. In a thread without one it closes the socket.
        if let Some(conn) = self.conn.take() {
            let _ = std::thread::Builder::new().name("close".to_owned()).spawn(move || drop(conn));
        }
    }
}

/// Stops what a session does, by another session.
pub(super) struct Canceller {
    options: Opts,
    id: u32,
}

impl Canceller {
    /// Asks the server to end the statement at hand, again each second: a request that arrives
    /// between two statements hits nothing. Never ends.
    pub(super) async fn cancel_until_dropped(&self) {
        loop {
            // An error means that the server cannot be reached: the caller's grace period decides.
            let _ = self.kill().await;
            sleep(Duration::from_secs(1)).await;
        }
    }

    async fn kill(&self) -> Result<(), Error> {
        let mut conn = Conn::new(self.options.clone()).await?;
        conn.query_drop(format!("KILL QUERY {}", self.id)).await?;
        conn.disconnect().await
    }
}

async fn connect(options: &Opts, caps: Caps) -> Result<Conn, Error> {
    let mut conn = Conn::new(options.clone()).await?;
    // The splitting of the command relies on these rules for strings and on this encoding.
    conn.query_drop("SET NAMES utf8mb4").await?;
    let modes: Option<String> = conn.query_first("SELECT @@SESSION.sql_mode").await?;
    let modes = modes.unwrap_or_default();
    let kept: Vec<&str> = modes.split(',').filter(|mode| !MODES_OF_ANOTHER_TONGUE.contains(mode)).collect();
    conn.query_drop(format!("SET SESSION sql_mode = '{}'", kept.join(","))).await?;
    // A single statement commits by itself, whatever the server's own settings are.
    conn.query_drop("SET SESSION autocommit = 1, SESSION completion_type = 'NO_CHAIN'").await?;
    let limit_ms = caps.statement_timeout_ms.saturating_add(MARGIN_MS);
    let limit_seconds = limit_ms.div_ceil(1000);
    conn.query_drop(format!("SET SESSION wait_timeout = {limit_seconds}")).await?;
    for setting in
        [format!("max_statement_time = {limit_seconds}"), format!("max_execution_time = {limit_ms}")]
    {
        // MariaDB has the one, MySQL the other.
        match conn.query_drop(format!("SET SESSION {setting}")).await {
            Ok(()) | Err(Error::Server(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(conn)
}
