//! Opening a target's file with every door to other files shut.

use super::failure;
use super::guard::Guard;
use super::stop::Stop;
use crate::RunError;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, Error, OpenFlags};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a statement waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest string, blob or row, in bytes: one row must fit in memory.
const MAX_VALUE_BYTES: i32 = 64 * 1024 * 1024;
/// Operations of SQLite's machine between two looks at the stop signal: well below a millisecond.
const OPERATIONS_PER_LOOK: i32 = 1000;

pub(super) fn open(
    path: &Path,
    guard: &Guard,
    stop: &Arc<Stop>,
    read_only: bool,
) -> Result<Connection, RunError> {
    // Without CREATE a typing error makes no new database. The path is absolute, hence never a URI.
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| cannot(&error))?;
    harden(&connection, guard, stop, read_only).map_err(|error| cannot(&error))?;
    Ok(connection)
}

fn harden(connection: &Connection, guard: &Guard, stop: &Arc<Stop>, read_only: bool) -> Result<(), Error> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false)?;
    // The first read: a file that is no database is found here, before anything runs.
    connection.query_row("PRAGMA schema_version", [], |_| Ok(()))?;
    // The guard refuses writes as well; this is SQLite's own word, and no command can take it back.
    connection.pragma_update(None, "query_only", read_only)?;
    let stop = Arc::clone(stop);
    connection.progress_handler(OPERATIONS_PER_LOOK, Some(move || stop.asked()));
    let guard = guard.clone();
    connection.authorizer(Some(move |context: rusqlite::hooks::AuthContext<'_>| guard.authorize(&context)));
    Ok(())
}

fn cannot(error: &Error) -> RunError {
    RunError::not_started(format!("the database cannot be opened: {}", failure::text(error)))
}
