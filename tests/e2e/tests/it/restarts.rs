//! The service is killed and stopped with a request in every state, on every database.

use countersign_e2e::{Answer, Database, Serve};
use serde_json::{Value, json};

/// Runs until its time limit ends it.
const ENDLESS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

async fn start(database: Database) -> Serve {
    let settings = [("COUNTERSIGN_LEASE_MARGIN_SEC", "1")];
    let serve = Serve::start_at_a_fixed_address(database, &settings).await.unwrap();
    let slow = json!({ "path": "demo.db", "statement_timeout_seconds": 6 });
    serve.connect("slow", json!({ "kind": "sqlite", "target": slow, "approvals": false })).await.unwrap();
    serve
}

/// Starts the endless command and waits until it runs; nobody waits for its end.
async fn running(serve: &Serve) -> Answer {
    let request = serve.submit("alice", "slow", ENDLESS, json!({ "run": "manual" })).await.unwrap();
    let run = serve.begin("alice", &["run", request.text("/id")]).unwrap();
    serve.wait_for("alice", &request, &["RUNNING"]).await.unwrap();
    run.stop().await.unwrap();
    assert_eq!(run.end().await.unwrap().code, Some(130));
    request
}

/// Everything that can be read about a request.
async fn everything(serve: &Serve, request: &Answer) -> Vec<Value> {
    let mut all = Vec::new();
    for who in ["alice", "audra"] {
        all.push(serve.show(who, request).await.unwrap().json);
        all.push(serve.about(who, request, "events").await.unwrap().json);
        all.push(serve.about(who, request, "output?format=csv").await.unwrap().json);
    }
    all
}

async fn delete(serve: &Serve, connection: &str, id: u32, more: Value) -> Answer {
    let command = format!("DELETE FROM customers WHERE id = {id} RETURNING name");
    serve.submit("alice", connection, &command, more).await.unwrap()
}

async fn every_state_survives_a_kill_and_a_stop(database: Database) {
    let mut serve = start(database).await;
    let unknown = running(&serve).await;
    serve.kill_and_restart().await.unwrap();
    serve.wait_for("alice", &unknown, &["UNKNOWN"]).await.unwrap();

    let pending = delete(&serve, "demo-db", 1, json!({})).await;
    let half = delete(&serve, "demo-dual", 2, json!({})).await;
    serve.approve("rita", &half).await.unwrap();
    let approved = delete(&serve, "demo-db", 3, json!({})).await;
    serve.approve("dana", &approved).await.unwrap();
    let succeeded = delete(&serve, "demo-db", 4, json!({})).await;
    serve.approve("dana", &succeeded).await.unwrap();
    assert_eq!(serve.run_to_its_end("alice", &succeeded).await.unwrap().state(), "SUCCEEDED");
    let failed = serve.submit("alice", "demo-open", "SELECT * FROM nowhere", json!({})).await.unwrap();
    assert_eq!(serve.run_to_its_end("alice", &failed).await.unwrap().state(), "FAILED");
    let rejected = delete(&serve, "demo-db", 5, json!({})).await;
    serve.reject("dana", &rejected, "no").await.unwrap();
    let cancelled = delete(&serve, "demo-db", 6, json!({})).await;
    serve.act("alice", "cancel", &cancelled).await.unwrap();
    let expired = delete(&serve, "demo-db", 7, json!({ "timeout_seconds": 1 })).await;
    serve.wait_until_written(&expired, "request.expired").await.unwrap();
    let settled = running(&serve).await;
    serve.kill_and_restart().await.unwrap();
    serve.wait_for("alice", &settled, &["UNKNOWN"]).await.unwrap();
    let note = json!({ "outcome": "failed", "note": "looked" });
    let path = format!("/v1/requests/{}/settle", settled.text("/id"));
    assert_eq!(serve.post("root", &path, note).await.unwrap().state(), "FAILED");

    let still = [
        (&pending, "PENDING"),
        (&half, "PENDING"),
        (&approved, "APPROVED"),
        (&succeeded, "SUCCEEDED"),
        (&failed, "FAILED"),
        (&rejected, "REJECTED"),
        (&cancelled, "CANCELLED"),
        (&expired, "EXPIRED"),
        (&unknown, "UNKNOWN"),
        (&settled, "FAILED"),
    ];
    let mut before = Vec::new();
    for (request, state) in still {
        before.push(everything(&serve, request).await);
        assert_eq!(before.last().unwrap()[0]["status"], state);
    }
    let killed = running(&serve).await;
    serve.kill_and_restart().await.unwrap();
    for ((request, state), before) in still.iter().zip(&before) {
        assert_eq!(&everything(&serve, request).await, before, "{state} after kill -9");
    }
    serve.wait_for("alice", &killed, &["UNKNOWN"]).await.unwrap();
    assert!(serve.stop().await.unwrap().success());
    serve.start_again().await.unwrap();
    for ((request, state), before) in still.iter().zip(&before) {
        assert_eq!(&everything(&serve, request).await, before, "{state} after a stop");
    }
    life_goes_on(&serve, &pending, &half, &approved).await;
    for (request, state) in still.iter().skip(3).filter(|(_, state)| !["SUCCEEDED", "FAILED"].contains(state))
    {
        let run = serve.act("alice", "run", request).await.unwrap();
        assert_eq!((run.status, run.text("/status_now")), (409, *state));
        let vote = serve.approve("rita", request).await.unwrap();
        assert!(matches!(vote.status, 403 | 404 | 409), "{vote:?}");
    }
    assert_eq!(left(&serve), [5, 6, 7], "what was approved is gone, once");
}

