//! dynoxide's stream table, by a connection of our own: the index it lacks, reading, trimming.
//!
//! Checked against dynoxide 3.2.0 (`storage.rs`, `sql_builders.rs`): records are rows of
//! `_stream_records`, written in the transaction of the change they tell of; the sequence
//! number is text and is chosen as `MAX(CAST(sequence_number AS INTEGER)) + 1` for the table,
//! which without an index reads the whole table at every write. SQLite has one writer, so
//! sequence numbers become visible in their order and none appears late.

use super::event::Row;
use crate::error::LocalError;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, params};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Deleted in one transaction: a few milliseconds for which writers wait.
const TRIM_CHUNK: usize = 256;
/// Trimming gives way to writers; reading and the index creation may wait as long.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// Makes the index that dynoxide's stream table lacks, so that writes stay as fast as the
/// first, also while nobody reads the stream.
pub(crate) fn create_index(store_file: &Path) -> Result<(), LocalError> {
    connect(store_file)
        .and_then(|conn| {
            conn.execute_batch(
                "CREATE INDEX IF NOT EXISTS countersign_stream_order
                     ON _stream_records (table_name, CAST(sequence_number AS INTEGER))",
            )
        })
        .map_err(|error| LocalError::from_sqlite(store_file, &error))
}

fn connect(store_file: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open(store_file)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    // NORMAL: deletions need not be on the disk when they return. No automatic checkpoints:
    // those belong to the writer who syncs.
    conn.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0;")?;
    Ok(conn)
}

/// One table's stream.
#[derive(Debug)]
pub(super) struct StreamTable {
    conn: Mutex<Connection>,
    path: PathBuf,
    table: String,
}

impl StreamTable {
    /// Opens dynoxide's file, which exists by now, with its index.
    pub(super) fn open(store_file: &Path, table: &str) -> Result<Self, LocalError> {
        let conn = connect(store_file).map_err(|e| LocalError::from_sqlite(store_file, &e))?;
        Ok(Self { conn: Mutex::new(conn), path: store_file.to_path_buf(), table: table.to_owned() })
    }

    /// A number that differs after every commit of another connection. Costs microseconds.
    pub(super) fn version(&self) -> Result<i64, LocalError> {
        self.conn()
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
            .map_err(|error| self.error(&error))
    }

    /// The newest sequence number.
    pub(super) fn newest(&self) -> Result<Option<i64>, LocalError> {
        self.conn()
            .prepare_cached(
                "SELECT MAX(CAST(sequence_number AS INTEGER)) FROM _stream_records
                 WHERE table_name = ?1",
            )
            .and_then(|mut statement| statement.query_row([&self.table], |row| row.get(0)))
            .map_err(|error| self.error(&error))
    }

    /// At most `limit` records behind `after`, in order.
    pub(super) fn read(&self, after: i64, limit: usize) -> Result<Vec<Row>, LocalError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let conn = self.conn();
        let read = || -> rusqlite::Result<Vec<Row>> {
            let rows = conn
                .prepare_cached(
                    "SELECT CAST(sequence_number AS INTEGER), event_id, event_name, keys_json,
                            new_image, old_image, created_at, user_identity
                     FROM _stream_records
                     WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) > ?2
                     ORDER BY CAST(sequence_number AS INTEGER)
                     LIMIT ?3",
                )?
                .query_map(params![self.table, after, limit], Row::read)?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            if rows.is_empty() {
                return Ok(rows);
            }
            // Asked each time: a table that is made again has another stream.
            let stream: Option<(Option<String>, Option<String>)> = conn
                .prepare_cached("SELECT stream_view_type, stream_label FROM _tables WHERE table_name = ?1")?
                .query_row([&self.table], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let (view_type, label) = stream.unwrap_or_default();
            let source = super::event::Source::new(&self.table, view_type, label);
            Ok(rows.into_iter().map(|row| row.with_source(&source)).collect())
        };
        read().map_err(|error| self.error(&error))
    }

    /// Deletes the records up to and including `through`, save the newest one of the table:
    /// without it the next sequence number could be one that was used before. Says whether
    /// all are gone; not so when writers held the lock, then a later call goes on.
    pub(super) fn trim(&self, through: i64) -> Result<bool, LocalError> {
        loop {
            let deleted = self
                .conn()
                .prepare_cached(
                    "DELETE FROM _stream_records WHERE id IN (
                         SELECT id FROM _stream_records
                         WHERE table_name = ?1
                           AND CAST(sequence_number AS INTEGER) <= ?2
                           AND CAST(sequence_number AS INTEGER) < (
                               SELECT MAX(CAST(sequence_number AS INTEGER))
                               FROM _stream_records WHERE table_name = ?1)
                         ORDER BY CAST(sequence_number AS INTEGER)
                         LIMIT ?3)",
                )
                .and_then(|mut statement| statement.execute(params![self.table, through, TRIM_CHUNK as i64]));
            match deleted {
                Ok(deleted) if deleted < TRIM_CHUNK => return Ok(true),
                // The writers' turn.
                Ok(_) => std::thread::sleep(Duration::from_millis(2)),
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                    return Ok(false);
                }
                Err(error) => return Err(self.error(&error)),
            }
        }
    }

    fn conn(&self) -> MutexGuard<'_, Connection> {
        self.conn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self, error: &rusqlite::Error) -> LocalError {
        LocalError::from_sqlite(&self.path, error)
    }
}
