//! `doctor`: why a notification did not arrive, or why a request was approved by itself.

use clap::Args;
use serde_json::{Value, json};

use crate::client::{Call, Client, every_item};
use crate::error::CliError;
use crate::render::columns::text;
use crate::render::{Column, Line, Tone, Ui, safe};

/// Arguments of `doctor`.
#[derive(Args)]
pub(crate) struct DoctorArgs {
    /// Id of the request; without it, endpoints and settings are checked (admin)
    request: Option<String>,
}

const COLUMNS: &[Column] =
    &[Column::data("about"), Column::data("code"), Column::data("message"), Column::data("advice")];

/// Says what is wrong and what to do.
///
/// # Errors
/// [`CliError`].
pub(crate) async fn doctor(client: &Client, ui: &Ui, args: &DoctorArgs) -> Result<(), CliError> {
    let (told, findings) = match &args.request {
        Some(id) => of_request(client, id).await?,
        None => (Vec::new(), of_everything(client).await?),
    };
    let report = json!({ "told": told, "findings": findings });
    match ui.format {
        crate::render::Format::Csv => ui.csv(COLUMNS, &findings, true),
        _ => ui.one(COLUMNS, &report, |columns| lines(&told, &findings, columns)),
    }
}

/// Who was told of a request, and what was found.
async fn of_request(client: &Client, id: &str) -> Result<(Vec<Value>, Vec<Value>), CliError> {
    let answer = client.json(&Call::get(&["requests", id, "notifications"])).await?;
    let list =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut findings: Vec<Value> =
        list(&answer, "findings").iter().map(|one| about("request", one)).collect();
    let told = list(&answer, "items");
    for endpoint in &told {
        let name = format!("{} ({})", text(endpoint, "name"), text(endpoint, "endpoint"));
        findings.extend(list(endpoint, "findings").iter().map(|one| about(&name, one)));
    }
    Ok((told, findings))
}

/// What is wrong with endpoints whatever they are told.
async fn of_everything(client: &Client) -> Result<Vec<Value>, CliError> {
    let mut findings = Vec::new();
    for webhook in every_item(client, &Call::get(&["webhooks"])).await? {
        let name = format!("{} ({})", text(&webhook, "name"), text(&webhook, "id"));
        let enabled = webhook.get("enabled").and_then(Value::as_bool).unwrap_or_default();
        let failing = webhook.get("failing_since").and_then(Value::as_str);
        let disabled = webhook.get("disabled").filter(|disabled| !disabled.is_null());
        let id = text(&webhook, "id");
        let found = match (enabled, disabled, failing) {
            (false, Some(disabled), _) => Some((
                "endpoint-disabled",
                format!("given up at {}: {}", text(disabled, "at"), text(disabled, "why")),
                format!("mend it, then `countersign webhooks update {id} --enabled on`"),
            )),
            (false, None, _) => Some((
                "endpoint-disabled",
                "an admin has disabled it".to_owned(),
                format!("`countersign webhooks update {id} --enabled on`, if it should be told again"),
            )),
            (true, _, Some(since)) => Some((
                "endpoint-failing",
                format!("nothing has succeeded since {since}"),
                format!("`countersign webhooks deliveries {id}` shows the last answers"),
            )),
            (true, _, None) => None,
        };
        if let Some((code, message, advice)) = found {
            findings.push(json!({ "about": name, "code": code, "message": message, "advice": advice }));
        }
    }
    for connection in every_item(client, &Call::get(&["connections"])).await? {
        if connection.get("notify").and_then(Value::as_array).is_some_and(Vec::is_empty) {
            let name = text(&connection, "name");
            findings.push(json!({
                "about": format!("connection {name}"), "code": "notifies-nobody",
                "message": "it names no way by which anybody is told",
                "advice": format!("`countersign connections update {name} --notify slack,webhooks`"),
            }));
        }
    }
    let slack = client.json(&Call::get(&["integrations", "slack"])).await?;
    let me = client.json(&Call::get(&["me"])).await?;
    let tells = slack.pointer("/settings/enabled").and_then(Value::as_bool).unwrap_or_default();
    if tells && text(&me, "slack_user_id").is_empty() {
        findings.push(json!({
            "about": "you", "code": "no-account-linked", "message": "your account is linked to no user of Slack",
            "advice": "enter `/countersign link` in Slack, if you want to decide there",
        }));
    }
    Ok(findings)
}

fn about(what: &str, finding: &Value) -> Value {
    let mut finding = finding.clone();
    if let Some(members) = finding.as_object_mut() {
        members.insert("about".to_owned(), what.into());
    }
    finding
}

fn lines(told: &[Value], findings: &[Value], columns: Option<usize>) -> Vec<Line> {
    // Nothing is cut or wrapped where the reader is no terminal.
    let columns = columns.unwrap_or(usize::MAX);
    let mut lines = Vec::new();
    for endpoint in told {
        let deliveries = endpoint.get("deliveries").and_then(Value::as_array);
        let deliveries: Vec<&Value> = deliveries.into_iter().flatten().collect();
        let arrived = deliveries.iter().filter(|delivery| text(delivery, "state") == "delivered").count();
        let tone = if arrived == deliveries.len() && arrived > 0 { Tone::Good } else { Tone::Warn };
        let name = format!("{} ({})", text(endpoint, "name"), text(endpoint, "endpoint"));
        let line = Line::of(tone, format!("{arrived} of {} ", deliveries.len())).text(safe::line(&name));
        lines.extend(line.wrap(columns, 2));
    }
    if findings.is_empty() {
        lines.push(Line::of(Tone::Good, "✔ ").text("nothing is wrong"));
    }
    for finding in findings {
        let part = |name: &str| safe::line(text(finding, name));
        let head =
            Line::of(Tone::Warn, part("code")).text(format!(", {}: {}", part("about"), part("message")));
        lines.extend(head.wrap(columns, 2));
        lines.extend(Line::of(Tone::Faint, "  → ").text(part("advice")).wrap(columns, 4));
    }
    lines
}
