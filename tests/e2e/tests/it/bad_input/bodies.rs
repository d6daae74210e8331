//! Bodies, queries and paths that are not what the contract says.

use countersign_e2e::{Answer, Database, Serve};
use serde_json::json;

use crate::bad_input::problem;

/// What is no JSON that could be meant, in place of this one.
fn spoilt(good: &str) -> Vec<(&'static str, Vec<u8>)> {
    let twice = good.replacen('{', "{\"comment\": \"a\", \"comment\": \"b\", ", 1);
    let unknown = good.replacen('{', "{\"wat\": 1, ", 1);
    vec![
        ("no JSON", b"hello".to_vec()),
        ("cut off", good.as_bytes()[..good.len() - 1].to_vec()),
        ("bytes behind it", format!("{good}x").into_bytes()),
        ("two of them", format!("{good}{good}").into_bytes()),
        ("a duplicate key", twice.into_bytes()),
        ("an unknown member", unknown.into_bytes()),
        ("another type", format!("[{good}]").into_bytes()),
        ("a text", b"\"SELECT 1\"".to_vec()),
        (
            "no UTF-8",
            good.replace("X", "\u{1}")
                .into_bytes()
                .into_iter()
                .map(|b| if b == 1 { 0xff } else { b })
                .collect(),
        ),
        ("deeper than anybody needs", "[".repeat(100_000).into_bytes()),
    ]
}

