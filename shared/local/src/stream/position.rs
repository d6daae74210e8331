//! How far each stream has been handled, in a small file of its own: a position must not
//! compete with the store's writers for their lock.

use crate::error::LocalError;
use crate::sqlite_file;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

const FILE: &str = "stream.sqlite3";

/// The stored positions.
#[derive(Debug)]
pub(super) struct Positions {
    conn: Mutex<Connection>,
    path: PathBuf,
}

impl Positions {
    pub(super) fn open(data_dir: &Path) -> Result<Self, LocalError> {
        let path = data_dir.join(FILE);
        sqlite_file::check(&path)?;
        let conn = Connection::open(&path)
            .and_then(|conn| {
                // NORMAL: a lost position means records come twice, which they may.
                conn.execute_batch(
                    "PRAGMA journal_mode = WAL;
                     PRAGMA synchronous = NORMAL;
                     CREATE TABLE IF NOT EXISTS positions (
                         table_name TEXT PRIMARY KEY,
                         sequence INTEGER NOT NULL
                     ) WITHOUT ROWID;",
                )?;
                Ok(conn)
            })
            .map_err(|error| LocalError::from_sqlite(&path, &error))?;
        Ok(Self { conn: Mutex::new(conn), path })
    }

    /// The last handled sequence number of the table's stream; 0 before the first.
    pub(super) fn get(&self, table: &str) -> Result<i64, LocalError> {
        let conn = self.conn.lock().unwrap_or_else(PoisonError::into_inner);
        conn.query_row("SELECT sequence FROM positions WHERE table_name = ?1", [table], |row| row.get(0))
            .optional()
            .map(|found| found.unwrap_or(0))
            .map_err(|error| LocalError::from_sqlite(&self.path, &error))
    }

    pub(super) fn set(&self, table: &str, sequence: i64) -> Result<(), LocalError> {
        let conn = self.conn.lock().unwrap_or_else(PoisonError::into_inner);
        conn.prepare_cached(
            "INSERT INTO positions (table_name, sequence) VALUES (?1, ?2)
             ON CONFLICT (table_name) DO UPDATE SET sequence = excluded.sequence",
        )
        .and_then(|mut statement| statement.execute(params![table, sequence]))
        .map(|_| ())
        .map_err(|error| LocalError::from_sqlite(&self.path, &error))
    }
}
