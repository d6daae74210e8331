//! The stored schedules, in a SQLite file of their own.

use super::schedule::{AfterCompletion, NewSchedule, State, arn};
use crate::error::LocalError;
use crate::sqlite_file;
use crate::text;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Its name in the data directory.
pub(crate) const FILE: &str = "scheduler.sqlite3";

/// `claimed` marks what fires now; it means nothing to the next process. A schedule that is
/// done and not deleted has no `next_attempt_ms`.
const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS schedules (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        group_name TEXT NOT NULL,
        name TEXT NOT NULL,
        request TEXT NOT NULL,
        client_token TEXT,
        target_arn TEXT NOT NULL,
        input TEXT,
        at_unix INTEGER NOT NULL,
        max_retries INTEGER NOT NULL,
        max_age_seconds INTEGER NOT NULL,
        delete_after INTEGER NOT NULL,
        created_ms INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        next_attempt_ms INTEGER,
        claimed INTEGER NOT NULL DEFAULT 0,
        UNIQUE (group_name, name)
    );
    CREATE INDEX IF NOT EXISTS due ON schedules (next_attempt_ms)
        WHERE claimed = 0 AND next_attempt_ms IS NOT NULL;
    UPDATE schedules SET claimed = 0 WHERE claimed = 1;
";

/// How a creation ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Created {
    /// It is stored; or it was, by this very request, whose answer got lost.
    Stored,
    /// The name is taken.
    Conflict,
}

/// A schedule that fires now.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) id: i64,
    pub(super) group: String,
    pub(super) name: String,
    pub(super) target_arn: String,
    pub(super) input: Option<String>,
    pub(super) at_unix: i64,
    pub(super) attempts: i64,
    pub(super) max_retries: i64,
    pub(super) max_age_seconds: i64,
}

impl Due {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            group: row.get(1)?,
            name: row.get(2)?,
            target_arn: row.get(3)?,
            input: row.get(4)?,
            at_unix: row.get(5)?,
            attempts: row.get(6)?,
            max_retries: row.get(7)?,
            max_age_seconds: row.get(8)?,
        })
    }
}

/// The table. A process that is killed loses no schedule; a loss of power may take the last
/// ones, which the application's sweep makes up for.
#[derive(Debug)]
pub(super) struct ScheduleTable {
    conn: Mutex<Connection>,
    path: PathBuf,
}

impl ScheduleTable {
    pub(super) fn open(data_dir: &Path) -> Result<Self, LocalError> {
        let path = data_dir.join(FILE);
        sqlite_file::check(&path)?;
        let conn = Connection::open(&path)
            .and_then(|conn| {
                conn.busy_timeout(Duration::from_secs(5))?;
                conn.execute_batch(SCHEMA)?;
                Ok(conn)
            })
            .map_err(|error| LocalError::from_sqlite(&path, &error))?;
        Ok(Self { conn: Mutex::new(conn), path })
    }

