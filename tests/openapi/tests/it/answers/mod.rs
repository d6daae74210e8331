//! The service answers what the document says: every operation, every documented status but those of
//! our own faults.
#![allow(clippy::string_slice, reason = "a test fails by panicking")]

mod checked;

use checked::{Checked, Operation};
use countersign_e2e::slack::{APP, CHANNEL, Message, SECRET, Slack, TEAM, form, now};
use countersign_e2e::{Answer, Database, Serve};
use serde_json::{Value, json};

const NOBODY: &str = "req_00000000000000000000000000";
const NEW_USER: &str = "usr_01K5J3V8Q4W7X9YABCDEFGHJKM";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_documented_and_every_documented_answer_is_given() {
    let settings = [
        ("COUNTERSIGN_MAX_WAIT_SECONDS", "5"),
        ("COUNTERSIGN_SEAL_SECONDS", "1"),
        ("COUNTERSIGN_OPEN_REQUESTS_PER_PERSON", "40"),
        ("SLACK_SECRET", SECRET),
    ];
    let serve = Serve::start(Database::Embedded, &settings).await.unwrap();
    let mut checked = Checked::new(serve);
    requests(&checked).await;
    too_many_requests(&checked).await;
    votes(&checked).await;
    connections(&checked).await;
    people(&checked).await;
    tokens(&checked).await;
    runners(&mut checked).await;
    notifications(&checked).await;
    audit(&checked).await;
    reopened(&checked).await;
    public(&checked).await;
    slack(&checked).await;
    whoever_is_nobody(&checked).await;
    bodies_that_are_refused(&checked).await;
    what_is_not_there(&checked).await;
    settled(&mut checked).await;
    waiting_for_another_admin(&mut checked).await;
    disabled(&checked).await;
    let unseen = checked.unseen();
    let ours = |status: &String| {
        // What goes wrong on our side. Whoever calls too often hears it on every route alike
        // (`tests/e2e/tests/it/bad_input/callers.rs`).
        status.ends_with(" 429") || status.ends_with(" 500") || status.ends_with(" 503")
    };
    let unseen: Vec<&String> = unseen.iter().filter(|status| !ours(status)).collect();
    assert!(unseen.is_empty(), "documented, but never answered: {unseen:?}");
}

fn of(request: &Answer, what: &str) -> String {
    format!("/v1/requests/{}{what}", request.text("/id"))
}

fn digest(request: &Answer) -> Value {
    json!({ "digest": request.text("/digest") })
}

async fn submit(checked: &Checked, connection: &str) -> Answer {
    let body = json!({ "connection": connection, "command": "SELECT id, email FROM customers LIMIT 3" });
    checked.post("alice", "/v1/requests", body, 201).await
}

async fn requests(checked: &Checked) {
    let body = json!({ "connection": "demo-db", "command": "SELECT 1", "reason": "to see", "run": "manual", "timeout_seconds": 600 });
    let key = [("idempotency-key", "one")];
    let first = checked.call("alice", "POST", "/v1/requests", Some(body.clone()), &key, 201).await;
    assert_eq!(first.header("location"), of(&first, ""));
    assert_eq!(first.header("idempotency-replayed"), "");
    let again = checked.call("alice", "POST", "/v1/requests", Some(body), &key, 201).await;
    assert_eq!((again.header("idempotency-replayed"), &again.json), ("true", &first.json));
    let other = json!({ "connection": "demo-db", "command": "SELECT 2" });
    checked.call("alice", "POST", "/v1/requests", Some(other), &key, 422).await;
    submit(checked, "demo-open").await;
    let path = format!(
        "/v1/requests?limit=1&status=PENDING&status=APPROVED&requester={}&from=2026-01-01T00:00:00Z&q=select",
        checked.serve.id("alice")
    );
    let page = checked.get("audra", &path, 200).await;
    let next = checked.get("audra", &format!("{path}&cursor={}", page.text("/next_cursor")), 200).await;
    assert_eq!(next.items().len(), 1);
    checked.get("dana", "/v1/requests?group=mine", 200).await;
    let export = checked.get("audra", "/v1/requests/export?limit=1", 200).await;
    assert!(export.header("countersign-next-cursor").starts_with("req_"), "{export:?}");
    checked.get("audra", "/v1/requests/export?format=csv&connection=demo-db", 200).await;
    let waited = checked.get("alice", &of(&first, "?wait_seconds=1&since_version=9"), 200).await;
    assert_eq!(waited.header("retry-after"), "0");
    let events = checked.get("alice", &of(&first, "/events?limit=1"), 200).await;
    assert_eq!((events.items().len(), events.text("/next_cursor")), (1, ""));
    checked.get("alice", &of(&first, "/output"), 409).await;
    for path in [
        "/v1/requests?limit=0",
        "/v1/requests/export?format=xml",
        &of(&first, "?wait_seconds=26"),
        &of(&first, "/events?cursor=x"),
        &of(&first, "/output?format=xml"),
        "/v1/connections?limit=201",
        "/v1/users?wat=1",
        "/v1/users?email=dana@example.com&limit=-1",
        "/v1/groups?limit=0",
        "/v1/tokens?user=me",
    ] {
        checked.get("root", path, 400).await;
    }
}

