//! The fixtures of `infra/events` tell one story, and the stream record in it is what the store writes.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_app::notify::DeliverEvent;
use countersign_rules::event::Via;
use countersign_rules::person::Person;
use countersign_rules::request::RunMode;
use countersign_rules::submit::{Submission, submit};
use countersign_rules::{Policy, Request, Timestamp};
use countersign_storage::codec;
use serde::Deserialize as _;
use serde_json::Value;

fn fixture(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/events").join(format!("{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn body(event: &Value) -> Value {
    serde_json::from_str(event["body"].as_str().unwrap()).unwrap()
}

/// What `submit.json` asks for, by the requester that `execute.json` names, under the id that all
/// events share.
fn submitted() -> Request {
    let wanted = body(&fixture("submit"));
    let execute = fixture("execute");
    let at = fixture("submit")["requestContext"]["timeEpoch"].as_i64().unwrap();
    let requester = execute["requested_by"].as_str().unwrap().parse().unwrap();
    let submission = Submission {
        id: execute["request_id"].as_str().unwrap().parse().unwrap(),
        requester: Person {
            user: requester,
            human: requester,
            email: "ann@example.com".to_owned(),
            groups: [].into(),
            roles: [].into(),
            disabled: false,
        },
        via: Via::Cli,
        connection: wanted["connection"].as_str().unwrap().parse().unwrap(),
        kind: "postgres".to_owned(),
        target: "{}".to_owned(),
        secret: "env:PROD_DB_URL".to_owned(),
        command: wanted["command"].as_str().unwrap().to_owned(),
        reason: wanted["reason"].as_str().map(str::to_owned),
        run: RunMode::Manual,
        run_mode: countersign_rules::StatementMode::Transaction,
        policy: Policy {
            version: 1,
            groups: vec!["dba-team".parse().unwrap()],
            approvals_per_group: 1,
            distinct_reviewers: true,
            admin_auto_approve: true,
            exempt_groups: [].into(),
            allowed_groups: [].into(),
            approvals: true,
            run_within_seconds: 3600,
            max_rows: None,
        },
        timeout_seconds: 3600,
        wanted_timeout_seconds: None,
        masking_version: 1,
        epoch: 1,
        verdict: countersign_rules::risk::Verdict::default(),
    };
    submit(&submission, Timestamp::from_unix_millis(at)).unwrap().0
}

#[test]
fn the_stream_record_carries_the_state_of_the_submitted_request() {
    let expected = submitted();
    let event = fixture("dispatch-state");
    let image = &event["Records"][0]["dynamodb"]["NewImage"];
    let doc = STANDARD.decode(image["doc"]["B"].as_str().unwrap()).unwrap_or_default();
    let found = codec::decode_request(&doc).ok();
    let compressed = codec::compress(&serde_json::to_vec(&expected).unwrap()).unwrap();
    assert_eq!(
        found.as_ref(),
        Some(&expected),
        "the layout of states has changed; put this into dispatch-state.json as NewImage.doc.B:\n{}",
        STANDARD.encode(compressed)
    );
    assert_eq!(image["ver"]["N"], expected.version.to_string());
    assert_eq!(image["pk"]["S"], format!("R#{}", expected.id.ulid()));
    assert_eq!(image["sk"]["S"], countersign_storage::keys::STATE);
    assert_eq!(event["Records"][0]["dynamodb"]["Keys"]["pk"], image["pk"]);
    assert_eq!(event["Records"][0]["dynamodb"]["Keys"]["sk"], image["sk"]);
}

#[test]
fn the_approval_is_of_the_bytes_that_were_submitted() {
    let expected = submitted();
    let approve = fixture("approve");
    assert_eq!(body(&approve)["digest"], expected.digest.to_string());
    assert_eq!(approve["rawPath"], format!("/v1/requests/{}/approve", expected.id));
    assert_eq!(approve["pathParameters"]["id"], expected.id.to_string());
}

#[test]
fn all_events_are_about_one_request() {
    let id = submitted().id.to_string();
    assert_eq!(fixture("show")["rawPath"], format!("/v1/requests/{id}"));
    assert_eq!(fixture("expire-deadline")["deadline"]["request_id"], id);
    assert_eq!(fixture("expire-sweep")["sweep"], true);
    assert_eq!(fixture("seal"), serde_json::json!({ "seal": true }));
    let commit = DeliverEvent::deserialize(fixture("deliver-commit")).unwrap();
    assert!(
        matches!(commit, DeliverEvent::Commit { request_id, version: 1, .. } if request_id.to_string() == id)
    );
}
