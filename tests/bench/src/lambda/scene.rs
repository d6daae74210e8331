//! What the functions find: a table with people and a request in it, reached by TLS, and an
//! environment as the template gives it.

use std::path::Path;

use anyhow::{Context as _, Result};
use countersign_app::app::random;
use countersign_local::Prepared;
use countersign_rules::request::RunMode;
use countersign_rules::{Timestamp, UserId};
use countersign_service::Service;
use countersign_service::service::{TABLE, TARGETS};
use serde_json::{Value, json};

use super::tls::Identity;
use crate::life;
use crate::stage::{Api, Stage, text};

/// The functions that there are.
pub const FUNCTIONS: [&str; 8] =
    ["intake", "callback", "runners", "console", "deliver", "dispatch", "execute", "expire"];

/// Who calls as a runner.
pub const RUNNER: &str = "runner";
/// A connection whose commands are a runner's, at once.
pub const RUNNER_CONNECTION: &str = "measured-runner";

/// The table and everything that has to live as long as it does.
pub struct Scene {
    /// Who calls.
    pub api: Api,
    /// A request that waits for its first vote.
    pub request: Value,
    /// Of every function.
    pub environment: Vec<(String, String)>,
    service: Service,
    runner: String,
}

impl Scene {
    /// Makes it in `dir`.
    ///
    /// # Errors
    /// If the machine does not let it.
    pub async fn make(dir: &Path) -> Result<Self> {
        let data = dir.join("data");
        let Stage { opened, api } = Stage::open(&data).await?;
        let bundle = dir.join("roots.pem");
        let identity = Identity::make(&bundle)?;
        let prepared = opened.prepared();
        let mut environment = vec![
            ("AWS_CA_BUNDLE".to_owned(), bundle.display().to_string()),
            ("COUNTERSIGN_SQLITE_ROOT".to_owned(), data.join(TARGETS).display().to_string()),
            ("COUNTERSIGN_EXPIRE_ARN".to_owned(), Prepared::function_arn("expire")),
        ];
        // Each function is a process of its own here.
        for (service, url) in ["DYNAMODB", "SCHEDULER", "LAMBDA"].into_iter().zip(prepared.listen().await?) {
            environment.push((format!("AWS_ENDPOINT_URL_{service}"), identity.before(&url).await?));
        }
        for (name, value) in [
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "measured"),
            ("AWS_SECRET_ACCESS_KEY", "measured"),
            ("COUNTERSIGN_TABLE", TABLE),
            ("COUNTERSIGN_PUBLIC_URL", "https://countersign.example"),
            ("COUNTERSIGN_EXECUTE_FUNCTION", "execute"),
            ("COUNTERSIGN_SCHEDULE_GROUP", "measured"),
            ("COUNTERSIGN_SCHEDULER_ROLE_ARN", "arn:aws:iam::000000000000:role/measured"),
        ] {
            environment.push((name.to_owned(), value.to_owned()));
        }
        let service = opened.run().await?;
        let request = api.post("alice", "/v1/requests", &life::submission(RunMode::Manual)).await?;
        let runner = runner(&api).await?;
        Ok(Self { api, request, environment, service, runner })
    }

    /// Ends it.
    pub async fn end(self) {
        self.service.shutdown().await;
    }

    /// An event for an HTTP function: the one of `infra/events` that is named, as one of the demo's
    /// people or as [`RUNNER`], with another path and body.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn http(&self, name: &str, who: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let mut event = fixture(name)?;
        let token = if who == RUNNER { &self.runner } else { self.api.person(who, "token")? };
        let token = format!("Bearer {token}");
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        set(&mut event, "/headers/authorization", token.into())?;
        set(&mut event, "/rawPath", path.into())?;
        set(&mut event, "/requestContext/http/path", path.into())?;
        set(&mut event, "/rawQueryString", query.into())?;
        if let Some(headers) = event.get_mut("headers").and_then(Value::as_object_mut) {
            headers.remove("idempotency-key");
            headers.remove("content-length");
        }
        if let Some(body) = body {
            set(&mut event, "/body", body.to_string().into())?;
        }
        Ok(event)
    }

    /// What each function is started with, such that it answers after one call to AWS: a read of the
    /// table, or for `dispatch` a timer. With the answer that it must give.
    ///
    /// # Errors
    /// If a fixture is not as it should be.
    pub fn one_call(&self) -> Result<Vec<(&'static str, Value, Value)>> {
        let id = text(&self.request, "id")?;
        let nowhere = json!({ "connection": "no-such-connection", "command": life::COMMAND });
        let stale = json!({ "digest": format!("sha256:{}", "0".repeat(64)) });
        let show = format!("/v1/requests/{id}");
        let approve = format!("{show}/approve");
        let renew = format!("{show}/renew");
        let nobodys = json!({ "nonce": "0".repeat(32) });
        Ok(vec![
            ("intake", self.http("submit", "alice", "/v1/requests", Some(&nowhere))?, json!(404)),
            ("callback", self.http("approve", "dana", &approve, Some(&stale))?, json!(412)),
            ("runners", self.http("approve", RUNNER, &renew, Some(&nobodys))?, json!(404)),
            ("console", self.http("show", "alice", &show, None)?, json!(200)),
            ("deliver", fixture("deliver-commit")?, json!({ "attempted": 0 })),
            ("dispatch", fixture("dispatch-state")?, json!({ "batchItemFailures": [] })),
            ("execute", json!({ "request_id": id }), json!({ "ran": false })),
            ("expire", json!({ "deadline": { "request_id": id } }), Value::Null),
        ])
    }
}