/// Audra asks for nothing else, so nobody is kept from anything by what stays open here.
async fn too_many_requests(checked: &Checked) {
    let body = json!({ "connection": "demo-db", "command": "SELECT 1" });
    for _ in 0..40 {
        checked.post("audra", "/v1/requests", body.clone(), 201).await;
    }
    let refused = checked.post("audra", "/v1/requests", body, 409).await;
    assert_eq!(refused.slug(), "too-many-open-requests");
}

async fn votes(checked: &Checked) {
    let request = submit(checked, "demo-dual").await;
    let other = json!({ "digest": format!("sha256:{}", "0".repeat(64)), "reason": "no" });
    let long = json!({ "digest": request.text("/digest"), "comment": "x".repeat(2001) });
    checked.post("dana", &of(&request, "/approve"), json!({}), 428).await;
    checked.post("dana", &of(&request, "/approve"), json!({ "digest": other["digest"] }), 412).await;
    checked.post("dana", &of(&request, "/approve"), long, 422).await;
    let own = checked.post("alice", &of(&request, "/approve"), digest(&request), 403).await;
    assert_eq!(own.slug(), "own-request");
    let comment = json!({ "digest": request.text("/digest"), "comment": "fine" });
    checked.post("dana", &of(&request, "/approve"), comment, 200).await;
    let not_needed = checked.post("root", &of(&request, "/approve"), digest(&request), 409).await;
    assert_eq!(not_needed.slug(), "vote-not-needed");
    checked.call("alice", "POST", &of(&request, "/run"), None, &[], 409).await;
    checked.post("sam", &of(&request, "/approve"), digest(&request), 200).await;
    let run = checked.post("alice", &of(&request, "/run"), json!({}), 200).await;
    assert_eq!(run.state(), "SUCCEEDED");
    checked.call("dana", "POST", &of(&request, "/run"), None, &[], 403).await;
    for format in ["text", "json", "csv", "notices"] {
        checked.get("alice", &of(&request, &format!("/output?format={format}")), 200).await;
    }
    checked.get("dana", &of(&request, "/output"), 403).await;
    let events = checked.get("dana", &of(&request, "/events?limit=2&cursor=1"), 200).await;
    assert_eq!((events.items()[0]["seq"].as_u64(), events.text("/next_cursor")), (Some(2), "3"));
    checked.get("alice", &of(&request, "/events"), 200).await;

    let request = submit(checked, "demo-dual").await;
    let reason = json!({ "digest": request.text("/digest"), "reason": "we need them" });
    checked.post("sam", &of(&request, "/reject"), json!({ "reason": "no" }), 428).await;
    checked.post("sam", &of(&request, "/reject"), other, 412).await;
    checked.post("sam", &of(&request, "/reject"), digest(&request), 422).await;
    checked.post("alice", &of(&request, "/reject"), reason.clone(), 403).await;
    checked.post("sam", &of(&request, "/reject"), reason.clone(), 200).await;
    let late = checked.post("dana", &of(&request, "/reject"), reason, 409).await;
    assert_eq!(late.text("/status_now"), "REJECTED");
    checked.get("alice", &of(&request, "/events"), 200).await;

    let request = submit(checked, "demo-db").await;
    checked.post("dana", &of(&request, "/cancel"), json!({}), 403).await;
    checked.post("alice", &of(&request, "/cancel"), json!({ "reason": "x".repeat(3000) }), 422).await;
    checked.post("alice", &of(&request, "/cancel"), json!({ "reason": "not needed" }), 200).await;
    checked.call("root", "POST", &of(&request, "/cancel"), None, &[], 409).await;
    checked.get("alice", &of(&request, "/events"), 200).await;
    let note = json!({ "outcome": "failed", "note": "looked" });
    checked.post("dana", &of(&request, "/settle"), note.clone(), 403).await;
    checked.post("root", &of(&request, "/settle"), note, 409).await;
    checked.post("root", &of(&request, "/settle"), json!({ "outcome": "failed", "note": " " }), 422).await;

    let failed = json!({ "connection": "demo-open", "command": "SELECT * FROM nowhere" });
    let failed = checked.post("alice", "/v1/requests", failed, 201).await;
    let failed = checked.call("alice", "POST", &of(&failed, "/run"), None, &[], 200).await;
    assert_eq!(failed.state(), "FAILED");
    checked.get("alice", &of(&failed, "/events"), 200).await;
    checked.get("alice", &of(&failed, "/output?format=json"), 200).await;
    let brief = json!({ "connection": "demo-db", "command": "SELECT 1", "timeout_seconds": 1 });
    let brief = checked.post("alice", "/v1/requests", brief, 201).await;
    let expired = checked.get("alice", &of(&brief, "?wait_seconds=5&since_version=1"), 200).await;
    assert_eq!((expired.state(), expired.text("/cause")), ("EXPIRED", "review_timeout"));
}

