//! What a runner does not do, and what its token does not open.

use countersign_e2e::Database;
use countersign_e2e::tamper::{Tamper, Trick};
use serde_json::{Value, json};

use crate::runner::scene::{Scene, slug};

const NONCE: &str = "00112233445566778899aabbccddeeff";

pub(crate) async fn other_bytes_than_those_that_were_approved_are_not_run(database: Database) {
    let scene = Scene::new(database, json!({}), &[]).await;
    let server = scene.serve.url().trim_start_matches("http://").to_owned();
    let liar = Tamper::with(&server, Trick::Replace("echo approved", "echo tampered")).await.unwrap();
    let _runner = scene.runner_at(&format!("http://{}", liar.address()), &["--program", "ops=bash -s"]);
    let command = format!("echo approved > {}", scene.trace("ran").display());
    let request = scene.approved(&command, "on_approval").await;
    let end = scene.end(&request).await;
    assert_eq!(end.state(), "FAILED", "{end:?}");
    assert!(end.text("/execution/error").contains("its digest is another one"), "{end:?}");
    assert_eq!((liar.tricked(), scene.traced("ran")), (1, String::new()));
}

pub(crate) async fn a_runner_starts_its_own_program_and_no_other(database: Database) {
    let scene = Scene::new(database, json!({}), &[]).await;
    let _runner = scene.runner_at(scene.serve.url(), &["--program", "ops=sh -s"]);
    let request = scene.approved("echo out", "on_approval").await;
    let end = scene.end(&request).await;
    assert_eq!(end.state(), "FAILED", "{end:?}");
    assert!(end.text("/execution/error").contains("not started: this runner starts"), "{end:?}");
}

