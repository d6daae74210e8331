//! Everything that can stop the platform from starting or from keeping its data.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Why the local platform could not start, or what a part of it ran into.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// Another process serves from the same data directory.
    #[error(
        "the data directory `{}` is in use by another process ({holder}): stop that one or choose another directory",
        path.display()
    )]
    DataDirInUse {
        /// The directory.
        path: PathBuf,
        /// What is known about the holder, such as `process 4711`.
        holder: String,
    },
    /// The data directory cannot be created, read or written.
    #[error(
        "cannot write to the data directory `{}`: {source}; give a directory that this user may write to",
        path.display()
    )]
    DataDirNotWritable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No room is left where the data directory lies.
    #[error(
        "the disk that holds `{}` is full: free some space and start again; nothing that was confirmed is lost",
        path.display()
    )]
    DiskFull {
        /// The file or directory that could not grow.
        path: PathBuf,
    },
    /// A file of the data directory is not what this program wrote.
    #[error(
        "`{}` is damaged ({detail}): restore it from a copy, or move it away to start empty",
        path.display()
    )]
    Damaged {
        /// The damaged file.
        path: PathBuf,
        /// What the database engine said.
        detail: String,
    },
    /// Somebody listens on the public address already.
    #[error("`{addr}` is in use by another program: stop it, or choose another address to listen on")]
    PortInUse {
        /// The address that was asked for.
        addr: SocketAddr,
    },
    /// The address cannot be listened on for another reason.
    #[error("cannot listen on `{addr}`: {source}")]
    Bind {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The embedded database refused to open or to answer.
    #[error("the embedded database at `{}` failed: {detail}", path.display())]
    Database {
        /// The database file.
        path: PathBuf,
        /// What the database engine said.
        detail: String,
    },
    /// Two functions were registered under one name, or a name is wired that none has.
    #[error("wiring: {0}")]
    Wiring(String),
    /// The operating system refused something else.
    #[error("{action} failed: {source}")]
    System {
        /// What was attempted.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl LocalError {
    /// Sorts an error of the database engine about the file `path` into the right kind.
    pub(crate) fn from_sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;

        let path = path.to_path_buf();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull { path },
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Damaged { path, detail: error.to_string() }
            }
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                Self::DataDirNotWritable { path, source: io::Error::other(error.to_string()) }
            }
            _ => Self::Database { path, detail: error.to_string() },
        }
    }

    /// Sorts an error of the operating system about `path` into the right kind.
    pub(crate) fn from_io(path: &Path, error: io::Error) -> Self {
        let path = path.to_path_buf();
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::DataDirNotWritable { path, source: error },
        }
    }

    /// Sorts an error of binding the public address into the right kind.
    pub(crate) fn from_bind(addr: SocketAddr, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AddrInUse => Self::PortInUse { addr },
            _ => Self::Bind { addr, source: error },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart_from_other_database_errors() {
        let conn = rusqlite::Connection::open_in_memory().unwrap();
        conn.execute_batch("CREATE TABLE t (x); PRAGMA max_page_count = 2;").unwrap();
        let error = conn.execute("INSERT INTO t VALUES (zeroblob(100000))", []).unwrap_err();
        let error = LocalError::from_sqlite(Path::new("data/store.sqlite3"), &error);
        assert!(matches!(error, LocalError::DiskFull { .. }), "{error}");
        assert!(error.to_string().contains("`data/store.sqlite3` is full"));
    }

    #[test]
    fn no_space_left_on_device_is_a_full_disk_not_a_permission_problem() {
        let enospc = io::Error::from_raw_os_error(28);
        let error = LocalError::from_io(Path::new("data"), enospc);
        assert!(matches!(error, LocalError::DiskFull { .. }), "{error}");
    }
}
