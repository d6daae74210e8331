//! One session: connect, settings, cancel, close.

use super::address::Address;
use super::failure;
use crate::message::Scrub;
use crate::{Caps, RunError};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Time to connect, authenticate and set up, over all addresses of the server.
pub(super) const OPEN_TIMEOUT: Duration = Duration::from_secs(30);
/// The server's own limits are later than ours by this, so that ours is the one that speaks.
const MARGIN_MS: u64 = 10_000;

/// An open session; dropping it closes the socket at once.
pub(super) struct Session {
    client: Client,
    tls: MakeRustlsConnect,
    connection: JoinHandle<()>,
}

impl Session {
    pub(super) async fn open(address: &Address, caps: Caps) -> Result<Self, RunError> {
        match timeout(OPEN_TIMEOUT, Self::connect(address, caps)).await {
            Ok(opened) => opened.map_err(|error| cannot_connect(&error, &address.scrub)),
            Err(_) => Err(RunError::not_started(format!(
                "the server did not accept the connection within {} s",
                OPEN_TIMEOUT.as_secs()
            ))),
        }
    }

    pub(super) async fn connect(address: &Address, caps: Caps) -> Result<Self, tokio_postgres::Error> {
        let (client, connection) = address.config.connect(address.tls.clone()).await?;
        let connection = tokio::spawn(async move {
            // Its error reaches the client's calls too, where it is handled. Notices are dropped.
            let _ = connection.await;
        });
        let session = Self { client, tls: address.tls.clone(), connection };
        session.settings(caps).await?;
        Ok(session)
    }

    async fn settings(&self, caps: Caps) -> Result<(), tokio_postgres::Error> {
        let limit_ms = caps.statement_timeout_ms.saturating_add(MARGIN_MS);
        // The splitting of the command relies on these rules for strings and on this encoding.
        self.client
            .batch_execute(&format!(
                "SET statement_timeout = {limit_ms}; \
                 SET idle_in_transaction_session_timeout = {limit_ms}; \
                 SET standard_conforming_strings = on; \
                 SET client_encoding = 'UTF8'"
            ))
            .await?;
        // Has the server notice a client that vanished; not every server can, and that is no reason to stop.
        match self.client.batch_execute("SET client_connection_check_interval = '5s'").await {
            Err(error) if error.as_db_error().is_none() => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Asks the server to cancel what the session does, again each second: a request that arrives
    /// between two statements hits nothing. Never ends.
    pub(super) async fn cancel_until_dropped(&self) {
        let token = self.client.cancel_token();
        loop {
            // An error means that the server cannot be reached: the caller's grace period decides.
            let _ = token.cancel_query(self.tls.clone()).await;
            sleep(Duration::from_secs(1)).await;
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

fn cannot_connect(error: &tokio_postgres::Error, scrub: &Scrub) -> RunError {
    RunError::not_started(format!("cannot connect: {}", scrub.clean(&failure::describe(error))))
}
