//! `restore`: what was open in a table that was restored from a backup is ended.

use std::process::ExitCode;
use std::sync::Arc;

use countersign_app::App;
use countersign_service::bootstrap::deployed_in_epoch;
use countersign_service::restore::{Ended, end, look, settings};
use countersign_service::{Service, ServiceConfig};
use serde_json::{Value, json};

use super::{failed, offline};
use crate::cli::RestoreArgs;
use crate::error::{CliError, exit};
use crate::render::columns::text;
use crate::render::{Column, Line, Tone, Ui, safe};

const COLUMNS: &[Column] = &[
    Column::shown("code", "CODE"),
    Column::shown("was", "WAS"),
    Column::shown("is", "IS"),
    Column::cut("connection", "CONNECTION"),
    Column::cut("requester", "REQUESTER"),
    Column::shown("id", "ID"),
    Column::cut("error", "ERROR")
        .drawn(|item| Line::of(Tone::Bad, safe::line(text(item, "error"))))
        .spared(1),
];

/// Ends what is open and of an older epoch; in AWS sets what the restore left off as well.
///
/// # Errors
/// [`CliError::Usage`] with what stands in the way, before anything is changed.
pub(crate) async fn restore(ui: &Ui, args: RestoreArgs) -> Result<ExitCode, CliError> {
    match &args.table {
        Some(table) => {
            let app = deployed_in_epoch(table, args.epoch, &|name| std::env::var(name).ok());
            let app = app.await.map_err(|error| failed(&error))?;
            // The settings last: nobody reads the stream of a table that may still be refused.
            let code = end_what_is_open(ui, &app, &args).await?;
            set(ui, &app, args.check).await?;
            Ok(code)
        }
        None => {
            let opened = Service::open(in_epoch(offline(args.data.clone()), args.epoch)).await;
            end_what_is_open(ui, &opened.map_err(|error| failed(&error))?.app, &args).await
        }
    }
}

/// The epoch that was asked for, whatever the environment says.
fn in_epoch(mut config: ServiceConfig, epoch: u32) -> ServiceConfig {
    let lookup = Arc::clone(&config.lookup);
    config.lookup = Arc::new(move |name| match name {
        "COUNTERSIGN_EPOCH" => Some(epoch.to_string()),
        name => lookup(name),
    });
    config
}

async fn end_what_is_open(ui: &Ui, app: &App, args: &RestoreArgs) -> Result<ExitCode, CliError> {
    let (known, mut open) = look(app).await.map_err(|error| failed(&error))?;
    ui.note(&[match known.newest {
        Some(newest) => Line::new().text(format!(
            "the newest request in the backup is of {newest}; what happened after the backup, the table does not know"
        )),
        None => Line::of(Tone::Warn, "warning").text(": there is no request in it: is it the right one?"),
    }]);
    if !args.check {
        end(app, &mut open).await;
    }
    let items: Vec<Value> = open.iter().map(shown).collect();
    ui.list(COLUMNS, &items)?;
    let count = |status: &str| items.iter().filter(|item| text(item, "is") == status).count();
    let (cancelled, unknown) = (count("CANCELLED"), count("UNKNOWN"));
    let done = if args.check { "would be" } else { "are" };
    ui.note(&[
        Line::new().text(format!("{} open before the restore: {cancelled} {done} CANCELLED, {unknown} UNKNOWN", open.len())),
        Line::new().text(match unknown {
            0 => "nothing that was approved has to be looked at".to_owned(),
            _ => "look at the targets of those that are UNKNOWN, then `countersign settle ID --outcome succeeded --note \
                  WHY` (or `--outcome failed`)"
                .to_owned(),
        }),
        Line::new().text(format!(
            "serve the table with epoch {} from now on, for good (COUNTERSIGN_EPOCH, in AWS the parameter Epoch)",
            args.epoch
        )),
    ]);
    let failures = open.iter().filter(|ended| ended.error.is_some()).count();
    if failures > 0 {
        return Err(CliError::Stopped(format!(
            "{failures} could not be ended: run this again before anything serves the table"
        )));
    }
    Ok(ExitCode::from(exit::OK))
}

async fn set(ui: &Ui, app: &App, check: bool) -> Result<(), CliError> {
    let found = settings(app, !check).await.map_err(|error| failed(&error))?;
    for (setting, was_on) in found {
        let (tone, state) = match (was_on, check) {
            (true, _) => (Tone::Faint, "is on"),
            (false, true) => (Tone::Warn, "is off"),
            (false, false) => (Tone::Good, "was off, and is on now"),
        };
        ui.note(&[Line::new().text(format!("{}: ", setting.name())).add(tone, state)]);
    }
    Ok(())
}

fn shown(ended: &Ended) -> Value {
    json!({
        "id": ended.id,
        "code": ended.code,
        "connection": ended.connection,
        "requester": ended.requester,
        "was": ended.was,
        "is": ended.is,
        "error": ended.error,
    })
}
