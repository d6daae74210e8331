//! A damaged data directory: `serve` says which file and leaves it alone; with the copy back, all is
//! there.

use std::path::Path;

use countersign_e2e::{Database, Ended, Serve};
use serde_json::json;

use crate::bad_input::serve_ends;

/// Puts every file of a folder into another one.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// Starts it on the data of a demo that is not running.
async fn does_not_start(serve: &Serve) -> Ended {
    let data = serve.data();
    let environment = [("COUNTERSIGN_TABLE", serve.table())];
    serve_ends(&["--demo", "--data", data.to_str().unwrap()], &environment).await
}

type Damage = fn(Vec<u8>) -> Vec<u8>;

/// Ways to damage a file.
fn damages() -> Vec<(&'static str, Damage)> {
    vec![
        ("cut to nothing", |_| Vec::new()),
        ("cut to a few bytes", |bytes| bytes[..50].to_vec()),
        ("cut in half", |bytes| bytes[..bytes.len() / 2].to_vec()),
        ("first page overwritten", |mut bytes| {
            bytes[..4096].fill(0xA5);
            bytes
        }),
        ("all but the first page overwritten", |mut bytes| {
            bytes[4096..].fill(0xA5);
            bytes
        }),
        ("another file in its place", |_| b"not a database, but long enough to be looked at".repeat(200)),
    ]
}

#[tokio::test]
async fn a_damaged_database_is_named_left_alone_and_works_again_from_a_copy() {
    let mut serve = Serve::start(Database::Embedded, &[]).await.unwrap();
    let request =
        serve.submit("alice", "demo-db", "DELETE FROM customers WHERE id = 1", json!({})).await.unwrap();
    serve.approve("dana", &request).await.unwrap();
    assert!(serve.stop().await.unwrap().success());
    let data = serve.data();
    let copies = tempfile::tempdir().unwrap();
    copy(&data, copies.path());
    for name in ["store.sqlite3", "scheduler.sqlite3", "stream.sqlite3"] {
        let whole = std::fs::read(copies.path().join(name)).unwrap();
        assert!(!data.join(format!("{name}-wal")).exists(), "after a clean stop, all is in one file");
        for (what, damage) in damages() {
            let damaged = damage(whole.clone());
            std::fs::write(data.join(name), &damaged).unwrap();
            if damaged.is_empty() && name != "store.sqlite3" {
                // Timers and the stream's position are hints: the table knows what is due.
                serve.start_again().await.unwrap();
                assert_eq!(serve.show("alice", &request).await.unwrap().state(), "APPROVED", "{name}");
                assert!(serve.stop().await.unwrap().success());
                continue;
            }
            let refused = does_not_start(&serve).await;
            let words = [name, "is damaged", "restore it from a copy"];
            assert!(words.iter().all(|word| refused.err.contains(word)), "{name} {what}: {}", refused.err);
            assert!(std::fs::read(data.join(name)).unwrap() == damaged, "{name} {what}: it was changed");
            std::fs::remove_dir_all(&data).unwrap();
            copy(copies.path(), &data);
        }
    }
    serve.start_again().await.unwrap();
    let run = serve.run_to_its_end("alice", &request).await.unwrap();
    assert_eq!(run.state(), "SUCCEEDED", "{run:?}");
}

#[tokio::test]
async fn a_log_whose_database_is_gone_is_kept() {
    let mut serve = Serve::start(Database::Embedded, &[]).await.unwrap();
    let request = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    serve.kill().await.unwrap();
    let data = serve.data();
    let away = data.with_file_name("store.sqlite3.away");
    for empty in [false, true] {
        std::fs::rename(data.join("store.sqlite3"), &away).unwrap();
        if empty {
            std::fs::write(data.join("store.sqlite3"), "").unwrap();
        }
        let refused = does_not_start(&serve).await;
        assert!(refused.err.contains("store.sqlite3` is damaged"), "{}", refused.err);
        std::fs::rename(&away, data.join("store.sqlite3")).unwrap();
    }
    serve.start_again().await.unwrap();
    assert_eq!(serve.show("alice", &request).await.unwrap().state(), "PENDING", "all of it was in the log");
}

#[tokio::test]
async fn a_store_that_is_gone_does_not_become_an_empty_demo() {
    let mut serve = Serve::start(Database::Embedded, &[]).await.unwrap();
    let request = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    assert!(serve.stop().await.unwrap().success());
    let data = serve.data();
    let away = data.with_file_name("store.sqlite3.away");
    std::fs::rename(data.join("store.sqlite3"), &away).unwrap();
    let refused = does_not_start(&serve).await;
    assert!(
        refused.err.contains("demo.json") && refused.err.contains("are not in the table"),
        "{}",
        refused.err
    );
    for rest in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(data.join(format!("store.sqlite3{rest}")));
    }
    std::fs::rename(&away, data.join("store.sqlite3")).unwrap();
    serve.start_again().await.unwrap();
    assert_eq!(serve.show("alice", &request).await.unwrap().state(), "PENDING");
}

#[tokio::test]
async fn a_damaged_target_is_a_failed_command_and_no_more() {
    let serve = Serve::start(Database::Embedded, &[]).await.unwrap();
    for rest in ["", "-wal", "-shm"] {
        let path = serve.target().with_file_name(format!("demo.db{rest}"));
        if path.exists() {
            std::fs::write(path, "not a database, but long enough to be looked at".repeat(200)).unwrap();
        }
    }
    let request = serve.submit("alice", "demo-open", "SELECT * FROM customers", json!({})).await.unwrap();
    let run = serve.run_to_its_end("alice", &request).await.unwrap();
    assert_eq!(run.state(), "FAILED", "{run:?}");
    assert!(run.text("/execution/error").contains("not a database"), "{run:?}");
    std::fs::remove_file(serve.target()).unwrap();
    let request = serve.submit("alice", "demo-open", "SELECT 1", json!({})).await.unwrap();
    let run = serve.run_to_its_end("alice", &request).await.unwrap();
    assert_eq!(run.state(), "FAILED", "{run:?}");
    assert!(!serve.target().exists(), "a missing target is not made anew: {run:?}");
}
