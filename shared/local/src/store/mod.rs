//! DynamoDB, embedded: the crate `dynoxide` on a file of the data directory, answering from threads
//! of its own.
//!
//! **Durability.** dynoxide opens its file with `journal_mode = WAL` and leaves `synchronous`
//! at SQLite's default, FULL: a commit is in the log, and the log is on the disk, before the
//! answer leaves. What was answered 2xx survives `kill -9` and, as far as the disk keeps its
//! word, a loss of power. (`Database::disable_bulk_loading` leaves NORMAL behind: after it, a
//! killed process still loses nothing, a loss of power may take the last commits. Only
//! benchmarks load in bulk.) A store without a directory lives in a temporary one and syncs
//! nothing.
//!
//! dynoxide answers one request at a time (one connection behind a mutex, blocking), so it has
//! two threads to itself: one that works on the database, one that reads the next request.

mod server;
mod tokens;

use crate::data_dir::DataDir;
use crate::endpoints::{self, Api, Endpoints};
use crate::error::LocalError;
use crate::http_server::HttpServer;
use crate::sqlite_file;
use async_trait::async_trait;
use bytes::Bytes;
use dynoxide::Database;
use http::{Request, Response};
use server::Server;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

const FILE: &str = "store.sqlite3";
/// How often items past their time to live are removed. AWS takes up to days; a sweep reads
/// the whole table, a page at a time.
const TTL_SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// How long requests may still run when the store is told to stop.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// The embedded database, running. Dropping it stops it at once.
pub struct EmbeddedStore {
    database: Database,
    api: Arc<dyn Api>,
    /// Ports that were asked for.
    ports: Mutex<Vec<HttpServer>>,
    path: PathBuf,
    written: Arc<Notify>,
    stop: Option<oneshot::Sender<()>>,
    threads: Option<JoinHandle<()>>,
    /// Dropped last: until then nobody else may open the directory.
    dir: DataDir,
}

impl std::fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedStore").field("path", &self.path).finish_non_exhaustive()
    }
}

impl EmbeddedStore {
    /// Opens the database in `dir`, made where it is missing, and serves it. Without a
    /// directory the database lives in a temporary one that ends with the value.
    ///
    /// # Errors
    /// [`LocalError::DataDirInUse`], [`LocalError::DataDirNotWritable`],
    /// [`LocalError::DiskFull`], [`LocalError::Damaged`], [`LocalError::Database`].
    pub async fn open(dir: Option<&Path>) -> Result<Self, LocalError> {
        let dir = DataDir::take(dir)?;
        let path = dir.path().join(FILE);
        let database = open_database(&path, dir.is_temporary())?;
        let (stop, stopped) = oneshot::channel();
        let written = Arc::new(Notify::new());
        let server = Server::new(database.clone(), Arc::clone(&written));
        let (threads, runtime) = start_threads(database.clone(), stopped)?;
        let api = Arc::new(OnItsThreads { server: Arc::new(server), runtime });
        let (stop, ports) = (Some(stop), Mutex::default());
        Ok(Self { database, api, ports, path, written, stop, threads: Some(threads), dir })
    }

    /// DynamoDB's API, for this process.
    pub fn endpoints(&self) -> Endpoints {
        Endpoints::of_store(Arc::downgrade(&self.api))
    }

    pub(crate) fn api(&self) -> &Arc<dyn Api> {
        &self.api
    }

    /// Answers DynamoDB's API on a port of this machine too, without a check of any signature: for tests and
    /// benchmarks. Returns the URL.
    ///
    /// # Errors
    /// [`LocalError`] if there is no port.
    pub async fn listen(&self) -> Result<String, LocalError> {
        let (url, server) = endpoints::listen(&self.api).await?;
        self.ports.lock().unwrap_or_else(PoisonError::into_inner).push(server);
        Ok(url)
    }

    /// The database itself, for bulk loading in benchmarks (`import_items`).
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The directory that holds the database; other files of the platform lie there too.
    pub fn data_dir(&self) -> &Path {
        self.dir.path()
    }

    /// The database file.
    pub fn database_file(&self) -> &Path {
        &self.path
    }

    /// Told after each write through the API.
    pub(crate) fn written(&self) -> Arc<Notify> {
        Arc::clone(&self.written)
    }

    /// Takes no more requests, lets those that run end, closes the file.
    pub async fn shutdown(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(threads) = self.threads.take() {
            let _ = tokio::task::spawn_blocking(move || threads.join()).await;
        }
    }
}

/// Opens the file, after a look at whether it is one of ours and whole.
fn open_database(path: &Path, temporary: bool) -> Result<Database, LocalError> {
    // The scheduler's file is made when this one stands.
    sqlite_file::check_not_lost(path, &path.with_file_name(crate::scheduler::FILE))?;
    sqlite_file::check(path)?;
    let text = path.to_str().ok_or_else(|| LocalError::Database {
        path: path.to_path_buf(),
        detail: "the path must be UTF-8".to_owned(),
    })?;
    let failed = |error: dynoxide::DynoxideError| match error {
        dynoxide::DynoxideError::SqliteError(error) => LocalError::from_sqlite(path, &error),
        other => LocalError::Database { path: path.to_path_buf(), detail: other.to_string() },
    };
    let database = Database::new(text).map_err(failed)?;
    crate::stream::create_index(path)?;
    if temporary {
        // Nothing outlives the process anyway.
        database.enable_bulk_loading().map_err(failed)?;
    }
    Ok(database)
}

