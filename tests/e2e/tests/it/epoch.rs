//! P4: nothing runs twice, not even after the table was restored from a backup.
//!
//! A restored table may have forgotten votes, claims and outcomes. Raising the epoch ends what was
//! open in it.

use std::path::Path;

use countersign_e2e::program::{bare, to_the_end};
use countersign_e2e::{Answer, Database, Ended, Serve, on_every_database};
use serde_json::{Value, json};

/// Runs until its statement time-out: nobody sees it end.
const ENDLESS: &str =
    "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

async fn approved(serve: &Serve, command: &str) -> Answer {
    let request = serve.submit("alice", "demo-db", command, json!({})).await.unwrap();
    let approved = serve.approve("dana", &request).await.unwrap();
    assert_eq!(approved.state(), "APPROVED");
    approved
}

fn status_and_cause(request: &Answer) -> (&str, &str) {
    (request.state(), request.text("/cause"))
}

on_every_database!(
    raising_the_epoch_ends_what_was_open,
    whoever_touches_a_request_of_an_older_epoch_ends_it,
    a_restart_in_the_same_epoch_ends_nothing,
);

/// The sweep alone does it: nobody touches the requests.
async fn raising_the_epoch_ends_what_was_open(database: Database) {
    let mut serve = Serve::start(database, &[("COUNTERSIGN_MAX_WAIT_SECONDS", "1")]).await.unwrap();
    let pending = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    let waiting = approved(&serve, "DELETE FROM customers").await;
    let done = approved(&serve, "SELECT 1").await;
    serve.act("alice", "run", &done).await.unwrap();
    serve.wait_for("alice", &done, &["SUCCEEDED"]).await.unwrap();
    let running = approved(&serve, ENDLESS).await;
    serve.act("alice", "run", &running).await.unwrap();
    serve.wait_for("alice", &running, &["RUNNING"]).await.unwrap();

    serve.kill().await.unwrap();
    serve.set("COUNTERSIGN_EPOCH", "2");
    serve.start_again().await.unwrap();

    let pending = serve.wait_for("alice", &pending, &["CANCELLED"]).await.unwrap();
    assert_eq!(status_and_cause(&pending), ("CANCELLED", "restored"));
    for request in [&waiting, &running] {
        let unknown = serve.wait_for("alice", request, &["UNKNOWN"]).await.unwrap();
        assert_eq!(status_and_cause(&unknown), ("UNKNOWN", "restored"));
    }
    assert_eq!(serve.show("alice", &done).await.unwrap().state(), "SUCCEEDED", "what is over stays over");
    let events = serve.get("audra", &format!("/v1/requests/{}/events", waiting.text("/id"))).await.unwrap();
    let last = events.json["items"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["type"], &last["actor"]), (&json!("request.unknown"), &json!({ "system": "restore" })));

    let path = format!("/v1/requests/{}/settle", waiting.text("/id"));
    let note = json!({ "outcome": "failed", "note": "the customers are all there" });
    let settled = serve.post("root", &path, note).await.unwrap();
    assert_eq!((settled.status, settled.state()), (200, "FAILED"));
    let new = approved(&serve, "SELECT 1").await;
    serve.act("alice", "run", &new).await.unwrap();
    serve.wait_for("alice", &new, &["SUCCEEDED"]).await.unwrap();
}

/// Without a sweep: votes and runs find it out by themselves.
async fn whoever_touches_a_request_of_an_older_epoch_ends_it(database: Database) {
    let mut serve = Serve::start(database, &[("COUNTERSIGN_SWEEP_SECONDS", "3600")]).await.unwrap();
    let pending = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    let waiting = approved(&serve, "DELETE FROM customers").await;
    let revoked = approved(&serve, "DELETE FROM customers").await;
    serve.stop().await.unwrap();
    serve.set("COUNTERSIGN_EPOCH", "2");
    serve.start_again().await.unwrap();

    let vote = serve.approve("dana", &pending).await.unwrap();
    assert_eq!((vote.status, vote.text("/status_now")), (409, "CANCELLED"));
    let run = serve.act("alice", "run", &waiting).await.unwrap();
    assert_eq!((run.status, status_and_cause(&run)), (200, ("UNKNOWN", "restored")), "{run:?}");
    let cancel = serve.act("root", "cancel", &revoked).await.unwrap();
    assert_eq!((cancel.status, cancel.text("/status_now")), (409, "UNKNOWN"), "it may have run");
    assert_eq!(customers(&serve), 1000);
}

/// A restart is no restore.
async fn a_restart_in_the_same_epoch_ends_nothing(database: Database) {
    let mut serve = Serve::start(database, &[("COUNTERSIGN_EPOCH", "7")]).await.unwrap();
    let waiting = approved(&serve, "SELECT 1").await;
    serve.kill_and_restart().await.unwrap();
    assert_eq!(serve.act("alice", "run", &waiting).await.unwrap().state(), "SUCCEEDED");
}