async fn connections(checked: &Checked) {
    let path = "/v1/connections/made";
    let connection = json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "reviewers": ["dba-team"] });
    let nobody = json!({ "kind": "sqlite", "target": { "path": "demo.db" } });
    checked.call("alice", "PUT", path, Some(connection.clone()), &[], 403).await;
    let no_reviewers = checked.call("root", "PUT", path, Some(nobody), &[], 422).await;
    assert_eq!(no_reviewers.text("/errors/0/pointer"), "/reviewers");
    let made = checked.call("root", "PUT", path, Some(connection.clone()), &[], 201).await;
    // The defaults of the contract.
    let expected = json!({
        "name": "made", "kind": "sqlite", "target": { "path": "demo.db" }, "secret": null,
        "reviewers": ["dba-team"], "approvals_per_group": 1, "distinct_reviewers": true, "exempt_groups": [],
        "allowed_groups": [], "approvals": true, "admin_auto_approve": true, "timeout_seconds": null,
        "run_within_seconds": 3600, "require_reason": false, "guardrails": [],
        "masking": { "enabled": true, "entities": [] }, "notify": ["slack", "teams", "webhooks"],
        "slack_channels": []
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(made.json[name], *value, "{name}");
    }
    checked.call("root", "PUT", path, Some(connection.clone()), &[], 409).await;
    for (name, value) in
        [("notify", json!(["fax"])), ("masking", json!([true])), ("reviewers", json!(["DBA"]))]
    {
        let mut odd = connection.clone();
        odd[name] = value;
        checked.call("root", "PUT", path, Some(odd), &[], 400).await;
    }
    let tag = [("if-match", made.header("etag"))];
    let stale = [("if-match", "\"1\"")];
    let changed = checked.call("root", "PUT", path, Some(made.json.clone()), &tag, 200).await;
    checked.call("root", "PUT", path, Some(made.json.clone()), &tag, 412).await;
    checked.get("alice", path, 200).await;
    let test = format!("{path}/test");
    let tested = checked.call("root", "POST", &test, None, &[], 200).await;
    assert_eq!((&tested.json["works"], tested.text("/checks/0/purpose")), (&json!(true), "run"));
    checked.post("alice", &test, json!({}), 403).await;
    checked.post("root", "/v1/connections/nowhere/test", json!({}), 404).await;
    dry_runs(checked).await;
    let refresh = format!("{path}/refresh");
    let refreshed = checked.call("root", "POST", &refresh, None, &[], 200).await;
    assert!(refreshed.text("/server").starts_with("SQLite"), "{}", refreshed.json);
    checked.post("alice", &refresh, json!({}), 403).await;
    checked.post("root", "/v1/connections/nowhere/refresh", json!({}), 404).await;
    let page = checked.get("alice", "/v1/connections?limit=2", 200).await;
    checked.get("alice", &format!("/v1/connections?cursor={}", page.text("/next_cursor")), 200).await;
    checked.call("root", "DELETE", path, None, &[], 428).await;
    checked.call("root", "DELETE", path, None, &stale, 412).await;
    checked.call("root", "DELETE", path, None, &[("if-match", changed.header("etag"))], 204).await;
}

async fn dry_runs(checked: &Checked) {
    let check = "/v1/connections/demo-db/check";
    let delete = json!({ "command": "DELETE FROM customers WHERE id = 7", "reason": "why", "max_rows": 5 });
    let checked_one = checked.post("alice", check, delete, 200).await;
    assert_eq!(checked_one.text("/outcome"), "needs_approval");
    assert_eq!(
        (&checked_one.json["satisfiable"], &checked_one.json["row_bound"]["max_rows"]),
        (&json!(true), &json!(5))
    );
    checked.post("alice", check, json!({ "command": " " }), 422).await;
    checked.post("alice", "/v1/connections/nowhere/check", json!({ "command": "SELECT 1" }), 404).await;
    let test = "/v1/connections/demo-db/guardrails/test";
    let file = "-- expect: blocked by no-drop\nDROP TABLE customers;\nSELECT 1";
    let rules = json!({ "statements": file, "guardrails": ["no-drop"] });
    let tested = checked.post("alice", test, rules, 200).await;
    assert_eq!((&tested.json["blocked"], &tested.json["unexpected"]), (&json!(1), &json!(0)));
    checked.post("alice", test, json!({ "statements": "SELECT 'a" }), 422).await;
    checked
        .post("alice", "/v1/connections/nowhere/guardrails/test", json!({ "statements": "SELECT 1" }), 404)
        .await;
}