/// DynamoDB's API, worked on by the database's own threads: it blocks, and the functions' tasks must not wait behind
/// it.
struct OnItsThreads {
    server: Arc<Server>,
    runtime: tokio::runtime::Handle,
}

#[async_trait]
impl Api for OnItsThreads {
    async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        let server = Arc::clone(&self.server);
        // A task of its own: a call that is given up is carried out anyway, as AWS would.
        let call = self.runtime.spawn(async move { server.handle(&request) });
        call.await.unwrap_or_else(|_| endpoints::ended())
    }
}

/// Starts the threads that work on the database.
fn start_threads(
    database: Database,
    stopped: oneshot::Receiver<()>,
) -> Result<(JoinHandle<()>, tokio::runtime::Handle), LocalError> {
    let system = |source| LocalError::System { action: "starting the database's threads", source };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("store")
        .enable_all()
        .build()
        .map_err(system)?;
    let handle = runtime.handle().clone();
    let threads = std::thread::Builder::new()
        .name("store-main".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                let sweeper = tokio::spawn(sweep_ttl(database));
                // Also resolves when the store is dropped without a shutdown.
                let _ = stopped.await;
                sweeper.abort();
            });
            runtime.shutdown_timeout(STOP_WITHIN);
        })
        .map_err(system)?;
    Ok((threads, handle))
}

async fn sweep_ttl(database: Database) {
    loop {
        tokio::time::sleep(TTL_SWEEP_EVERY).await;
        let database = database.clone();
        let swept = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
        match swept {
            Ok(Ok(items)) => tracing::debug!(items, "removed items past their time to live"),
            Ok(Err(error)) => tracing::warn!(%error, "cannot remove items past their time to live"),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    #[tokio::test]
    async fn a_database_file_is_in_write_ahead_mode_and_synced_at_every_commit() {
        let dir = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::open(Some(dir.path())).await.unwrap();
        // A second connection of the same build has dynoxide's own defaults.
        let conn = Connection::open(store.database_file()).unwrap();
        let mode: String = conn.query_row("PRAGMA journal_mode", [], |r| r.get(0)).unwrap();
        let synchronous: i64 = conn.query_row("PRAGMA synchronous", [], |r| r.get(0)).unwrap();
        assert_eq!((mode.as_str(), synchronous), ("wal", 2), "2 is FULL");
        store.shutdown().await;
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_reported_as_damaged_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE);
        std::fs::write(&file, "not a database, but long enough to be looked at".repeat(200)).unwrap();
        let before = std::fs::read(&file).unwrap();
        let error = EmbeddedStore::open(Some(dir.path())).await.unwrap_err();
        assert!(matches!(error, LocalError::Damaged { .. }), "{error}");
        assert_eq!(std::fs::read(&file).unwrap(), before);
    }

    #[tokio::test]
    async fn a_database_with_torn_pages_is_reported_as_damaged() {
        let dir = tempfile::tempdir().unwrap();
        EmbeddedStore::open(Some(dir.path())).await.unwrap().shutdown().await;
        let file = dir.path().join(FILE);
        let mut bytes = std::fs::read(&file).unwrap();
        assert!(bytes.len() > 3 * 4096, "the schema fills several pages");
        // Page 1 stays whole: the header alone says nothing about the rest.
        bytes[4096..].fill(0xA5);
        std::fs::write(&file, bytes).unwrap();
        let error = EmbeddedStore::open(Some(dir.path())).await.unwrap_err();
        assert!(matches!(error, LocalError::Damaged { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_database_that_was_emptied_is_reported_as_damaged() {
        let dir = tempfile::tempdir().unwrap();
        EmbeddedStore::open(Some(dir.path())).await.unwrap().shutdown().await;
        std::fs::write(dir.path().join(crate::scheduler::FILE), "").unwrap();
        std::fs::write(dir.path().join(FILE), "").unwrap();
        let error = EmbeddedStore::open(Some(dir.path())).await.unwrap_err();
        assert!(matches!(error, LocalError::Damaged { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_store_can_be_opened_again_after_a_shutdown() {
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..3 {
            let store = EmbeddedStore::open(Some(dir.path())).await.unwrap();
            store.shutdown().await;
        }
    }

    #[tokio::test]
    async fn two_stores_do_not_share_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        let _first = EmbeddedStore::open(Some(dir.path())).await.unwrap();
        let error = EmbeddedStore::open(Some(dir.path())).await.unwrap_err();
        assert!(matches!(error, LocalError::DataDirInUse { .. }), "{error}");
    }
}
