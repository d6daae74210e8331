//! What no command may do, and which files are no target.

use crate::common::caps;
use crate::sqlite::place::Place;
use countersign_targets::{CancellationToken, Environment, TargetKind, TargetSpec, run};
use serde_json::json;

#[tokio::test]
async fn transaction_control_is_refused() {
    let place = Place::new();
    for command in [
        "BEGIN",
        "begin immediate",
        "COMMIT",
        "END TRANSACTION",
        "/* x */ ROLLBACK",
        "SAVEPOINT a",
        "RELEASE a",
        "ROLLBACK TO a",
    ] {
        let ran = place.run(command).await;
        assert!(ran.not_started().contains("transaction control"), "{command}: {}", ran.not_started());
    }
    for command in [
        "DELETE FROM t; COMMIT",
        "DELETE FROM t; cOmMiT; SELECT 1",
        "DELETE FROM t; /**/ END;",
        "DELETE FROM t; SAVEPOINT x",
    ] {
        let ran = place.run(command).await;
        assert!(ran.failed().0.contains("transaction control"), "{command}");
        assert_eq!(place.count(), 4, "{command}");
    }
    let ran = place.run("SELECT 'COMMIT; BEGIN' AS \"end\" -- ; COMMIT").await;
    assert_eq!(ran.cell(), "COMMIT; BEGIN");
}

#[tokio::test]
async fn no_command_reaches_another_file() {
    let place = Place::new();
    let outside = place.path("outside.db");
    let new = place.path("root/new.db");
    for command in [
        format!("ATTACH '{}' AS o", outside.display()),
        format!("attach/**/database '{}' as o", outside.display()),
        format!("ATTACH '{}' || '' AS o", outside.display()),
        "ATTACH '' AS o".to_owned(),
        "ATTACH ':memory:' AS o".to_owned(),
        "ATTACH 'file:x?mode=memory' AS o".to_owned(),
        "DETACH main".to_owned(),
        format!("VACUUM INTO '{}'", new.display()),
        format!("vacuum main into '{}' || ''", new.display()),
        format!("SELECT 1; ATTACH '{}' AS o", outside.display()),
        "SELECT load_extension('x')".to_owned(),
        "SELECT LOAD_EXTENSION('x', 'y')".to_owned(),
        "SELECT fts3_tokenizer('simple')".to_owned(),
        "PRAGMA temp_store_directory = '/'".to_owned(),
    ] {
        let ran = place.run(&command).await;
        let message = ran.error().to_string();
        assert!(message.contains("refused") || message.contains("no such function"), "{command}: {message}");
        assert!(!new.exists(), "{command}");
    }
    assert_eq!(std::fs::read_dir(place.path("root")).unwrap().count(), 1);
}

#[tokio::test]
async fn pragmas_that_change_the_file_are_refused_and_those_that_look_are_not() {
    let place = Place::new();
    for command in [
        "PRAGMA writable_schema = 1",
        "PRAGMA main.writable_schema = ON",
        "pragma/**/writable_schema(1)",
        "PRAGMA journal_mode = OFF",
        "PRAGMA journal_mode",
        "PRAGMA synchronous = 0",
        "PRAGMA foreign_keys = 0",
        "PRAGMA schema_version = 9",
        "PRAGMA database_list",
        "PRAGMA trusted_schema = 1",
        "PRAGMA page_size = 512",
        "PRAGMA locking_mode = exclusive",
        "PRAGMA wal_checkpoint",
        "PRAGMA never_heard_of",
        "SELECT * FROM pragma_database_list",
    ] {
        let ran = place.run(command).await;
        assert!(ran.error().to_string().contains("is refused"), "{command}: {}", ran.error());
    }
    let ran = place.run("SELECT 1; PRAGMA writable_schema = 1; UPDATE sqlite_master SET sql = ''").await;
    assert!(ran.failed().0.contains("writable_schema"));
    assert_eq!(
        place.run("UPDATE sqlite_master SET sql = ''").await.failed().0,
        "table sqlite_master may not be modified"
    );
    for command in [
        "PRAGMA table_info(t)",
        "PRAGMA user_version",
        "PRAGMA integrity_check",
        "SELECT name FROM pragma_table_info('t')",
        "PRAGMA user_version = 5",
        "EXPLAIN QUERY PLAN SELECT * FROM t",
    ] {
        place.run(command).await.result.unwrap_or_else(|error| panic!("{command}: {error}"));
    }
    assert_eq!(place.number("PRAGMA user_version"), 5);
}

