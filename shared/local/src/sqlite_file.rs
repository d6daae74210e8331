//! A look at a SQLite file before it is used: is it one of ours, and whole?

use crate::error::LocalError;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Up to this size the whole file is checked for damage at the start (a second or so).
const CHECK_UP_TO_BYTES: u64 = 64 * 1024 * 1024;
/// Another process may still be closing it.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens the file once beforehand, so that what is wrong with it has a typed error. A file that is
/// not there or has nothing in it is about to be made.
///
/// # Errors
/// [`LocalError::Damaged`], and what else stands in the way of reading it.
pub(crate) fn check(path: &Path) -> Result<(), LocalError> {
    let length = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    if length == 0 {
        return Ok(());
    }
    let sqlite = |error: rusqlite::Error| LocalError::from_sqlite(path, &error);
    let conn = Connection::open(path).map_err(sqlite)?;
    conn.busy_timeout(BUSY_TIMEOUT).map_err(sqlite)?;
    conn.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(())).map_err(sqlite)?;
    if length > CHECK_UP_TO_BYTES {
        return Ok(());
    }
    let verdict: String = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(sqlite)?;
    match verdict.as_str() {
        "ok" => Ok(()),
        detail => Err(damaged(path, detail)),
    }
}

/// Refuses a file that was used before and is gone or empty now: SQLite would make it anew, and
/// delete the log beside it. `made_later` is a file that exists only once this one has been used.
///
/// # Errors
/// [`LocalError::Damaged`].
pub(crate) fn check_not_lost(path: &Path, made_later: &Path) -> Result<(), LocalError> {
    let length = std::fs::metadata(path).map(|metadata| metadata.len()).ok();
    match length {
        Some(0) if made_later.exists() => {
            let witness = made_later.file_name().unwrap_or_default().display();
            Err(damaged(path, &format!("it is empty, but `{witness}` tells that it was used")))
        }
        None if log_of(path).exists() => {
            let log = log_of(path);
            let log = log.file_name().unwrap_or_default().display();
            Err(damaged(path, &format!("it is missing, but its log `{log}` is there; they belong together")))
        }
        _ => Ok(()),
    }
}

fn log_of(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    PathBuf::from(log)
}

fn damaged(path: &Path, detail: &str) -> LocalError {
    LocalError::Damaged { path: path.to_path_buf(), detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_a_first_start_was_killed_over_is_no_loss() {
        let dir = tempfile::tempdir().unwrap();
        let (file, later) = (dir.path().join("a"), dir.path().join("b"));
        check_not_lost(&file, &later).unwrap();
        std::fs::write(&file, "").unwrap();
        check_not_lost(&file, &later).unwrap();
        check(&file).unwrap();
        std::fs::write(&later, "").unwrap();
        let error = check_not_lost(&file, &later).unwrap_err().to_string();
        assert!(error.contains("it is empty, but `b` tells that it was used"), "{error}");
    }

    #[test]
    fn a_log_without_its_file_is_not_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let (file, later) = (dir.path().join("a"), dir.path().join("b"));
        std::fs::write(&later, "").unwrap();
        check_not_lost(&file, &later).unwrap();
        std::fs::write(dir.path().join("a-wal"), "x").unwrap();
        let error = check_not_lost(&file, &later).unwrap_err().to_string();
        assert!(error.contains("it is missing, but its log `a-wal` is there"), "{error}");
    }
}