async fn life_goes_on(serve: &Serve, pending: &Answer, half: &Answer, approved: &Answer) {
    assert_eq!(serve.approve("dana", pending).await.unwrap().state(), "APPROVED");
    assert_eq!(serve.approve("sam", half).await.unwrap().state(), "APPROVED");
    for request in [pending, half, approved] {
        assert_eq!(serve.run_to_its_end("alice", request).await.unwrap().state(), "SUCCEEDED");
    }
}

/// Which of the first seven customers are still there.
fn left(serve: &Serve) -> Vec<u32> {
    let database = rusqlite::Connection::open(serve.target()).unwrap();
    let mut query = database.prepare("SELECT id FROM customers WHERE id <= 7 ORDER BY id").unwrap();
    query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

async fn a_stop_lets_what_runs_come_to_its_end(database: Database) {
    let mut serve = start(database).await;
    let request = running(&serve).await;
    assert!(serve.stop().await.unwrap().success());
    serve.start_again().await.unwrap();
    let ended = serve.show("alice", &request).await.unwrap();
    assert_eq!(ended.state(), "FAILED", "its time limit came, and was written down: {ended:?}");
    assert!(ended.text("/execution/error").contains("timed out after 6000 ms"), "{ended:?}");
}

async fn deadlines_pass_while_nobody_serves(database: Database) {
    let mut serve = start(database).await;
    let hasty = json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "reviewers": ["dba-team"], "run_within_seconds": 2 });
    serve.connect("hasty", hasty).await.unwrap();
    let unused = delete(&serve, "hasty", 1, json!({})).await;
    assert_eq!(serve.approve("dana", &unused).await.unwrap().state(), "APPROVED");
    let undecided = delete(&serve, "demo-db", 2, json!({ "timeout_seconds": 2 })).await;
    serve.kill().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    serve.start_again().await.unwrap();
    let vote = serve.approve("dana", &undecided).await.unwrap();
    assert_eq!((vote.status, vote.text("/status_now")), (409, "EXPIRED"));
    let run = serve.act("alice", "run", &unused).await.unwrap();
    assert_eq!((run.status, run.text("/status_now")), (409, "EXPIRED"));
    for request in [&unused, &undecided] {
        serve.wait_until_written(request, "request.expired").await.unwrap();
    }
    assert_eq!(left(&serve), [1, 2, 3, 4, 5, 6, 7]);
}

countersign_e2e::on_every_database! {
    every_state_survives_a_kill_and_a_stop,
    a_stop_lets_what_runs_come_to_its_end,
    deadlines_pass_while_nobody_serves,
}
