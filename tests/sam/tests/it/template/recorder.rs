//! Stands between the functions and AWS, and writes down what they do there.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_app::aws::AwsSettings;
use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};

use crate::template::roles::Use;

/// A running recorder.
pub(crate) struct Recorder {
    url: String,
    shared: Shared,
}

#[derive(Clone)]
struct Shared {
    database: String,
    client: reqwest::Client,
    uses: Arc<Mutex<BTreeSet<Use>>>,
}

impl Recorder {
    /// In front of a database. Schedules and invocations are written down, and nothing comes of them.
    pub(crate) async fn before(database: &str) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let shared = Shared { database: database.to_owned(), client, uses: Arc::default() };
        let router = Router::new().fallback(record).with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    /// What a function reaches AWS by; the path says which function it is.
    pub(crate) fn settings(&self, function: &str) -> AwsSettings {
        let url = format!("{}/{function}", self.url);
        let mut settings = AwsSettings::local(&url, &url, &url);
        settings.kms_url = Some(url);
        settings
    }

    /// Everything so far.
    pub(crate) fn uses(&self) -> BTreeSet<Use> {
        self.shared.uses.lock().unwrap().clone()
    }
}

async fn record(State(shared): State<Shared>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let path: Vec<&str> = uri.path().trim_end_matches('/').split('/').skip(1).collect();
    let json: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (function, uses, answer) = match path.as_slice() {
        [function] if headers["x-amz-target"].as_bytes().starts_with(b"TrentService.") => {
            let operation = headers["x-amz-target"].to_str().unwrap().rsplit_once('.').unwrap().1;
            let key = json["KeyId"].as_str().unwrap().to_owned();
            (
                *function,
                vec![(format!("kms:{operation}"), key, None)],
                axum::Json(signs(&json)).into_response(),
            )
        }
        [function] => {
            let target = headers["x-amz-target"].to_str().unwrap();
            let answer = shared.client.post(&shared.database).header("x-amz-target", target);
            let answer = answer.headers(signature(&headers)).body(body.clone()).send().await.unwrap();
            let status = answer.status();
            let answer = (status, answer.bytes().await.unwrap()).into_response();
            (*function, database_uses(target.rsplit_once('.').unwrap().1, &json), answer)
        }
        [function, "2015-03-31", "functions", invoked, "invocations"] => {
            let invoke = ("lambda:InvokeFunction".to_owned(), format!("{invoked}.Arn"), None);
            // What a synchronous call reads; an asynchronous one looks at the status only.
            let report = axum::Json(json!({ "works": true, "checks": [], "verdict": { "estimate": false } }));
            (*function, vec![invoke], (StatusCode::ACCEPTED, report).into_response())
        }
        [function, "schedules", name] => {
            let group = json["GroupName"].as_str().unwrap();
            let schedule =
                format!("arn:AWS::Partition:scheduler:AWS::Region:AWS::AccountId:schedule/{group}/{name}");
            let role = json["Target"]["RoleArn"].as_str().unwrap().to_owned();
            let uses = vec![
                ("scheduler:CreateSchedule".to_owned(), schedule, None),
                ("iam:PassRole".to_owned(), role, None),
            ];
            (*function, uses, axum::Json(json!({ "ScheduleArn": name })).into_response())
        }
        other => panic!("an unknown call: {other:?}"),
    };
    let uses = uses.into_iter().map(|(action, resource, partition)| Use {
        function: function.to_owned(),
        action,
        resource,
        partition,
    });
    shared.uses.lock().unwrap().extend(uses);
    answer
}

/// What KMS says of its key, and its signature of what came. Each member is of one operation only.
fn signs(asked: &Value) -> Value {
    let key = countersign_audit::SigningKey::parse(&"07".repeat(32)).unwrap();
    let message = STANDARD.decode(asked["Message"].as_str().unwrap_or_default()).unwrap();
    json!({
        "KeyId": asked["KeyId"], "KeySpec": "ECC_NIST_EDWARDS25519", "KeyUsage": "SIGN_VERIFY",
        "PublicKey": STANDARD.encode(key.public().to_spki()), "Signature": key.sign(&message),
    })
}

/// What the database looks at besides the operation.
fn signature(headers: &HeaderMap) -> HeaderMap {
    let names = ["authorization", "content-type", "x-amz-date"];
    let kept = headers.iter().filter(|(name, _)| names.contains(&name.as_str()));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Action, resource and partition of everything that a call to DynamoDB does. A transaction needs the
/// rights of its parts.
fn database_uses(operation: &str, body: &Value) -> Vec<(String, String, Option<String>)> {
    let action = |name: &str| format!("dynamodb:{name}");
    let table = |body: &Value| format!("{}.Arn", body["TableName"].as_str().unwrap());
    let partition = |key: &Value| Some(key["pk"]["S"].as_str().unwrap().to_owned());
    match operation {
        "BatchGetItem" => {
            let tables = body["RequestItems"].as_object().unwrap().iter();
            let keys = tables.flat_map(|(table, wanted)| {
                wanted["Keys"].as_array().unwrap().iter().map(move |key| (format!("{table}.Arn"), key))
            });
            keys.map(|(table, key)| (action(operation), table, partition(key))).collect()
        }
        "Query" => {
            let index = body["IndexName"].as_str().map(|name| format!("/index/{name}")).unwrap_or_default();
            vec![(action(operation), format!("{}{index}", table(body)), None)]
        }
        "TransactWriteItems" => {
            let parts = body["TransactItems"].as_array().unwrap().iter();
            let part = |part: &Value| {
                let (kind, part) = part.as_object().unwrap().iter().next().unwrap();
                let key = if kind == "Put" { &part["Item"] } else { &part["Key"] };
                let name =
                    if kind == "ConditionCheck" { "ConditionCheckItem" } else { &format!("{kind}Item") };
                (action(name), table(part), partition(key))
            };
            parts.map(part).collect()
        }
        "PutItem" => vec![(action(operation), table(body), partition(&body["Item"]))],
        "UpdateItem" => vec![(action(operation), table(body), partition(&body["Key"]))],
        other => vec![(action(other), table(body), None)],
    }
}