async fn people(checked: &Checked) {
    checked.get("alice", "/v1/me", 200).await;
    checked.get("alice", &format!("/v1/users/{}", checked.serve.id("alice")), 200).await;
    checked.get("alice", "/v1/users", 403).await;
    let page = checked.get("audra", "/v1/users?limit=2", 200).await;
    checked.get("audra", &format!("/v1/users?cursor={}", page.text("/next_cursor")), 200).await;
    checked.get("audra", "/v1/users?email=dana@example.com", 200).await;
    let of_alice = format!("/v1/users/{}", checked.serve.id("alice"));
    let sessions = checked.get("alice", &format!("{of_alice}/sessions"), 200).await;
    assert_eq!(sessions.items().len(), 0, "she has a token alone");
    checked.sign_in("alice").await;
    let sessions = checked.get("audra", &format!("{of_alice}/sessions"), 200).await;
    let one = format!("{of_alice}/sessions/{}", sessions.text("/items/0/id"));
    assert_eq!((sessions.items().len(), sessions.text("/items/0/how")), (1, "demo"));
    checked.get("dana", &format!("{of_alice}/sessions"), 404).await;
    checked.call("dana", "DELETE", &one, None, &[], 404).await;
    checked.call("root", "DELETE", &one, None, &[], 204).await;
    checked.call("alice", "DELETE", &one, None, &[], 404).await;
    checked.call("dana", "DELETE", &format!("{of_alice}/slack-link"), None, &[], 404).await;
    checked.call("root", "DELETE", &format!("{of_alice}/slack-link"), None, &[], 204).await;
    let groups = checked.get("alice", "/v1/groups?limit=1", 200).await;
    assert_eq!((groups.text("/items/0/group"), groups.text("/next_cursor")), ("dba-team", "dba-team"));
    let rest = checked.get("alice", "/v1/groups?cursor=dba-team", 200).await;
    assert_eq!(
        (rest.text("/items/0/group"), rest.items().len(), rest.text("/next_cursor")),
        ("security-team", 1, "")
    );
    let path = format!("/v1/users/{NEW_USER}");
    let robot = json!({ "email": "robot@example.com", "owner": checked.serve.id("dana") });
    let taken = json!({ "email": "dana@example.com" });
    checked.call("alice", "PUT", &path, Some(robot.clone()), &[], 403).await;
    checked.call("root", "PUT", &path, Some(json!({ "email": "nowhere" })), &[], 422).await;
    checked.call("root", "PUT", &path, Some(taken), &[], 409).await;
    let made = checked.call("root", "PUT", &path, Some(robot), &[], 201).await;
    checked.call("root", "PUT", &path, Some(made.json.clone()), &[], 428).await;
    checked.call("root", "PUT", &path, Some(made.json.clone()), &[("if-match", "\"9\"")], 412).await;
    checked
        .call("root", "PUT", &path, Some(made.json.clone()), &[("if-match", made.header("etag"))], 200)
        .await;
}

async fn tokens(checked: &Checked) {
    let body = json!({ "name": "laptop", "expires_in_seconds": 3600 });
    let key = [("idempotency-key", "one")];
    let made = checked.call("sam", "POST", "/v1/tokens", Some(body.clone()), &key, 201).await;
    let again = checked.call("sam", "POST", "/v1/tokens", Some(body), &key, 201).await;
    assert_eq!(again.json["id"], made.json["id"]);
    assert_eq!((again.header("idempotency-replayed"), &again.json["secret"]), ("true", &Value::Null));
    checked.post("sam", "/v1/tokens", json!({ "name": " " }), 422).await;
    for scopes in [json!([]), json!(["read"])] {
        let body =
            json!({ "name": "x", "user": NEW_USER, "scopes": scopes, "runner_connections": ["demo-db"] });
        let refused = checked.post("root", "/v1/tokens", body, 422).await;
        assert_eq!(refused.text("/errors/0/pointer"), "/scopes");
    }
    checked.post("sam", "/v1/tokens", json!({ "name": "x", "scopes": ["everything"] }), 400).await;
    checked.post("root", "/v1/tokens", json!({ "name": "x", "user": checked.serve.id("sam") }), 403).await;
    checked.post("root", "/v1/tokens", json!({ "name": "x", "user": NEW_USER.replace('K', "J") }), 404).await;
    checked.post("root", "/v1/tokens", json!({ "name": "robot", "user": NEW_USER }), 201).await;
    for _ in 2..20 {
        checked.post("sam", "/v1/tokens", json!({ "name": "one more" }), 201).await;
    }
    checked.post("sam", "/v1/tokens", json!({ "name": "one too many" }), 409).await;
    let page = checked.get("sam", "/v1/tokens?limit=15", 200).await;
    let rest = checked.get("sam", &format!("/v1/tokens?cursor={}", page.text("/next_cursor")), 200).await;
    assert_eq!((page.items().len(), rest.items().len(), rest.text("/next_cursor")), (15, 5, ""));
    checked.get("audra", &format!("/v1/tokens?user={NEW_USER}"), 200).await;
    checked.get("sam", &format!("/v1/tokens?user={NEW_USER}"), 404).await;
    let path = format!("/v1/tokens/{}", made.text("/id"));
    checked.call("sam", "DELETE", &path, None, &[], 204).await;
    checked.call("sam", "DELETE", &path, None, &[], 404).await;
}

