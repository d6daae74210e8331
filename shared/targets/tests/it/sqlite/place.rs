//! A folder with databases for one test.

use crate::common::{Ran, caps};
use countersign_targets::{CancellationToken, Environment, RunOptions, Sink, TargetKind, TargetSpec, run};
use rusqlite::Connection;
use serde_json::json;
use std::path::PathBuf;
use tempfile::TempDir;

/// A root with `demo.db` in it, and a file outside of the root.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("root")).unwrap();
        let place = Self { folder };
        for path in ["root/demo.db", "outside.db"] {
            Connection::open(place.path(path))
                .unwrap()
                .execute_batch(
                    "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, ref INTEGER REFERENCES t DEFERRABLE INITIALLY DEFERRED);
                     INSERT INTO t (id, name) VALUES (1, 'Ada'), (2, ''), (3, NULL), (4, 'Zoë 東京')",
                )
                .unwrap();
        }
        place
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(crate) fn environment(&self) -> Environment {
        Environment { sqlite_root: Some(self.path("root")), ..Environment::default() }
    }

    pub(crate) async fn give(
        &self,
        path: &str,
        command: &str,
        options: impl Into<RunOptions>,
        sink: &mut dyn Sink,
    ) -> countersign_targets::Ran {
        let spec = TargetSpec::parse(TargetKind::Sqlite, &json!({"path": path})).unwrap();
        run(&spec, None, command, options, &self.environment(), sink, CancellationToken::new()).await
    }

    pub(crate) async fn run_on(&self, path: &str, command: &str, options: impl Into<RunOptions>) -> Ran {
        let mut records = Vec::new();
        let ran = self.give(path, command, options, &mut records).await;
        Ran::new(ran, records)
    }

    pub(crate) async fn run(&self, command: &str) -> Ran {
        self.run_on("demo.db", command, caps(60_000)).await
    }

    pub(crate) async fn run_with(&self, options: RunOptions, command: &str) -> Ran {
        self.run_on("demo.db", command, options).await
    }

    /// What a connection of nobody's sees.
    pub(crate) fn count(&self) -> i64 {
        self.number("SELECT count(*) FROM t")
    }

    pub(crate) fn number(&self, sql: &str) -> i64 {
        Connection::open(self.path("root/demo.db")).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
    }
}
