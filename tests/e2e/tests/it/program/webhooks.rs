//! Webhooks by the program, and what `doctor` says.

use countersign_e2e::port::ClosedPort;
use countersign_e2e::{Database, Reaction, Receiver, Serve};
use serde_json::{Value, json};

use crate::program::{ended, says};

async fn codes(serve: &Serve, args: &[&str]) -> Vec<String> {
    let report = serve.run("root", args).await.unwrap();
    assert_eq!(report.code, Some(0), "{}", report.err);
    let report = report.json().unwrap();
    report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["code"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_makes_changes_tests_and_deletes_a_webhook() {
    let serve = Serve::start(Database::Embedded, &[]).await.unwrap();
    let receiver = Receiver::start(|_, _| Reaction::Answer(204)).await.unwrap();
    let create =
        ["webhooks", "create", receiver.url(), "--name", "ci", "--header", "X-Team: dba", "-o", "json"];
    let made = serve.run("root", &create).await.unwrap().json().unwrap();
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!(made["headers"], json!({ "x-team": "dba" }));
    let id = made["id"].as_str().unwrap();
    ended(&serve.run("alice", &["webhooks", "list"]).await.unwrap(), 20, "");
    let update = ["webhooks", "update", id, "--events", "request.created", "--connections", "demo-db"];
    says(&serve.run("root", &update).await.unwrap(), &["changed"]);
    let shown = serve.run("root", &["webhooks", "show", id, "-o", "json"]).await.unwrap().json().unwrap();
    assert_eq!((&shown["events"], &shown["name"]), (&json!(["request.created"]), &json!("ci")));
    assert_eq!(shown["secret"], Value::Null);
    let card = serve.run("root", &["webhooks", "show", id]).await.unwrap();
    assert!(card.out.contains("x-team: …") && !card.out.contains("dba\n"), "{}", card.out);

    let test = serve.run("root", &["webhooks", "test", id, "-o", "json"]).await.unwrap().json().unwrap();
    let received = receiver.until("the test came", |received| received.len() == 1).await.unwrap();
    assert_eq!(test["id"], received[0].id());
    let replay = ["webhooks", "replay", received[0].id()];
    assert_eq!(serve.run("root", &replay).await.unwrap().code, Some(0));
    receiver.until("it came again", |received| received.len() == 2).await.unwrap();
    let log = ["webhooks", "deliveries", id, "-o", "json"];
    let log = serve.run("root", &log).await.unwrap().json().unwrap();
    assert_eq!(log[0]["event"], "webhook.test", "{log}");
    let rotated = serve.run("root", &["webhooks", "rotate-secret", id, "-o", "json"]).await.unwrap();
    assert_ne!(rotated.json().unwrap()["secret"], made["secret"]);
    ended(&serve.run("root", &["webhooks", "delete", id]).await.unwrap(), 2, "");
    says(&serve.run("root", &["webhooks", "delete", id, "--yes"]).await.unwrap(), &["deleted"]);
    assert_eq!(
        serve.run("root", &["webhooks", "list", "-o", "json"]).await.unwrap().json().unwrap(),
        json!([])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_says_why_nobody_was_told_or_asked() {
    let serve = Serve::start(Database::Embedded, &[]).await.unwrap();
    let request = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    let about = ["doctor", request.text("/id"), "-o", "json"];
    assert_eq!(codes(&serve, &about).await, ["no-webhook", "slack-not-configured", "teams-not-configured"]);
    let silent = ["connections", "update", "demo-open", "--notify", ""];
    assert_eq!(serve.run("root", &silent).await.unwrap().code, Some(0));
    let by_itself = serve.submit("alice", "demo-open", "SELECT 1", json!({})).await.unwrap();
    let found = codes(&serve, &["doctor", by_itself.text("/id"), "-o", "json"]).await;
    assert_eq!(found, ["notifies-nobody", "approved-by-itself"]);

    let closed = ClosedPort::take().unwrap();
    let nobody = format!("http://{}/", closed.address());
    let create = ["webhooks", "create", &nobody, "-o", "json"];
    let made = serve.run("root", &create).await.unwrap().json().unwrap();
    let id = made["id"].as_str().unwrap();
    let request = serve.submit("alice", "demo-db", "SELECT 2", json!({})).await.unwrap();
    let about = ["doctor", request.text("/id"), "-o", "json"];
    let give_up_at = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let found = codes(&serve, &about).await;
        if found.contains(&"endpoint-failing".to_owned()) && found.contains(&"waiting".to_owned()) {
            break;
        }
        assert!(std::time::Instant::now() < give_up_at, "{found:?}");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let told = serve.run("root", &["doctor", request.text("/id")]).await.unwrap();
    assert!(told.out.contains("endpoint-failing") && told.out.contains("→"), "{}", told.out);
    assert_eq!(
        serve.run("root", &["webhooks", "update", id, "--enabled", "off"]).await.unwrap().code,
        Some(0)
    );
    let found = codes(&serve, &["doctor", "-o", "json"]).await;
    assert_eq!(found, ["endpoint-disabled", "notifies-nobody"]);
}