/// A runner finds, claims, hands in and reports.
async fn runners(checked: &mut Checked) {
    let connection = json!({ "kind": "runner", "target": { "program": ["bash", "-s"], "max_rows": 2 }, "reviewers": ["dba-team"] });
    checked.call("root", "PUT", "/v1/connections/ops", Some(connection), &[], 201).await;
    let token = json!({ "name": "runner", "user": NEW_USER, "runner_connections": ["ops"] });
    let token = checked.post("root", "/v1/tokens", token, 201).await;
    checked.known_as("runner", token.text("/secret"));
    let nothing = checked.get("runner", "/v1/runner/work?wait_seconds=0&connection=ops", 200).await;
    assert_eq!((&nothing.json["work"], nothing.header("retry-after")), (&Value::Null, "0"));
    checked.get("runner", "/v1/runner/work?wait_seconds=26", 400).await;
    checked.get("runner", "/v1/runner/work?connection=nowhere", 404).await;
    let body = json!({ "connection": "ops", "command": "echo out", "run": "on_approval" });
    let request = checked.post("alice", "/v1/requests", body, 201).await;
    checked.post("dana", &of(&request, "/approve"), digest(&request), 200).await;
    let found = checked.get("runner", "/v1/runner/work", 200).await;
    assert_eq!(found.json["work"]["digest"], request.json["digest"]);
    let nonce = "0".repeat(32);
    let claim = |digest: &Value, nonce: &str| json!({ "digest": digest, "nonce": nonce });
    let other = json!(format!("sha256:{}", "0".repeat(64)));
    checked.post("runner", &of(&request, "/claim"), claim(&other, &nonce), 412).await;
    checked.post("runner", &of(&request, "/claim"), claim(&request.json["digest"], "mine"), 422).await;
    checked.post("runner", &of(&request, "/claim"), claim(&request.json["digest"], &nonce), 200).await;
    checked
        .post("runner", &of(&request, "/claim"), claim(&request.json["digest"], &"1".repeat(32)), 409)
        .await;
    checked.post("runner", &of(&request, "/renew"), json!({ "nonce": nonce }), 200).await;
    checked.post("runner", &of(&request, "/renew"), json!({ "nonce": "1".repeat(32) }), 409).await;
    checked.post("runner", &of(&request, "/renew"), json!({ "nonce": "mine" }), 422).await;
    let part = json!({ "nonce": nonce, "lines": [{ "stream": "stdout", "text": "out" }] });
    let odd = json!({ "nonce": "mine", "lines": [{ "stream": "stdout", "text": "out" }] });
    checked.post("runner", &of(&request, "/output?piece=1"), odd, 422).await;
    checked.post("runner", &of(&request, "/output?piece=2"), part.clone(), 409).await;
    checked.post("runner", &of(&request, "/output?piece=1"), part, 204).await;
    let report = |nonce: &str, pieces: u32| {
        json!({ "nonce": nonce, "outcome": "failed", "exit_code": 3, "pieces": pieces, "missing_lines": 1,
            "withheld": false, "masked": { "EMAIL_ADDRESS": 1 }, "error": "exit code 3" })
    };
    checked.post("runner", &of(&request, "/complete"), report(&nonce, 2), 422).await;
    checked.post("runner", &of(&request, "/complete"), report(&"1".repeat(32), 1), 409).await;
    checked.post("runner", &of(&request, "/complete"), report(&nonce, 1), 200).await;
    let over = checked.get("alice", &of(&request, ""), 200).await;
    assert_eq!((over.state(), &over.json["execution"]["reported_by_runner"]), ("FAILED", &json!(true)));
    for format in ["text", "json", "csv"] {
        checked.get("alice", &of(&request, &format!("/output?format={format}")), 200).await;
    }
    checked.get("alice", &of(&request, "/events"), 200).await;
    let asked = json!({ "connection": "ops", "command": "echo out" });
    let asked = checked.post("alice", "/v1/requests", asked, 201).await;
    checked.post("dana", &of(&asked, "/approve"), digest(&asked), 200).await;
    checked.call("alice", "POST", &of(&asked, "/run"), None, &[], 202).await;
    checked.post("runner", &of(&asked, "/claim"), claim(&asked.json["digest"], &nonce), 200).await;
    checked.post("runner", &of(&asked, "/renew"), json!({ "nonce": nonce }), 200).await;
    checked.get("alice", &of(&asked, "/events"), 200).await;
}

