//! A whole life over HTTP: submitted, approved by both groups, run, with about 1 KB of output.

use std::time::Duration;

use anyhow::{Result, bail};
use countersign_rules::request::RunMode;
use serde_json::{Value, json};

use crate::stage::{Api, text};

/// Two groups must approve there.
pub const CONNECTION: &str = "demo-dual";
/// Gives about 1 KB, as the budget says.
pub const COMMAND: &str = "SELECT id, name, email FROM customers WHERE id <= 20";
/// Those who approve.
pub const REVIEWERS: [&str; 2] = ["dana", "sam"];

/// The request that a life begins with.
#[must_use]
pub fn submission(run: RunMode) -> Value {
    json!({ "connection": CONNECTION, "command": COMMAND, "reason": "INC-1234 clean-up", "run": run.as_str() })
}

/// Lives a life as far as people take part in it, and gives the request's id. By hand, the command
/// has run when this returns; on approval it runs by itself, and [`ended`] waits for it.
///
/// # Errors
/// If anything is not as it should be.
pub async fn live(api: &Api, run: RunMode) -> Result<String> {
    let mut request = api.post("alice", "/v1/requests", &submission(run)).await?;
    let id = text(&request, "id")?.to_owned();
    for reviewer in REVIEWERS {
        let vote = json!({ "digest": text(&request, "digest")? });
        request = api.post(reviewer, &format!("/v1/requests/{id}/approve"), &vote).await?;
    }
    if run == RunMode::Manual {
        let ran = api.call("alice", "POST", &format!("/v1/requests/{id}/run"), None).await?;
        succeeded(&ran)?;
    }
    Ok(id)
}

/// Waits until a request that runs on approval has run.
///
/// # Errors
/// If it ends in any other way.
pub async fn ended(api: &Api, id: &str) -> Result<()> {
    loop {
        let request = api.get("alice", &format!("/v1/requests/{id}")).await?;
        match text(&request, "status")? {
            "APPROVED" | "RUNNING" => tokio::time::sleep(Duration::from_millis(2)).await,
            _ => return succeeded(&request),
        }
    }
}

fn succeeded(request: &Value) -> Result<()> {
    let status = text(request, "status")?;
    let bytes = request.pointer("/execution/bytes").and_then(Value::as_u64);
    if status == "SUCCEEDED" && bytes.is_some_and(|bytes| (900..1100).contains(&bytes)) {
        return Ok(());
    }
    bail!("expected a request that has succeeded with about 1 KB of output, got {request}")
}