#[tokio::test]
async fn ordinary_definitions_work_under_the_guard() {
    let place = Place::new();
    for command in [
        "CREATE INDEX i ON t (name)",
        "CREATE TRIGGER g AFTER DELETE ON t BEGIN INSERT INTO t (name) VALUES ('x'); SELECT 1; END",
        "DELETE FROM t WHERE id = 1",
        "CREATE VIEW v AS SELECT upper(name) AS name FROM t",
        "SELECT * FROM v",
        "ALTER TABLE t RENAME COLUMN ref TO parent",
        "ALTER TABLE t ADD COLUMN extra TEXT DEFAULT 'a'",
        "CREATE VIRTUAL TABLE f USING fts5(body)",
        "INSERT INTO f VALUES ('hello world')",
        "SELECT * FROM f WHERE f MATCH 'hello'",
        "ANALYZE",
        "REINDEX",
        "CREATE TEMP TABLE x AS SELECT * FROM t",
        "DROP TABLE f",
        "VACUUM",
    ] {
        place.run(command).await.result.unwrap_or_else(|error| panic!("{command}: {error}"));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_path_never_leaves_the_root_by_a_link() {
    use std::os::unix::fs::symlink;
    let place = Place::new();
    symlink(place.path("outside.db"), place.path("root/link.db")).unwrap();
    symlink(place.path("root/demo.db"), place.path("root/inner.db")).unwrap();
    symlink(place.folder.path(), place.path("root/up")).unwrap();
    for path in ["link.db", "inner.db", "up/outside.db"] {
        let ran = place.run_on(path, "DELETE FROM t", caps(5000)).await;
        assert!(ran.not_started().contains("symbolic link"), "{path}: {}", ran.not_started());
    }
}

#[tokio::test]
async fn the_store_is_never_a_target_by_any_name() {
    let place = Place::new();
    std::fs::hard_link(place.path("root/demo.db"), place.path("root/other.db")).unwrap();
    std::fs::write(place.path("root/demo.db-wal"), "").unwrap();
    let environment = Environment { forbidden: vec![place.path("root/demo.db")], ..place.environment() };
    for path in ["demo.db", "other.db", "demo.db-wal"] {
        let spec = TargetSpec::parse(TargetKind::Sqlite, &json!({"path": path})).unwrap();
        let error =
            run(&spec, None, "SELECT 1", caps(5000), &environment, &mut Vec::new(), CancellationToken::new())
                .await
                .result
                .unwrap_err();
        assert!(error.nothing_ran() && error.to_string().contains("own store"), "{path}: {error}");
    }
}

#[tokio::test]
async fn a_file_that_is_missing_or_no_database_is_told_apart() {
    let place = Place::new();
    std::fs::write(
        place.path("root/text.db"),
        "this is no database, but it is long enough to be read as one ".repeat(40),
    )
    .unwrap();
    std::fs::create_dir(place.path("root/folder")).unwrap();
    for (path, reason) in [
        ("missing.db", "no such file"),
        ("a/b.db", "no such file"),
        ("text.db", "not a database"),
        ("folder", "is not a file"),
    ] {
        let ran = place.run_on(path, "CREATE TABLE x (a)", caps(5000)).await;
        assert!(ran.not_started().contains(reason), "{path}: {}", ran.not_started());
        assert!(
            !ran.not_started().contains(place.folder.path().to_str().unwrap()),
            "the root is nobody's business"
        );
    }
    assert!(!place.path("root/missing.db").exists());
    let spec = TargetSpec::parse(TargetKind::Sqlite, &json!({"path": "demo.db"})).unwrap();
    let off = run(
        &spec,
        None,
        "SELECT 1",
        caps(5000),
        &Environment::default(),
        &mut Vec::new(),
        CancellationToken::new(),
    )
    .await;
    assert!(off.result.unwrap_err().to_string().contains("switched off"));
}

#[tokio::test]
async fn a_database_that_can_only_be_read_is_read_and_not_written() {
    use std::io::{Seek, SeekFrom, Write};
    let place = Place::new();
    // File modes do not bind root, who may run the tests; a write version from the future binds all.
    let mut file = std::fs::OpenOptions::new().write(true).open(place.path("root/demo.db")).unwrap();
    file.seek(SeekFrom::Start(18)).unwrap();
    file.write_all(&[9]).unwrap();
    drop(file);
    assert_eq!(place.run("SELECT count(*) FROM t").await.cell(), "4");
    assert_eq!(place.run("SELECT 1; SELECT count(*) FROM t").await.tags(), ["SELECT 1", "SELECT 1"]);
    let ran = place.run("DELETE FROM t").await;
    assert_eq!(ran.failed().1, "SQLITE_READONLY");
    let ran = place.run("SELECT 1; DELETE FROM t").await;
    assert_eq!((ran.failed().1, ran.failed().2), ("SQLITE_READONLY", Some(2)));
}

#[tokio::test]
async fn what_could_run_as_something_else_is_refused() {
    let place = Place::new();
    for (command, reason) in
        [("", "no statement"), (" ; -- x", "no statement"), ("SELECT 1\0; DELETE FROM t", "NUL")]
    {
        assert!(place.run(command).await.not_started().contains(reason), "{command:?}");
    }
    assert!(place.run(&"x".repeat(102_401)).await.not_started().contains("102400"));
    assert!(place.run("DELETE FROM t WHERE id = ?").await.failed().0.contains("parameters"));
    assert_eq!(place.count(), 4);
}