async fn notifications(checked: &Checked) {
    let body = json!({ "url": "https://198.51.99.1/hook", "name": "ci", "events": ["request.created"] });
    let key = [("idempotency-key", "one")];
    let made = checked.call("root", "POST", "/v1/webhooks", Some(body.clone()), &key, 201).await;
    let again = checked.call("root", "POST", "/v1/webhooks", Some(body), &key, 201).await;
    assert_eq!(again.json["id"], made.json["id"]);
    assert_eq!((again.header("idempotency-replayed"), &again.json["secret"]), ("true", &Value::Null));
    assert!(made.text("/secret").starts_with("whsec_"));
    checked.post("root", "/v1/webhooks", json!({ "url": "https://10.0.0.1/" }), 422).await;
    checked.post("alice", "/v1/webhooks", json!({ "url": "https://198.51.99.1/" }), 403).await;
    let path = format!("/v1/webhooks/{}", made.text("/id"));
    let shown = checked.get("root", &path, 200).await;
    let tag = [("if-match", shown.header("etag"))];
    let changed = json!({ "url": "https://198.51.99.2/hook", "enabled": false });
    checked.call("root", "PUT", &path, Some(changed.clone()), &[], 428).await;
    checked.call("root", "PUT", &path, Some(json!({ "url": "http://x/" })), &tag, 422).await;
    checked.call("root", "PUT", &path, Some(changed.clone()), &tag, 200).await;
    checked.call("root", "PUT", &path, Some(changed), &tag, 412).await;
    let rotated = checked.call("root", "POST", &format!("{path}/rotate-secret"), None, &[], 200).await;
    assert_ne!(rotated.json["secret"], made.json["secret"]);
    let test = checked.call("root", "POST", &format!("{path}/test"), None, &[], 202).await;
    let log = checked.get("root", &format!("{path}/deliveries?limit=1"), 200).await;
    assert_eq!(log.items()[0]["id"], test.json["id"]);
    let replay = format!("/v1/deliveries/{}/replay", test.text("/id"));
    checked.call("root", "POST", &replay, None, &[], 202).await;
    for odd in ["/v1/webhooks?limit=0", &format!("{path}/deliveries?cursor=x")] {
        checked.get("root", odd, 400).await;
    }
    let request = submit(checked, "demo-db").await;
    for who in ["alice", "root"] {
        checked.get(who, &of(&request, "/notifications"), 200).await;
    }
    for more in 1..100 {
        let url = format!("https://198.51.99.1/{more}");
        checked.post("root", "/v1/webhooks", json!({ "url": url, "enabled": false }), 201).await;
    }
    let many = checked.post("root", "/v1/webhooks", json!({ "url": "https://198.51.99.1/" }), 409).await;
    assert_eq!(many.slug(), "too-many-webhooks");
    let page = checked.get("root", "/v1/webhooks?limit=60", 200).await;
    checked.get("root", &format!("/v1/webhooks?cursor={}", page.text("/next_cursor")), 200).await;
    checked.call("root", "DELETE", &path, None, &[], 428).await;
    checked.call("root", "DELETE", &path, None, &tag, 412).await;
    let tag = [("if-match", rotated.header("etag"))];
    checked.call("root", "DELETE", &path, None, &tag, 204).await;

    let slack = "/v1/integrations/slack";
    let teams = "/v1/integrations/teams";
    checked.get("root", slack, 200).await;
    checked.get("root", teams, 200).await;
    checked.post("root", &format!("{slack}/test"), json!({}), 409).await;
    checked.call("root", "POST", &format!("{teams}/test"), None, &[], 409).await;
    let settings = json!({
        "bot_token": "env:SLACK_BOT", "signing_secret": "env:SLACK_SIGNS", "app_id": "A1", "team_id": "T1"
    });
    let mut wrong = settings.clone();
    wrong["bot_token"] = json!("xoxb-1");
    checked.call("root", "PUT", slack, Some(wrong), &[], 422).await;
    let set = checked.call("root", "PUT", slack, Some(settings.clone()), &[], 200).await;
    checked.call("root", "PUT", slack, Some(settings.clone()), &[], 428).await;
    checked.call("root", "PUT", slack, Some(settings), &[("if-match", "\"9\"")], 412).await;
    assert_eq!(set.json["version"], 1);
    checked.get("root", slack, 200).await;
    checked.post("root", &format!("{slack}/test"), json!({}), 422).await;
    checked.post("root", &format!("{slack}/test"), json!({ "channel": "C1" }), 202).await;
    let settings = json!({ "webhook_url": "env:TEAMS_URL" });
    checked.call("root", "PUT", teams, Some(json!({ "webhook_url": "https://x" })), &[], 422).await;
    checked.call("root", "PUT", teams, Some(settings.clone()), &[], 200).await;
    checked.call("root", "PUT", teams, Some(settings.clone()), &[], 428).await;
    checked.call("root", "PUT", teams, Some(settings), &[("if-match", "\"9\"")], 412).await;
    checked.call("root", "POST", &format!("{teams}/test"), None, &[], 202).await;
    checked.get("root", &of(&request, "/notifications"), 200).await;
}

