//! `health`: whether the service answers, for the health checks of containers and monitors.

use serde_json::Value;

use crate::client::{Call, Client};
use crate::error::CliError;
use crate::render::columns::text;
use crate::render::line::labelled;
use crate::render::{Column, Line, Tone, Ui, safe};

const COLUMNS: &[Column] = &[Column::data("url"), Column::data("status"), Column::data("version")];

/// Prints the answer of `GET /healthz`, with the `url` of the service.
///
/// # Errors
/// [`CliError`]; its exit code is 21 if the service does not answer.
pub(crate) async fn health(client: &Client, ui: &Ui) -> Result<(), CliError> {
    let mut health = client.json(&Call::health()).await?;
    let Some(members) = health.as_object_mut() else {
        return Err(client.odd("something else than an object"));
    };
    members.insert("url".to_owned(), client.url().into());
    ui.one(COLUMNS, &health, |columns| card(&health, columns))
}

fn card(health: &Value, columns: Option<usize>) -> Vec<Line> {
    let fact = |name: &str| Line::new().text(safe::line(text(health, name)));
    let status = match text(health, "status") {
        "ok" => Line::of(Tone::Good, "ok"),
        other => Line::of(Tone::Warn, safe::line(other)),
    };
    labelled([("Service", fact("url")), ("Status", status), ("Version", fact("version"))], 9, columns)
}