/// The table is put back to what it was before the command ran; the target remembers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ran_after_the_backup_does_not_run_again_after_the_restore() {
    let mut serve = Serve::start(Database::Embedded, &[]).await.unwrap();
    let request = approved(&serve, "UPDATE customers SET note = note + 1 WHERE id = 1").await;
    let target = rusqlite::Connection::open(serve.target()).unwrap();
    target.execute_batch("ALTER TABLE customers ADD COLUMN note INTEGER NOT NULL DEFAULT 0").unwrap();
    let times = || -> u32 {
        target.query_row("SELECT note FROM customers WHERE id = 1", [], |row| row.get(0)).unwrap()
    };

    serve.stop().await.unwrap();
    let backup = tempfile::tempdir().unwrap();
    copy_files(&serve.data(), backup.path());
    serve.start_again().await.unwrap();
    assert_eq!(serve.act("alice", "run", &request).await.unwrap().state(), "SUCCEEDED");
    assert_eq!(times(), 1);

    serve.stop().await.unwrap();
    copy_files(backup.path(), &serve.data());
    serve.set("COUNTERSIGN_EPOCH", "2");
    serve.start_again().await.unwrap();
    let run = serve.act("alice", "run", &request).await.unwrap();
    assert!([200, 409].contains(&run.status), "{run:?}");
    let unknown = serve.show("alice", &request).await.unwrap();
    assert_eq!(status_and_cause(&unknown), ("UNKNOWN", "restored"));
    assert_eq!(times(), 1);
}

/// `countersign restore` on a data directory that nothing serves.
async fn restore(serve: &Serve, more: &[&str]) -> Ended {
    let data = serve.data();
    let mut args = vec!["-o", "json", "restore", "--data", data.to_str().unwrap()];
    args.extend(more);
    to_the_end(bare(&args, &[("COUNTERSIGN_TABLE", serve.table())]).unwrap()).await.unwrap()
}

fn what_became(ended: &Ended) -> Vec<(String, String, String)> {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let rows: Vec<Value> = serde_json::from_str(&ended.out).unwrap();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    rows.iter().map(|row| (text(row, "id"), text(row, "was"), text(row, "is"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_ends_what_was_open_before_anybody_serves_it() {
    let mut serve = Serve::start(Database::Embedded, &[]).await.unwrap();
    let pending = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    let waiting = approved(&serve, "DELETE FROM customers").await;
    let done = approved(&serve, "SELECT 1").await;
    serve.act("alice", "run", &done).await.unwrap();
    serve.wait_for("alice", &done, &["SUCCEEDED"]).await.unwrap();
    serve.stop().await.unwrap();

    let row = |request: &Answer, was: &str, is: &str| {
        (request.text("/id").to_owned(), was.to_owned(), is.to_owned())
    };
    let expected = [row(&pending, "PENDING", "CANCELLED"), row(&waiting, "APPROVED", "UNKNOWN")];
    // Looking changes nothing, however often.
    for _ in 0..2 {
        assert_eq!(what_became(&restore(&serve, &["--epoch", "2", "--check"]).await), expected);
    }
    let ended = restore(&serve, &["--epoch", "2"]).await;
    assert_eq!(what_became(&ended), expected);
    assert!(ended.err.contains("serve the table with epoch 2"), "{}", ended.err);
    assert_eq!(what_became(&restore(&serve, &["--epoch", "2"]).await), [], "once is enough");

    serve.set("COUNTERSIGN_EPOCH", "2");
    serve.start_again().await.unwrap();
    assert_eq!(status_and_cause(&serve.show("alice", &pending).await.unwrap()), ("CANCELLED", "restored"));
    assert_eq!(status_and_cause(&serve.show("alice", &waiting).await.unwrap()), ("UNKNOWN", "restored"));
    let new = approved(&serve, "SELECT 1").await;
    serve.stop().await.unwrap();

    // The table knows requests of epoch 2 now: nothing would be ended in it, and it is said.
    let refused = restore(&serve, &["--epoch", "2"]).await;
    assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""));
    assert!(
        refused.err.contains("requests of epoch 2") && refused.err.contains("must be higher"),
        "{}",
        refused.err
    );
    assert_eq!(
        what_became(&restore(&serve, &["--epoch", "3", "--check"]).await),
        [row(&new, "APPROVED", "UNKNOWN")]
    );
}

/// Copies the files of a directory, and not the directories in it: the store, and not the targets.
fn copy_files(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

fn customers(serve: &Serve) -> u32 {
    let database = rusqlite::Connection::open(serve.target()).unwrap();
    database.query_row("SELECT count(*) FROM customers", [], |row| row.get(0)).unwrap()
}
