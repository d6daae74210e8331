//! What the contract says in passing, and clients rely on.

use std::time::Duration;

use countersign_e2e::{Answer, Database, Serve};
use serde_json::{Value, json};

/// However small the page: what matches is found behind what does not.
async fn a_small_page_looks_past_what_does_not_match(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let mut wanted = Vec::new();
    for number in 0..3 {
        let request =
            serve.submit("alice", "demo-dual", &format!("SELECT {number}"), json!({})).await.unwrap();
        wanted.insert(0, request.json["id"].clone());
    }
    for number in 0..30 {
        serve.submit("alice", "demo-db", &format!("SELECT {number}"), json!({})).await.unwrap();
    }
    // The requester's own index has no connections, so it is the filter that tells them apart.
    let path = "/v1/requests?connection=demo-dual";
    let first = serve.get("alice", &format!("{path}&limit=2")).await.unwrap();
    assert_eq!(ids(&first), wanted[..2]);
    let cursor = first.text("/next_cursor");
    let second = serve.get("alice", &format!("{path}&limit=2&cursor={cursor}")).await.unwrap();
    assert_eq!((ids(&second), &second.json["next_cursor"]), (wanted[2..].to_vec(), &Value::Null));
    // Page after page, and none twice.
    let (mut all, mut cursor) = (Vec::new(), String::new());
    for _ in 0..40 {
        let page = serve.get("alice", &format!("/v1/requests?limit=7&q=select{cursor}")).await.unwrap();
        all.extend(ids(&page));
        let Some(next) = page.json["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(all.len(), 33);
    all.dedup();
    assert_eq!(all.len(), 33);
}

fn ids(page: &Answer) -> Vec<Value> {
    page.items().iter().map(|item| item["id"].clone()).collect()
}

/// The first answer is the answer, although the rules have changed.
async fn a_repeated_submission_is_answered_under_the_rules_of_then(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let body = json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "reviewers": ["dba-team"] });
    serve.connect("strict", body.clone()).await.unwrap();
    let call = json!({ "connection": "strict", "command": "SELECT 1" });
    let key = [("idempotency-key", "once")];
    let submit = async |body: &Value| {
        serve.call_with("alice", "POST", "/v1/requests", Some(body.clone()), &key).await.unwrap()
    };
    let first = submit(&call).await;
    assert_eq!(first.status, 201);

    let etag = serve.get("root", "/v1/connections/strict").await.unwrap().header("etag").to_owned();
    let mut stricter = body;
    stricter["require_reason"] = true.into();
    let path = "/v1/connections/strict";
    let changed = serve.call_with("root", "PUT", path, Some(stricter), &[("if-match", &etag)]).await.unwrap();
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(serve.post("alice", "/v1/requests", call.clone()).await.unwrap().status, 422, "a new one");
    let again = submit(&call).await;
    assert_eq!((again.status, &again.json), (201, &first.json));
    assert_eq!(again.header("idempotency-replayed"), "true");
    let other = submit(&json!({ "connection": "strict", "command": "SELECT 2" })).await;
    assert_eq!((other.status, other.slug()), (422, "idempotency-key-reused"));

    let etag = changed.header("etag").to_owned();
    assert_eq!(
        serve.call_with("root", "DELETE", path, None, &[("if-match", &etag)]).await.unwrap().status,
        204
    );
    assert_eq!(serve.post("alice", "/v1/requests", call.clone()).await.unwrap().status, 404, "a new one");
    let again = submit(&call).await;
    assert_eq!((again.status, &again.json["id"]), (201, &first.json["id"]));
}

/// Whoever waits is answered: they were cut off after ten seconds.
async fn who_waits_holds_up_no_stop(database: Database) {
    let mut serve = Serve::start(database, &[]).await.unwrap();
    let request = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    let path = format!("/v1/requests/{}?wait_seconds=20&since_version=1", request.text("/id"));
    let waiting = tokio::spawn(serve.later("alice", &path).unwrap());
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!waiting.is_finished());
    assert!(serve.stop().await.unwrap().success());
    let answer = waiting.await.unwrap().unwrap();
    assert_eq!((answer.status, answer.state()), (200, "PENDING"));
    assert_eq!(answer.header("retry-after"), "0");
}

/// A digest that cannot be one is another one than the request's.
async fn whatever_is_not_the_digest_is_another_one(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let request = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    let digest = request.text("/digest").to_owned();
    let upper = digest.to_uppercase().replace("SHA256", "sha256");
    for other in [format!("sha256:{}", "0".repeat(64)), "sha256:wrong".to_owned(), String::new(), upper] {
        let path = format!("/v1/requests/{}/approve", request.text("/id"));
        let vote = serve.post("dana", &path, json!({ "digest": other })).await.unwrap();
        assert_eq!((vote.status, vote.slug()), (412, "digest-mismatch"), "{other}");
    }
    assert_eq!(serve.show("alice", &request).await.unwrap().state(), "PENDING");
}

countersign_e2e::on_every_database! {
    a_small_page_looks_past_what_does_not_match,
    a_repeated_submission_is_answered_under_the_rules_of_then,
    who_waits_holds_up_no_stop,
    whatever_is_not_the_digest_is_another_one,
}