    /// Stores a schedule, unless its name is taken in its group.
    pub(super) fn create(&self, new: &NewSchedule) -> Result<Created, LocalError> {
        let request = &new.request;
        let next_attempt_ms = match request.state.unwrap_or(State::Enabled) {
            State::Enabled => Some(new.at_unix.saturating_mul(1000)),
            State::Disabled => None,
        };
        let delete_after = request.action_after_completion == Some(AfterCompletion::Delete);
        let document = json!(request).to_string();
        let conn = self.conn();
        let create = || -> rusqlite::Result<Created> {
            let inserted = conn
                .prepare_cached(
                    "INSERT INTO schedules (group_name, name, request, client_token, target_arn,
                         input, at_unix, max_retries, max_age_seconds, delete_after, created_ms,
                         next_attempt_ms)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
                     ON CONFLICT (group_name, name) DO NOTHING",
                )?
                .execute(params![
                    new.group,
                    new.name,
                    document,
                    request.client_token,
                    request.target.arn,
                    request.target.input,
                    new.at_unix,
                    new.max_retries,
                    new.max_age_seconds,
                    delete_after,
                    text::now_unix_ms(),
                    next_attempt_ms,
                ])?;
            if inserted == 1 {
                return Ok(Created::Stored);
            }
            let token: Option<Option<String>> = conn
                .prepare_cached("SELECT client_token FROM schedules WHERE group_name = ?1 AND name = ?2")?
                .query_row([&new.group, &new.name], |row| row.get(0))
                .optional()?;
            match (token.flatten(), &request.client_token) {
                (Some(stored), Some(sent)) if stored == *sent => Ok(Created::Stored),
                _ => Ok(Created::Conflict),
            }
        };
        create().map_err(|error| self.error(&error))
    }

    /// The schedule as GetSchedule shows it.
    pub(super) fn get(&self, group: &str, name: &str) -> Result<Option<Value>, LocalError> {
        let found: Option<(String, i64)> = self
            .conn()
            .prepare_cached("SELECT request, created_ms FROM schedules WHERE group_name = ?1 AND name = ?2")
            .and_then(|mut statement| {
                statement.query_row([group, name], |row| Ok((row.get(0)?, row.get(1)?))).optional()
            })
            .map_err(|error| self.error(&error))?;
        let Some((request, created_ms)) = found else {
            return Ok(None);
        };
        let mut shown: Value = serde_json::from_str(&request)
            .map_err(|error| LocalError::Damaged { path: self.path.clone(), detail: error.to_string() })?;
        if let Some(members) = shown.as_object_mut() {
            members.remove("ClientToken");
            members.insert("Arn".into(), arn(group, name).into());
            members.insert("GroupName".into(), group.into());
            members.insert("Name".into(), name.into());
            members.entry("State").or_insert_with(|| "ENABLED".into());
            members.entry("ScheduleExpressionTimezone").or_insert_with(|| "UTC".into());
            members.entry("ActionAfterCompletion").or_insert_with(|| "NONE".into());
            let created_seconds = created_ms as f64 / 1000.0;
            members.insert("CreationDate".into(), created_seconds.into());
            members.insert("LastModificationDate".into(), created_seconds.into());
        }
        Ok(Some(shown))
    }

    /// Deletes the schedule; says whether it was there.
    pub(super) fn delete(&self, group: &str, name: &str) -> Result<bool, LocalError> {
        self.execute("DELETE FROM schedules WHERE group_name = ?1 AND name = ?2", params![group, name])
            .map(|deleted| deleted == 1)
    }

    /// Claims at most `limit` schedules that were to fire before `now_ms`, the oldest first.
    pub(super) fn claim_due(&self, now_ms: i64, limit: usize) -> Result<Vec<Due>, LocalError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let conn = self.conn();
        let claim = || -> rusqlite::Result<Vec<Due>> {
            conn.prepare_cached(
                "UPDATE schedules SET claimed = 1 WHERE id IN (
                     SELECT id FROM schedules
                     WHERE claimed = 0 AND next_attempt_ms IS NOT NULL AND next_attempt_ms <= ?1
                     ORDER BY next_attempt_ms LIMIT ?2)
                 RETURNING id, group_name, name, target_arn, input, at_unix, attempts,
                           max_retries, max_age_seconds",
            )?
            .query_map([now_ms, limit], Due::read)?
            .collect()
        };
        claim().map_err(|error| self.error(&error))
    }

    /// When the next unclaimed schedule is to fire.
    pub(super) fn next_due_ms(&self) -> Result<Option<i64>, LocalError> {
        self.conn()
            .prepare_cached(
                "SELECT MIN(next_attempt_ms) FROM schedules
                 WHERE claimed = 0 AND next_attempt_ms IS NOT NULL",
            )
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
            .map_err(|error| self.error(&error))
    }

    /// Ends a schedule that has fired, or that has failed for good.
    pub(super) fn complete(&self, id: i64) -> Result<(), LocalError> {
        let deleted = self.execute("DELETE FROM schedules WHERE id = ?1 AND delete_after = 1", [id])?;
        if deleted == 0 {
            self.execute("UPDATE schedules SET claimed = 0, next_attempt_ms = NULL WHERE id = ?1", [id])?;
        }
        Ok(())
    }

    /// Gives a schedule back, to fire again at `next_attempt_ms`; `counted` says whether the
    /// attempt counts.
    pub(super) fn retry(&self, id: i64, next_attempt_ms: i64, counted: bool) -> Result<(), LocalError> {
        self.execute(
            "UPDATE schedules SET claimed = 0, next_attempt_ms = ?2, attempts = attempts + ?3
             WHERE id = ?1",
            params![id, next_attempt_ms, counted],
        )
        .map(|_| ())
    }

    fn execute(&self, sql: &str, params: impl rusqlite::Params) -> Result<usize, LocalError> {
        self.conn()
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params))
            .map_err(|error| self.error(&error))
    }

    fn conn(&self) -> MutexGuard<'_, Connection> {
        self.conn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self, error: &rusqlite::Error) -> LocalError {
        LocalError::from_sqlite(&self.path, error)
    }
}
