//! `requests watch`: a line for every change.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::requests::{COLUMNS, Filter, list_call, status_cell};
use super::values;
use crate::client::{Call, Client, every_item, pages};
use crate::error::CliError;
use crate::render::columns::text;
use crate::render::{Format, Line, Tone, Ui, safe};

/// Arguments of `requests watch`.
#[derive(Args)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    filter: Filter,
    /// Time between two queries
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = values::seconds)]
    interval: u64,
}

/// The states that a request does not stay in.
const OPEN: [&str; 3] = ["PENDING", "APPROVED", "RUNNING"];
/// How many of the newest are looked at for what came and went between two looks.
const NEWEST: usize = 50;

/// Prints what is open, then every change, until interrupted or until the reader goes away.
///
/// # Errors
/// [`CliError`]; a service that is away for a while is waited for.
pub(crate) async fn watch(client: &Client, ui: &Ui, args: &WatchArgs) -> Result<(), CliError> {
    let call = list_call(client, &args.filter).await?;
    let mut seen = Seen::default();
    let mut away = false;
    if ui.format == Format::Csv {
        ui.csv(COLUMNS, &[], true)?;
    }
    loop {
        match look(client, &call, &args.filter, &seen).await {
            Ok(items) => {
                if std::mem::take(&mut away) {
                    ui.note(&[Line::of(Tone::Good, "contact is back")]);
                }
                for item in seen.changes(items) {
                    print(ui, &item)?;
                }
            }
            // Once it worked, a service that does not answer is one that is being restarted.
            Err(CliError::Unreachable { cause, .. }) if seen.looked => {
                if !std::mem::replace(&mut away, true) {
                    ui.note(&[Line::of(Tone::Warn, "lost contact, retrying").text(format!(": {cause}"))]);
                }
            }
            Err(CliError::Busy { problem, .. }) if seen.looked => {
                if !std::mem::replace(&mut away, true) {
                    ui.note(&[Line::of(Tone::Warn, "lost contact, retrying").text(format!(": {problem}"))]);
                }
            }
            Err(error) => return Err(error),
        }
        tokio::time::sleep(Duration::from_secs(args.interval)).await;
    }
}

/// What was printed last of each request.
#[derive(Default)]
struct Seen {
    looked: bool,
    versions: BTreeMap<String, (u64, String)>,
}

impl Seen {
    /// The ids of those that were open when they were last seen.
    fn open(&self) -> BTreeSet<String> {
        let open = self.versions.iter().filter(|(_, (_, status))| OPEN.contains(&status.as_str()));
        open.map(|(id, _)| id.clone()).collect()
    }

    /// What changed, oldest first. The first look tells only of what is open: the past is for `list`.
    fn changes(&mut self, items: Vec<Value>) -> Vec<Value> {
        let mut out = Vec::new();
        for item in items {
            let id = text(&item, "id").to_owned();
            let now =
                (item.get("version").and_then(Value::as_u64).unwrap_or(0), text(&item, "status").to_owned());
            let known = self.versions.get(&id);
            // An older answer may come after a newer one.
            let changed = known.is_none_or(|known| now.0 > known.0 || (now.0 == known.0 && now.1 != known.1));
            if changed {
                if self.looked || OPEN.contains(&now.1.as_str()) {
                    out.push(item);
                }
                self.versions.insert(id, now);
            }
        }
        self.looked = true;
        out.sort_by(|one, other| text(one, "id").cmp(text(other, "id")));
        out
    }
}

/// The newest, all that are open, and those that were open before and are in neither list any more.
async fn look(client: &Client, call: &Call, filter: &Filter, seen: &Seen) -> Result<Vec<Value>, CliError> {
    let mut items: BTreeMap<String, Value> = BTreeMap::new();
    let mut add =
        |list: Vec<Value>| items.extend(list.into_iter().map(|item| (text(&item, "id").to_owned(), item)));
    let (newest, more) = pages(client, call, NEWEST).await?;
    add(newest);
    if more && !filter.names_status() {
        let open = OPEN.iter().fold(call.clone(), |call, status| call.with("status", *status));
        add(every_item(client, &open).await?);
    }
    for id in seen.open() {
        let Entry::Vacant(gone) = items.entry(id) else { continue };
        match client.json(&Call::get(&["requests", gone.key()])).await {
            Ok(item) => {
                gone.insert(item);
            }
            // Not visible any more: nothing to tell.
            Err(CliError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(items.into_values().collect())
}

fn print(ui: &Ui, item: &Value) -> Result<(), CliError> {
    match ui.format {
        Format::Json | Format::Jsonl => ui.json_line(item),
        Format::Csv => ui.csv(COLUMNS, std::slice::from_ref(item), false),
        Format::Table => {
            let now = time::OffsetDateTime::now_utc();
            let stamp = now
                .format(&time::macros::format_description!("[hour]:[minute]:[second]"))
                .unwrap_or_default();
            let status = status_cell(text(item, "status"));
            let pad = " ".repeat(10_usize.saturating_sub(status.width()));
            let command = text(item, "command").split_whitespace().collect::<Vec<_>>().join(" ");
            let requester =
                item.get("requester").map(|requester| text(requester, "email")).unwrap_or_default();
            let line = Line::of(Tone::Faint, format!("{stamp}  "))
                .add(Tone::Code, safe::line(text(item, "code")))
                .text("  ")
                .join(status)
                .text(format!("{pad}{}  {}  ", safe::line(text(item, "connection")), safe::line(requester)))
                .text(safe::line(&command))
                .text("  ")
                .add(Tone::Faint, safe::line(text(item, "id")));
            ui.lines(&[match ui.out_columns() {
                Some(columns) => line.cut(columns),
                None => line,
            }])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn item(id: &str, version: u64, status: &str) -> Value {
        json!({"id": id, "version": version, "status": status})
    }

    #[test]
    fn only_changes_are_told_and_the_past_is_not() {
        let mut seen = Seen::default();
        let first = seen.changes(vec![item("req_2", 1, "PENDING"), item("req_1", 4, "SUCCEEDED")]);
        assert_eq!(first, [item("req_2", 1, "PENDING")]);
        assert!(seen.changes(vec![item("req_2", 1, "PENDING")]).is_empty());
        let next = seen.changes(vec![item("req_3", 1, "PENDING"), item("req_2", 2, "APPROVED")]);
        assert_eq!(next, [item("req_2", 2, "APPROVED"), item("req_3", 1, "PENDING")]);
        assert!(seen.changes(vec![item("req_2", 1, "PENDING")]).is_empty(), "an older answer is no change");
        assert_eq!(seen.open().into_iter().collect::<Vec<_>>(), ["req_2", "req_3"]);
        let expired = seen.changes(vec![item("req_3", 1, "EXPIRED")]);
        assert_eq!(expired, [item("req_3", 1, "EXPIRED")], "expiry shows before anybody writes it");
    }
}
