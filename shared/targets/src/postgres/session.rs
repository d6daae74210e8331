//! One session: connect, settings, cancel, close.

use super::address::Address;
use super::failure;
use super::key::{Connector, ProcessNumber};
use super::notices::Inbox;
use crate::message::Scrub;
use crate::{Caps, RunError};
use std::future::poll_fn;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_postgres::{AsyncMessage, Client, SimpleQueryMessage};

/// Time to connect, authenticate and set up, over all addresses of the server.
pub(super) const OPEN_TIMEOUT: Duration = Duration::from_secs(30);
/// The server's own limits are later than ours by this, so that ours is the one that speaks.
pub(super) const MARGIN_MS: u64 = 10_000;

/// An open session; dropping it closes the socket at once.
pub(super) struct Session {
    client: Client,
    tls: Connector,
    connection: JoinHandle<()>,
    notices: Inbox,
    pooled: bool,
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
        let tls = address.connector();
        let number = tls.process_number();
        let (client, mut connection) = address.config.connect(tls.clone()).await?;
        let notices = Inbox::default();
        let inbox = notices.clone();
        let connection = tokio::spawn(async move {
            // An error reaches the client's calls too, where it is handled.
            while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
                if let AsyncMessage::Notice(notice) = message {
                    inbox.put(&notice);
                }
            }
        });
        let mut session = Self { client, tls, connection, notices, pooled: false };
        session.pooled = session.is_pooled(&number).await?;
        if !session.pooled {
            session.settings(caps).await?;
        }
        Ok(session)
    }

    /// Whether another process works for the session than the one that answered the connection.
    async fn is_pooled(&self, number: &ProcessNumber) -> Result<bool, tokio_postgres::Error> {
        let Some(greeted) = number.get() else { return Ok(false) };
        let messages = self.client.simple_query("SELECT pg_catalog.pg_backend_pid()").await?;
        let works = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).and_then(|number| number.parse::<i64>().ok()),
            _ => None,
        });
        Ok(works != Some(greeted))
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

    /// Whether other clients may use the server's session before and after a transaction.
    pub(super) fn pooled(&self) -> bool {
        self.pooled
    }

    /// Where the server's notices come in.
    pub(super) fn notices(&self) -> &Inbox {
        &self.notices
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