async fn audit(checked: &Checked) {
    let request = submit(checked, "demo-db").await;
    let path = of(&request, "/receipt");
    let early = checked.get("alice", &path, 409).await;
    assert_eq!(early.slug(), "not-sealed");
    while checked.serve.get("alice", &path).await.unwrap().status == 409 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    checked.get("alice", &path, 200).await;
    checked.get("audra", "/v1/analytics", 200).await;
    checked.get("root", "/v1/analytics?from=2026-01-01T00:00:00Z&connection=demo-db", 200).await;
    for table in ["day", "month", "hour", "connection", "group", "requester", "reviewer", "command"] {
        checked.get("audra", &format!("/v1/analytics?format=csv&by={table}"), 200).await;
    }
    let page = checked.get("audra", "/v1/audit/checkpoints?limit=1", 200).await;
    assert_eq!(page.items().len(), 1);
    checked.get("audra", "/v1/audit/export", 200).await;
    checked.get("alice", "/v1/audit/public-key", 200).await;
    for path in [
        "/v1/analytics?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
        "/v1/analytics?from=2000-01-01T00:00:00Z",
        "/v1/analytics?by=hour",
        "/v1/analytics?format=csv&by=weather",
        "/v1/audit/checkpoints?cursor=x",
        "/v1/audit/export?cursor=0-1-999999",
    ] {
        checked.get("root", path, 400).await;
    }
}

/// Whoever approved has left the group: the run finds the vote void.
async fn reopened(checked: &Checked) {
    let request = submit(checked, "demo-db").await;
    checked.post("rita", &of(&request, "/approve"), digest(&request), 200).await;
    let path = format!("/v1/users/{}", checked.serve.id("rita"));
    let rita = checked.get("root", &path, 200).await;
    let mut gone = rita.json.clone();
    gone["groups"] = json!([]);
    checked.call("root", "PUT", &path, Some(gone), &[("if-match", rita.header("etag"))], 200).await;
    let run = checked.call("alice", "POST", &of(&request, "/run"), None, &[], 202).await;
    assert_eq!(run.state(), "PENDING");
    checked.get("alice", &of(&request, "/events"), 200).await;
}

/// What Slack calls, signed by Slack, and the link of an account with a Slack user.
async fn slack(checked: &Checked) {
    let slack = Slack::start().await.unwrap();
    let settings = async |enabled: bool| {
        let now = checked.serve.get("root", "/v1/integrations/slack").await.unwrap();
        let tag = [("if-match", now.header("etag"))];
        let tag = if now.json["version"] == 0 { &[][..] } else { &tag[..] };
        let mut settings = Slack::settings();
        settings["enabled"] = json!(enabled);
        settings["default_channels"] = json!([]);
        let saved =
            checked.serve.call_with("root", "PUT", "/v1/integrations/slack", Some(settings), tag).await;
        assert_eq!(saved.unwrap().status, 200);
    };
    let command = [
        ("command", "/countersign"),
        ("text", "help"),
        ("api_app_id", APP),
        ("team_id", TEAM),
        ("user_id", "U1"),
    ];
    let message = Message {
        channel: CHANNEL.to_owned(),
        ts: "1.2".to_owned(),
        body: Value::Null,
        below: None,
        updates: 0,
    };
    let press = slack.pressed("U1", &message, "approve", "x").to_string();
    for (path, good) in [
        ("/slack/commands", form(&command).unwrap()),
        ("/slack/interactions", form(&[("payload", &press)]).unwrap()),
    ] {
        for (enabled, body, secret, status) in [
            (false, &good, SECRET, 404),
            (true, &good, "another", 401),
            (true, &good, SECRET, 200),
            (true, &"x=1".to_owned(), SECRET, 400),
        ] {
            settings(enabled).await;
            let answer = slack.send(&checked.serve, path, body.clone(), now(), secret).await.unwrap();
            checked.was("POST", path, &answer, status);
        }
    }
    checked.post("alice", "/v1/me/slack-links", json!({ "slack_user_id": "alice" }), 422).await;
    checked.post("alice", "/v1/me/slack-links", json!({ "slack_user_id": "U0ALICE" }), 201).await;
    checked.call("alice", "DELETE", "/v1/me/slack-links", None, &[], 204).await;
    settings(false).await;
}

async fn public(checked: &Checked) {
    for path in ["/healthz", "/v1/openapi.json"] {
        let answer = checked.serve.get_plain(path, &[]).await.unwrap();
        assert_eq!(answer.status, 200, "nobody is asked who they are");
        checked.get("alice", path, 200).await;
    }
}

/// A path of the operation that names nothing that is there.
fn nowhere(operation: &Operation) -> String {
    let id = match operation.path.split('/').nth(2) {
        Some("users") => NEW_USER.replace('K', "J"),
        Some("tokens") => NEW_USER.replace("usr_", "tok_"),
        _ => NOBODY.to_owned(),
    };
    operation.path.replace("{id}", &id).replace("{name}", "nowhere").replace("{session}", "nothing")
}

fn has(operation: &Operation, status: &str) -> bool {
    operation.says["responses"].get(status).is_some()
}