pub(crate) async fn a_runners_token_opens_nothing_else_and_no_other_token_opens_this(database: Database) {
    let scene = Scene::new(database, json!({}), &[]).await;
    let request = scene.approved("echo out", "on_approval").await;
    let id = request.text("/id");
    let digest = request.text("/digest");
    let of = |verb: &str| format!("/v1/requests/{id}{verb}");
    let new = json!({ "connection": "ops", "command": "echo more" });
    let vote = json!({ "digest": digest });
    let connection = json!({ "kind": "runner", "target": { "program": ["cat"] }, "reviewers": ["dba-team"] });
    let refused: [(&str, String, Option<Value>); 24] = [
        ("GET", "/v1/requests".to_owned(), None),
        ("GET", "/v1/requests/export".to_owned(), None),
        ("POST", "/v1/requests".to_owned(), Some(new)),
        ("GET", of(""), None),
        ("GET", of("/events"), None),
        ("GET", of("/output"), None),
        ("POST", of("/approve"), Some(vote.clone())),
        ("POST", of("/reject"), Some(json!({ "digest": digest, "reason": "no" }))),
        ("POST", of("/cancel"), None),
        ("POST", of("/settle"), Some(json!({ "outcome": "failed", "note": "no" }))),
        ("POST", of("/run"), None),
        ("GET", "/v1/connections".to_owned(), None),
        ("GET", "/v1/connections/ops".to_owned(), None),
        ("PUT", "/v1/connections/mine".to_owned(), Some(connection)),
        ("DELETE", "/v1/connections/ops".to_owned(), None),
        ("GET", "/v1/users".to_owned(), None),
        ("GET", format!("/v1/users/{}", scene.serve.id("dana")), None),
        ("PUT", format!("/v1/users/{}", scene.serve.id("dana")), Some(json!({ "email": "d@example.com" }))),
        ("GET", "/v1/groups".to_owned(), None),
        ("GET", "/v1/me".to_owned(), None),
        ("GET", "/v1/tokens".to_owned(), None),
        ("POST", "/v1/tokens".to_owned(), Some(json!({ "name": "more" }))),
        ("DELETE", "/v1/tokens/tok_01K5J3V8Q4W7X9YABCDEFGHJKM".to_owned(), None),
        ("GET", "/v1/requests?group=mine".to_owned(), None),
    ];
    for (method, path, body) in refused {
        let (status, problem) = scene.call(method, &path, body).await;
        assert_eq!(status, 403, "{method} {path}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains("runner's"), "{problem}");
    }

    let claim = json!({ "digest": digest, "nonce": NONCE });
    let nonce = json!({ "nonce": NONCE });
    let line = json!({ "nonce": NONCE, "lines": [{ "stream": "stdout", "text": "x" }] });
    let ended = json!({ "nonce": NONCE, "outcome": "succeeded", "exit_code": 0 });
    let calls = [("/claim", claim), ("/renew", nonce), ("/output?piece=1", line), ("/complete", ended)];
    // An admin and an auditor see the request, others do not.
    for (who, expected) in [("root", 403), ("dana", 403), ("alice", 403), ("sam", 404)] {
        for (verb, body) in &calls {
            let refused = scene.serve.post(who, &of(verb), body.clone()).await.unwrap();
            assert_eq!(refused.status, expected, "{who} {verb}: {refused:?}");
        }
        assert_eq!(scene.serve.get(who, "/v1/runner/work").await.unwrap().status, 403, "{who}");
    }

    let connection =
        json!({ "kind": "runner", "target": { "program": ["bash", "-s"] }, "reviewers": ["dba-team"] });
    scene.serve.connect("other", connection).await.unwrap();
    let elsewhere =
        scene.serve.submit("alice", "other", "echo other", json!({ "run": "on_approval" })).await.unwrap();
    scene.serve.approve("dana", &elsewhere).await.unwrap();
    let (status, found) = scene.call("GET", "/v1/runner/work", None).await;
    assert_eq!((status, &found["work"]["id"]), (200, &json!(id)), "and never the other one's");
    let claim = json!({ "digest": elsewhere.text("/digest"), "nonce": NONCE });
    assert_eq!(scene.about(&elsewhere, "claim", claim).await.0, 404);
    assert_eq!(scene.call("GET", "/v1/runner/work?connection=other", None).await.0, 404);

    let robot = "usr_01K5J3V8Q4W7X9YABCDEFGHJKM";
    let token = |user: &str, connections: Value| json!({ "name": "r", "user": user, "runner_connections": connections });
    let root = scene.serve.id("root");
    for (who, body, expected) in [
        ("dana", token(robot, json!(["ops"])), 403),
        ("root", token(&root, json!(["ops"])), 422),
        ("root", token(robot, json!([])), 422),
        ("root", token(robot, json!(["demo-db"])), 422),
        ("root", token(robot, json!(["nowhere"])), 422),
        ("root", token(robot, json!(["ops", "other"])), 201),
    ] {
        let answer = scene.serve.post(who, "/v1/tokens", body.clone()).await.unwrap();
        assert_eq!(answer.status, expected, "{who} {body}: {answer:?}");
    }
}

pub(crate) async fn pieces_of_output_come_in_their_order_from_the_holder_alone_and_may_come_again(
    database: Database,
) {
    let scene = Scene::new(database, json!({ "max_rows": 3 }), &[]).await;
    let asked_later = scene.approved("echo out", "manual").await;
    let claim = json!({ "digest": asked_later.text("/digest"), "nonce": NONCE });
    let (status, problem) = scene.about(&asked_later, "claim", claim.clone()).await;
    assert_eq!((status, slug(&problem)), (409, "not-asked"));

    let request = scene.approved("echo out", "on_approval").await;
    let digest = json!({ "digest": asked_later.text("/digest"), "nonce": NONCE });
    assert_eq!(scene.about(&request, "claim", digest).await.0, 412);
    let claim = json!({ "digest": request.text("/digest"), "nonce": NONCE });
    let (status, grant) = scene.about(&request, "claim", claim.clone()).await;
    assert_eq!((status, &grant["covered"]["command"]), (200, &json!("echo out")), "{grant}");
    let (status, again) = scene.about(&request, "claim", claim.clone()).await;
    assert_eq!((status, &again["grant"]), (200, &grant["grant"]), "the same claim again");
    let other = json!({ "digest": request.text("/digest"), "nonce": "f".repeat(32) });
    let (status, problem) = scene.about(&request, "claim", other).await;
    assert_eq!((status, slug(&problem)), (409, "already-claimed"));

    let piece =
        |nonce: &str, text: &str| json!({ "nonce": nonce, "lines": [{ "stream": "stdout", "text": text }] });
    assert_eq!(
        scene.about(&request, "output?piece=2", piece(NONCE, "two")).await.0,
        409,
        "the first one first"
    );
    assert_eq!(scene.about(&request, "output?piece=0", piece(NONCE, "none")).await.0, 400);
    assert_eq!(scene.about(&request, "output?piece=1", piece(&"f".repeat(32), "one")).await.0, 409);
    for _ in 0..2 {
        assert_eq!(scene.about(&request, "output?piece=1", piece(NONCE, "bob@example.com")).await.0, 204);
    }
    assert_eq!(scene.about(&request, "output?piece=1", piece(NONCE, "something else")).await.0, 409);
    let many = json!({ "nonce": NONCE, "lines": vec![json!({ "stream": "stderr", "text": "x" }); 3] });
    assert_eq!(scene.about(&request, "output?piece=2", many).await.0, 413, "more than the connection keeps");

    // The name is in the audit trail; another runner's token with it is good for nothing.
    let robot = "usr_01K5J3V8Q4W7X9YABCDEFGHJKM";
    let body = json!({ "name": "r2", "user": robot, "runner_connections": ["ops"] });
    let second = scene.serve.post("root", "/v1/tokens", body).await.unwrap();
    let path = |verb: &str| format!("/v1/requests/{}/{verb}", request.text("/id"));
    let done = json!({ "nonce": NONCE, "outcome": "succeeded", "exit_code": 0, "pieces": 1 });
    for (verb, body) in [
        ("claim", claim),
        ("renew", json!({ "nonce": NONCE })),
        ("output?piece=2", piece(NONCE, "two")),
        ("complete", done.clone()),
    ] {
        let (status, problem) =
            scene.call_with(second.text("/secret"), "POST", &path(verb), Some(body)).await;
        assert_eq!((status, slug(&problem)), (409, "already-claimed"), "{verb}");
    }
    let (status, lease) = scene.about(&request, "renew", json!({ "nonce": NONCE })).await;
    assert_eq!(status, 200, "{lease}");
    let unsent = json!({ "nonce": NONCE, "outcome": "succeeded", "exit_code": 0, "pieces": 2 });
    assert_eq!(scene.about(&request, "complete", unsent).await.0, 422);
    let odd = json!({ "nonce": NONCE, "outcome": "succeeded", "masked": { "SHOE_SIZE": 1 } });
    assert_eq!(scene.about(&request, "complete", odd).await.0, 422);
    for _ in 0..2 {
        let answer = scene.about(&request, "complete", done.clone()).await;
        assert_eq!(answer, (200, json!({ "status": "SUCCEEDED" })));
    }
    let failed = json!({ "nonce": NONCE, "outcome": "failed", "exit_code": 1, "pieces": 1 });
    assert_eq!(scene.about(&request, "complete", failed).await.0, 409);
    assert_eq!(scene.about(&request, "output?piece=2", piece(NONCE, "late")).await.0, 409);
    let output = scene.serve.about("alice", &request, "output?format=csv").await.unwrap();
    let output = output.json.as_str().unwrap();
    assert!(output.contains("<EMAIL_ADDRESS>") && !output.contains("bob@"), "masked again: {output}");
}

pub(crate) async fn a_connection_for_runners_is_not_everything(database: Database) {
    let scene = Scene::new(database, json!({}), &[]).await;
    let bash = json!({ "program": ["bash", "-s"] });
    let base = json!({ "kind": "runner", "target": bash, "reviewers": ["dba-team"] });
    for (name, value, pointer) in [
        ("target", json!({ "program": ["/usr/bin/psql"] }), "/target/program"),
        ("target", json!({ "program": "bash -s" }), "/target/program"),
        ("secret", json!("env:X"), "/secret"),
        ("auto_approve", json!("reads"), "/auto_approve"),
        ("masking_key", json!("ssm:/countersign/key"), "/masking_key"),
    ] {
        let mut connection = base.clone();
        connection[name] = value;
        let put = scene.serve.call("root", "PUT", "/v1/connections/odd", Some(connection)).await.unwrap();
        assert_eq!((put.status, put.text("/errors/0/pointer")), (422, pointer), "{put:?}");
    }
    let request = scene.serve.submit("alice", "ops", "kubectl delete pod x", json!({})).await.unwrap();
    let bounded = json!({ "digest": request.text("/digest"), "bounds": { "max_rows": 1 } });
    let path = format!("/v1/requests/{}/approve", request.text("/id"));
    let refused = scene.serve.post("dana", &path, bounded).await.unwrap();
    assert_eq!((refused.status, refused.text("/errors/0/pointer")), (422, "/bounds/max_rows"));

    let guarded = json!({ "kind": "runner", "target": bash, "reviewers": ["dba-team"],
        "guardrails": [{ "name": "no-rm", "message": "nothing is removed", "deny": { "words": ["rm"] } }] });
    scene.serve.connect("guarded", guarded).await.unwrap();
    let body = json!({ "connection": "guarded", "command": "rm -rf /" });
    let blocked = scene.serve.post("alice", "/v1/requests", body).await.unwrap();
    assert_eq!((blocked.status, blocked.text("/rule")), (403, "no-rm"));
}