/// Makes a runner with its connection, and gives its token.
async fn runner(api: &Api) -> Result<String> {
    let connection = json!({ "kind": "runner", "target": { "program": ["bash", "-s"] }, "approvals": false });
    let path = format!("/v1/connections/{RUNNER_CONNECTION}");
    api.call("root", "PUT", &path, Some(&connection)).await?;
    let id = UserId::from_parts(Timestamp::from_unix_millis(0), random()?);
    let account = json!({ "email": "runner@measured.example", "owner": api.person("dana", "id")? });
    api.call("root", "PUT", &format!("/v1/users/{id}"), Some(&account)).await?;
    let token = json!({ "name": "runner", "user": id, "runner_connections": [RUNNER_CONNECTION] });
    Ok(text(&api.post("root", "/v1/tokens", &token).await?, "secret")?.to_owned())
}

/// Whether a function's answer is the one that was expected: a status for those that answer HTTP, all
/// of the answer for those that answer events, anything that is no error if null.
#[must_use]
pub fn is_answer(answer: &Value, expected: &Value) -> bool {
    match expected {
        Value::Null => true,
        Value::Number(_) => answer.get("statusCode") == Some(expected),
        _ => answer == expected,
    }
}

/// The body of an HTTP function's answer.
///
/// # Errors
/// If it is no JSON, or the status another one than expected.
pub fn body(answer: &Value, status: u16) -> Result<Value> {
    let body = text(answer, "body")?;
    anyhow::ensure!(
        answer.get("statusCode") == Some(&json!(status)),
        "expected the status {status}, got {}: {}",
        answer.get("statusCode").unwrap_or(&Value::Null),
        body.chars().take(300).collect::<String>()
    );
    Ok(serde_json::from_str(body)?)
}

/// An event of `infra/events`.
///
/// # Errors
/// If there is none of that name.
pub fn fixture(name: &str) -> Result<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../infra/events/{name}.json"));
    let event = std::fs::read(&path).with_context(|| format!("`{}`", path.display()))?;
    Ok(serde_json::from_slice(&event)?)
}

/// Replaces what an event has there.
pub(super) fn set(event: &mut Value, pointer: &str, value: Value) -> Result<()> {
    *event.pointer_mut(pointer).with_context(|| format!("the event has no `{pointer}`"))? = value;
    Ok(())
}