async fn whoever_is_nobody(checked: &Checked) {
    for operation in checked.operations().iter().filter(|operation| has(operation, "401")) {
        let body = operation.says.get("requestBody").map(|_| json!({}));
        let refused = checked.call("nobody", &operation.method, &nowhere(operation), body, &[], 401).await;
        assert!(refused.header("www-authenticate").starts_with("Bearer"), "{refused:?}");
    }
}

async fn bodies_that_are_refused(checked: &Checked) {
    let request = submit(checked, "demo-db").await;
    for operation in checked.operations().iter().filter(|operation| has(operation, "415")) {
        // What is asked about a connection that is not there is answered before its body is read.
        let name = if operation.path.ends_with("{name}") { "nowhere" } else { "demo-db" };
        let path = operation.path.replace("{id}", request.text("/id")).replace("{name}", name);
        let path = if path.starts_with("/v1/users/") { format!("/v1/users/{NEW_USER}") } else { path };
        let large = format!("{{\"wat\": \"{}\"}}", "x".repeat(720 * 1024));
        checked.call_raw("root", &operation.method, &path, "text/plain", "{}", 415).await;
        checked.call_raw("root", &operation.method, &path, "application/json", &large, 413).await;
        for rubbish in ["{\"wat\": 1}", "{\"note\": \"x\", \"note\": \"x\"}", "{} {}", "[]", "{"] {
            checked.call_raw("root", &operation.method, &path, "application/json", rubbish, 400).await;
        }
    }
}

async fn what_is_not_there(checked: &Checked) {
    let elsewhere = json!({ "connection": "nowhere", "command": "SELECT 1" });
    checked.post("alice", "/v1/requests", elsewhere, 404).await;
    let in_path = |operation: &&Operation| operation.path.contains('{') && has(operation, "404");
    for operation in checked.operations().iter().filter(in_path) {
        let body = operation.says.get("requestBody").map(|_| json!({}));
        let tag = [("if-match", "\"1\"")];
        checked.call("root", &operation.method, &nowhere(operation), body, &tag, 404).await;
    }
}

/// After a restore nobody knows whether what was approved has run: an admin settles it.
async fn settled(checked: &mut Checked) {
    let pending = submit(checked, "demo-db").await;
    let request = submit(checked, "demo-db").await;
    checked.post("dana", &of(&request, "/approve"), digest(&request), 200).await;
    checked.serve.kill().await.unwrap();
    checked.serve.set("COUNTERSIGN_EPOCH", "2");
    checked.serve.start_again().await.unwrap();
    checked.serve.wait_for("alice", &request, &["UNKNOWN"]).await.unwrap();
    checked.serve.wait_for("alice", &pending, &["CANCELLED"]).await.unwrap();
    checked.get("alice", &of(&request, ""), 200).await;
    let note = json!({ "outcome": "succeeded", "note": "it is all there" });
    let settled = checked.post("root", &of(&request, "/settle"), note, 200).await;
    assert_eq!(settled.text("/execution/settled_note"), "it is all there");
    checked.get("alice", &of(&request, "/events"), 200).await;
    checked.get("alice", &of(&pending, "/events"), 200).await;
}

async fn waiting_for_another_admin(checked: &mut Checked) {
    checked.serve.kill().await.unwrap();
    checked.serve.set("COUNTERSIGN_ADMIN_FOUR_EYES", "on");
    checked.serve.start_again().await.unwrap();
    let connection = json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "reviewers": ["dba-team"] });
    let proposed = checked.call("root", "PUT", "/v1/connections/agreed", Some(connection), &[], 202).await;
    assert_eq!(proposed.header("location"), of(&proposed, ""));
    checked.get("root", &of(&proposed, ""), 200).await;
    checked.get("root", &of(&proposed, "/events"), 200).await;
    let user = json!({ "email": "agreed@example.com", "groups": ["dba-team"] });
    let path = format!("/v1/users/{}", NEW_USER.replace('K', "H"));
    checked.call("root", "PUT", &path, Some(user), &[], 202).await;
    let slack = checked.get("root", "/v1/integrations/slack", 200).await;
    let mut settings = slack.json["settings"].clone();
    settings["signing_secret"] = json!("env:ANOTHER");
    let tag = [("if-match", slack.header("etag"))];
    checked.call("root", "PUT", "/v1/integrations/slack", Some(settings), &tag, 202).await;
}

async fn disabled(checked: &Checked) {
    let path = format!("/v1/users/{}", checked.serve.id("sam"));
    let sam = checked.get("root", &path, 200).await;
    let mut out = sam.json.clone();
    out["disabled"] = json!(true);
    checked.call("root", "PUT", &path, Some(out), &[("if-match", sam.header("etag"))], 200).await;
    for operation in checked.operations().iter().filter(|operation| has(operation, "403")) {
        let body = operation.says.get("requestBody").map(|_| json!({}));
        let refused = checked.call("sam", &operation.method, &nowhere(operation), body, &[], 403).await;
        assert_eq!(refused.text("/detail"), "the account is disabled");
    }
}
