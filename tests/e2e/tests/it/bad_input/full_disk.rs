//! A disk that is full: what was answered with success stays, the rest says to come again.

use countersign_e2e::small_disk::SmallDisk;
use countersign_e2e::{Answer, Serve};
use serde_json::json;

/// So large that a few of them fill what is left.
fn command(number: usize) -> String {
    // Hardly compressible, or a thousand would fit.
    let mut text = format!("DELETE FROM customers WHERE id = {number} -- ");
    let mut state = number as u64 + 1;
    while text.len() < 60_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(&format!("{:08x}", state >> 32));
    }
    text
}

async fn submit(serve: &Serve, number: usize) -> Answer {
    let body = json!({ "connection": "demo-db", "command": command(number) });
    let key = number.to_string();
    serve.call_with("alice", "POST", "/v1/requests", Some(body), &[("idempotency-key", &key)]).await.unwrap()
}

#[tokio::test]
async fn a_disk_that_fills_up_loses_nothing_that_was_confirmed() {
    let disk = SmallDisk::of_mebibytes(24).await.unwrap();
    let mut serve = Serve::start_on(disk, &[]).await.unwrap();
    let mut taken = vec![submit(&serve, 1).await];
    serve.approve("dana", &taken[0]).await.unwrap();
    serve.disk().unwrap().fill(300_000).unwrap();
    let refused = loop {
        let answer = submit(&serve, taken.len() + 1).await;
        match answer.status {
            201 => taken.push(answer),
            _ => break answer,
        }
        assert!(taken.len() < 200, "the disk does not fill up");
    };
    assert_eq!((refused.status, refused.slug()), (503, "unavailable"), "{refused:?}");
    assert!(!refused.header("retry-after").is_empty(), "{refused:?}");
    assert!(serve.log().contains("is full"), "{}", serve.log());
    for request in &taken {
        let now = serve.show("alice", request).await.unwrap();
        assert_eq!((now.status, &now.json["command"]), (200, &request.json["command"]));
    }
    let list = serve.get("audra", "/v1/requests?limit=200").await.unwrap();
    assert_eq!(list.items().len(), taken.len(), "what was refused is not there");

    // The approved one waits for room, or runs now and finds no room either.
    let run = serve.act("alice", "run", &taken[0]).await.unwrap();
    assert!([200, 202, 503].contains(&run.status), "{run:?}");
    serve.disk().unwrap().free().unwrap();
    let again = submit(&serve, taken.len() + 1).await;
    assert_eq!(again.status, 201, "with room it goes on, without a restart: {again:?}");
    taken.push(again);
    let ended = serve.run_to_its_end("alice", &taken[0]).await.unwrap();
    let customer_is_there = customer_1(&serve);
    match ended.state() {
        "SUCCEEDED" => assert!(!customer_is_there, "{ended:?}"),
        "FAILED" => {
            // The target is on the same disk.
            let error = ended.text("/execution/error");
            assert!(error.contains("full"), "{error}");
            assert!(customer_is_there, "what failed changed nothing: {ended:?}");
        }
        other => panic!("{other}: {ended:?}"),
    }

    serve.kill_and_restart().await.unwrap();
    let list = serve.get("audra", "/v1/requests?limit=200").await.unwrap();
    assert_eq!(list.items().len(), taken.len());
    for request in &taken[1..] {
        assert_eq!(serve.approve("dana", request).await.unwrap().state(), "APPROVED");
    }
}

fn customer_1(serve: &Serve) -> bool {
    // SQLite does not find its way through /proc.
    let folder = tempfile::tempdir().unwrap();
    for rest in ["", "-wal"] {
        let name = format!("demo.db{rest}");
        let _ = std::fs::copy(serve.target().with_file_name(&name), folder.path().join(&name));
    }
    let database = rusqlite::Connection::open(folder.path().join("demo.db")).unwrap();
    database.query_row("SELECT count(*) FROM customers WHERE id = 1", [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn a_start_on_a_full_disk_says_so() {
    let disk = SmallDisk::of_mebibytes(24).await.unwrap();
    let mut serve = Serve::start_on(disk, &[]).await.unwrap();
    let request = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    assert!(serve.stop().await.unwrap().success());
    serve.disk().unwrap().fill(0).unwrap();
    let refused = serve.start_again().await.unwrap_err().to_string();
    assert!(refused.contains("is full: free some space and start again"), "{refused}");
    serve.disk().unwrap().free().unwrap();
    serve.start_again().await.unwrap();
    assert_eq!(serve.show("alice", &request).await.unwrap().state(), "PENDING");
}