async fn json_that_is_not_meant_is_refused_everywhere(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let request = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    let before = serve.about("audra", &request, "events").await.unwrap();
    let id = request.text("/id");
    let digest = request.text("/digest");
    let routes = [
        ("alice", "/v1/requests".to_owned(), r#"{"connection": "demo-db", "command": "X"}"#.to_owned()),
        (
            "dana",
            format!("/v1/requests/{id}/approve"),
            format!(r#"{{"digest": "{digest}", "comment": "X"}}"#),
        ),
        ("dana", format!("/v1/requests/{id}/reject"), format!(r#"{{"digest": "{digest}", "reason": "X"}}"#)),
        ("root", format!("/v1/requests/{id}/settle"), r#"{"outcome": "failed", "note": "X"}"#.to_owned()),
        ("alice", "/v1/tokens".to_owned(), r#"{"name": "X"}"#.to_owned()),
    ];
    for (who, path, good) in routes {
        for (what, bytes) in spoilt(&good) {
            let answer = serve.post_bytes(who, &path, bytes).await.unwrap();
            assert_eq!(answer.status, 400, "{path}, {what}: {answer:?}");
            problem(&answer, 400, "bad-request");
            assert!(answer.json["errors"][0]["message"].is_string(), "{path}, {what}: {answer:?}");
        }
        let empty = serve.post_bytes(who, &path, "").await.unwrap();
        assert!((400..=428).contains(&empty.status), "{path}: {empty:?}");
    }
    for verb in ["cancel", "run"] {
        let answer =
            serve.post_bytes("alice", &format!("/v1/requests/{id}/{verb}"), "{\"wat\": 1}").await.unwrap();
        problem(&answer, 400, "bad-request");
    }
    let now = serve.about("audra", &request, "events").await.unwrap();
    assert_eq!(now.json, before.json, "a refusal writes nothing");
    assert_eq!(serve.get("audra", "/v1/requests").await.unwrap().items().len(), 1);
    assert_eq!(serve.get("alice", "/v1/tokens").await.unwrap().items().len(), 1);
}

async fn a_duplicate_key_inside_a_connection_is_refused_too(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    for (name, body) in [
        (
            "inside",
            r#"{"kind": "sqlite", "target": {"path": "demo.db", "path": "other.db"}, "reviewers": ["dba-team"]}"#,
        ),
        (
            "outside",
            r#"{"kind": "sqlite", "target": {"path": "demo.db"}, "approvals": true, "reviewers": ["dba-team"], "approvals": false}"#,
        ),
        (
            "unknown",
            r#"{"kind": "sqlite", "target": {"path": "demo.db"}, "reviewers": ["dba-team"], "exempt": ["x"]}"#,
        ),
    ] {
        let path = format!("/v1/connections/{name}");
        let answer = serve.put_bytes("root", &path, body).await.unwrap();
        problem(&answer, 400, "bad-request");
        assert_eq!(serve.get("root", &path).await.unwrap().status, 404, "{name}");
    }
}

async fn what_is_too_large_is_refused_with_its_limit(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let submit = async |command: &str, more: serde_json::Value| -> Answer {
        let mut body = json!({ "connection": "demo-db", "command": command });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serve.post("alice", "/v1/requests", body).await.unwrap()
    };
    let refused = submit(&"x".repeat(101 * 1024), json!({})).await;
    problem(&refused, 413, "too-large");
    assert!(refused.text("/detail").contains("102400"), "{refused:?}");
    // Bytes count, not characters.
    problem(&submit(&"ü".repeat(51 * 1024), json!({})).await, 413, "too-large");
    let longest = "ü".repeat(50 * 1024);
    let taken = submit(&longest, json!({})).await;
    assert_eq!((taken.status, taken.text("/command")), (201, longest.as_str()));
    problem(&submit("SELECT 1", json!({ "reason": "x".repeat(2001) })).await, 422, "invalid");
    let enormous = serve.post_bytes("alice", "/v1/requests", vec![b' '; 11 * 1024 * 1024]).await.unwrap();
    assert_eq!(enormous.status, 413, "{enormous:?}");
    let header = "x".repeat(20_000);
    let answer = serve.get_plain("/v1/me", &[("x-long", &header)]).await.unwrap();
    assert_eq!(answer.status, 431, "{answer:?}");
    assert_eq!(serve.get("audra", "/v1/requests").await.unwrap().items().len(), 1);
}

async fn what_cannot_be_is_refused_with_its_place(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    for (body, status, pointer) in [
        (json!({ "connection": "demo-db", "command": "" }), 422, "/command"),
        (json!({ "connection": "demo-db", "command": " \n" }), 422, "/command"),
        (json!({ "connection": "demo-db", "command": "a\u{0}b" }), 422, "/command"),
        (json!({ "connection": "demo-db", "command": 1 }), 400, "/command"),
        (json!({ "connection": "demo-db", "command": null }), 400, "/command"),
        (json!({ "connection": "demo-db", "command": "x", "run": "now" }), 400, "/run"),
        (json!({ "connection": "demo-db", "command": "x", "timeout_seconds": -1 }), 400, "/timeout_seconds"),
        (json!({ "connection": "demo-db", "command": "x", "timeout_seconds": 0 }), 422, "/timeout_seconds"),
        (
            json!({ "connection": "demo-db", "command": "x", "timeout_seconds": 3601 }),
            422,
            "/timeout_seconds",
        ),
    ] {
        let answer = serve.post("alice", "/v1/requests", body.clone()).await.unwrap();
        assert_eq!(
            (answer.status, answer.text("/errors/0/pointer")),
            (status, pointer),
            "{body}: {answer:?}"
        );
    }
    let missing = serve.post("alice", "/v1/requests", json!({ "connection": "demo-db" })).await.unwrap();
    problem(&missing, 400, "bad-request");
    assert!(missing.text("/detail").contains("command"), "{missing:?}");
    assert!(serve.get("audra", "/v1/requests").await.unwrap().items().is_empty());
}

async fn what_is_not_there_is_404_whether_hidden_or_not(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let hidden = json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "reviewers": ["dba-team"], "allowed_groups": ["security-team"] });
    serve.connect("hidden", hidden).await.unwrap();
    let of_sam = serve.submit("sam", "hidden", "SELECT 1", json!({})).await.unwrap();
    let mut answers = Vec::new();
    for connection in ["hidden", "nowhere", "No Name", "../x", ""] {
        let body = json!({ "connection": connection, "command": "SELECT 1" });
        answers.push(serve.post("alice", "/v1/requests", body).await.unwrap());
    }
    for pair in answers.windows(2) {
        problem(&pair[0], 404, "not-found");
        assert_eq!(pair[0].json, pair[1].json, "the hidden and the missing look the same");
    }
    let never = "req_01ARZ3NDEKTSV4RRFFQ69G5FAV";
    for id in [of_sam.text("/id"), never, "req_", "usr_01ARZ3NDEKTSV4RRFFQ69G5FAV", "x", "%2e%2e", "%00", "ü"]
    {
        for rest in ["", "/events", "/output"] {
            let answer = serve.get("alice", &format!("/v1/requests/{id}{rest}")).await.unwrap();
            problem(&answer, 404, "not-found");
        }
        for verb in ["approve", "reject", "cancel", "run", "settle"] {
            let answer =
                serve.call("alice", "POST", &format!("/v1/requests/{id}/{verb}"), None).await.unwrap();
            problem(&answer, 404, "not-found");
        }
    }
    for path in
        ["/v1", "/v1/", "/v2/requests", "/v1/wat", "/v1/requests/", "//v1/requests", "/v1/../v1/requests"]
    {
        let answer = serve.get("alice", path).await.unwrap();
        assert!(answer.status == 404 || path == "/v1/../v1/requests", "{path}: {answer:?}");
    }
}

async fn a_wrong_method_query_or_media_type_is_told(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let request = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    let one = format!("/v1/requests/{}", request.text("/id"));
    for (method, path, allow) in [
        ("DELETE", "/v1/requests", "POST"),
        ("PATCH", one.as_str(), "GET"),
        ("GET", &format!("{one}/approve"), "POST"),
        ("PUT", &format!("{one}/run"), "POST"),
        ("POST", "/v1/connections/demo-db", "PUT"),
        ("POST", "/v1/me", "GET"),
    ] {
        let answer = serve.call("alice", method, path, None).await.unwrap();
        problem(&answer, 405, "method-not-allowed");
        assert!(answer.header("allow").contains(allow), "{method} {path}: {answer:?}");
    }
    for query in [
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=1&limit=2",
        "cursor=x",
        "status=WAT",
        "from=yesterday",
        "wat=1",
        "limit=%zz",
    ] {
        let answer = serve.get("alice", &format!("/v1/requests?{query}")).await.unwrap();
        assert_eq!(answer.status, 400, "{query}: {answer:?}");
        problem(&answer, 400, "bad-request");
    }
    for query in ["wait_seconds=26", "wait_seconds=-1", "since_version=x", "wat=1"] {
        problem(&serve.get("alice", &format!("{one}?{query}")).await.unwrap(), 400, "bad-request");
    }
    let body = r#"{"connection": "demo-db", "command": "SELECT 1"}"#;
    for media_type in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
    {
        let answer =
            serve.send("alice", "POST", "/v1/requests", &[("content-type", media_type)], body).await.unwrap();
        problem(&answer, 415, "unsupported-media-type");
    }
    for key in ["", " ", "ü", &"k".repeat(256)] {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        let answer = serve.send("alice", "POST", "/v1/requests", &headers, body).await.unwrap();
        problem(&answer, 400, "bad-request");
    }
    assert_eq!(serve.get("audra", "/v1/requests").await.unwrap().items().len(), 1);
}

countersign_e2e::on_every_database! {
    json_that_is_not_meant_is_refused_everywhere,
    a_duplicate_key_inside_a_connection_is_refused_too,
    what_is_too_large_is_refused_with_its_limit,
    what_cannot_be_is_refused_with_its_place,
    what_is_not_there_is_404_whether_hidden_or_not,
    a_wrong_method_query_or_media_type_is_told,
}
