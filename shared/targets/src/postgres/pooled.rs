//! Sessions behind a connection pooler.
//!
//! A pooler such as PgBouncer may give each transaction another session of the server, which other clients use before
//! and after. A setting of the session (`SET ROLE`, a prepared statement, an advisory lock) would meet those clients.
//! So everything runs inside of a transaction there: our own settings are local to it, and before it ends the state of
//! the session is put back, in that transaction, while the server's session is still ours.
//!
//! A pooler is recognised by the number of the server's process, which the server says at the connection and again
//! when asked: a pooler that shares sessions answers the connection itself, with a number of its own.

use super::session::MARGIN_MS;
use crate::Caps;

/// The point to which a failed command is rolled back, so that the session can still be put back after it.
pub(super) const SAVEPOINT: &str = "SAVEPOINT countersign_command";
/// Undoes the command, and keeps the transaction.
pub(super) const UNDO: &str = "ROLLBACK TO SAVEPOINT countersign_command";

/// Puts the state of the session back: all of `DISCARD ALL` that is possible inside of a transaction. Deferred
/// triggers run first, because they may change settings too.
pub(super) const RESET: &str = "SET CONSTRAINTS ALL IMMEDIATE; CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; \
    RESET ALL; DEALLOCATE ALL; UNLISTEN *; SELECT pg_catalog.pg_advisory_unlock_all(); \
    DISCARD PLANS; DISCARD TEMP; DISCARD SEQUENCES";
/// As [`RESET`], for a command that was undone: its settings are gone with it, and nothing is deferred.
pub(super) const RESET_UNDONE: &str =
    "DEALLOCATE ALL; SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD PLANS; DISCARD SEQUENCES";

/// What is appended to an error that comes from running inside of a transaction.
pub(super) const HINT: &str = "the connection goes through a connection pooler, where every command runs inside of a transaction; for this statement, connect to the server directly";

/// Our settings, for this transaction alone.
pub(super) fn settings(caps: Caps) -> String {
    let limit_ms = caps.statement_timeout_ms.saturating_add(MARGIN_MS);
    format!(
        "SET LOCAL statement_timeout = {limit_ms}; \
         SET LOCAL idle_in_transaction_session_timeout = {limit_ms}; \
         SET LOCAL standard_conforming_strings = on; \
         SET LOCAL client_encoding = 'UTF8'"
    )
}
