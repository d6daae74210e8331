//! `approve`, `reject`, `cancel`, `settle`: a person decides, and sees the whole command first.

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::requests::{COLUMNS, full};
use super::{prompt, values};
use crate::client::{Again, Call, Client, Request, Status};
use crate::error::CliError;
use crate::exec::follow;
use crate::render::{Format, Line, Tone, Ui, card, safe};

/// Options for decisions in scripts.
#[derive(Args)]
pub(crate) struct Sure {
    /// Decide without confirmation; requires --digest
    #[arg(long, requires = "digest")]
    yes: bool,
    /// Digest of the request that you reviewed
    #[arg(long, value_name = "sha256:…", requires = "yes")]
    digest: Option<String>,
}

/// Arguments of `approve`.
#[derive(Args)]
pub(crate) struct ApproveArgs {
    /// Id of the request
    id: String,
    /// Comment, shown with the approval
    #[arg(long)]
    comment: Option<String>,
    /// Limit the approval to this number of changed rows; more are rolled back
    #[arg(long, value_name = "N")]
    max_rows: Option<u64>,
    /// Limit the approval to runs before this time: RFC 3339, or a duration from now such as 2h
    #[arg(long, value_name = "WHEN", value_parser = values::until)]
    not_after: Option<String>,
    #[command(flatten)]
    sure: Sure,
}

/// Arguments of `reject`.
#[derive(Args)]
pub(crate) struct RejectArgs {
    /// Id of the request
    id: String,
    /// Reason, shown to the requester
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    sure: Sure,
}

/// Arguments of `cancel`.
#[derive(Args)]
pub(crate) struct CancelArgs {
    /// Id of the request
    id: String,
    /// Reason, recorded in the audit trail
    #[arg(long)]
    reason: Option<String>,
    /// Cancel without confirmation
    #[arg(long)]
    yes: bool,
    /// Cancel only if this is the digest of the request
    #[arg(long, value_name = "sha256:…", requires = "yes")]
    digest: Option<String>,
}

/// An outcome that an admin records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Outcome {
    /// The command took effect
    Succeeded,
    /// The command did not take effect
    Failed,
}

/// Arguments of `settle`.
#[derive(Args)]
pub(crate) struct SettleArgs {
    /// Id of the request
    id: String,
    /// The outcome
    #[arg(long, value_enum)]
    outcome: Outcome,
    /// Evidence for the outcome, recorded in the audit trail
    #[arg(long)]
    note: String,
}

/// Approves.
///
/// # Errors
/// [`CliError`]; [`CliError::Stopped`] if the answer is no.
pub(crate) async fn approve(client: &Client, ui: &Ui, args: &ApproveArgs) -> Result<(), CliError> {
    let digest = match decided(&args.sure, "approve")? {
        Some(digest) => digest,
        None => {
            let request = shown(client, ui, &args.id).await?;
            if request.whole_command().is_none() {
                return Err(CliError::Stopped(
                    "the command is not all here, so it cannot be approved here: use the request's page"
                        .to_owned(),
                ));
            }
            if !prompt::yes("Approve?")? {
                return Err(CliError::Stopped("not approved; nothing was changed".to_owned()));
            }
            request.digest
        }
    };
    let mut body = Map::new();
    body.insert("digest".to_owned(), digest.into());
    if let Some(comment) = &args.comment {
        body.insert("comment".to_owned(), comment.as_str().into());
    }
    let mut bounds = Map::new();
    bounds.extend(args.max_rows.map(|rows| ("max_rows".to_owned(), rows.into())));
    bounds.extend(args.not_after.clone().map(|end| ("not_after".to_owned(), end.into())));
    if !bounds.is_empty() {
        body.insert("bounds".to_owned(), Value::Object(bounds));
    }
    vote(client, ui, &args.id, "approve", Value::Object(body)).await
}

/// Rejects.
///
/// # Errors
/// As [`approve`].
pub(crate) async fn reject(client: &Client, ui: &Ui, args: &RejectArgs) -> Result<(), CliError> {
    let (digest, reason) = match decided(&args.sure, "reject")? {
        Some(digest) => {
            let reason = args.reason.clone();
            (digest, reason.ok_or_else(|| CliError::Usage("a rejection needs --reason TEXT".to_owned()))?)
        }
        None => {
            let request = shown(client, ui, &args.id).await?;
            let reason = match &args.reason {
                Some(reason) => reason.clone(),
                None => prompt::ask("Why? (the requester reads it) ")?,
            };
            if reason.trim().is_empty() {
                return Err(CliError::Usage("a rejection needs a reason; nothing was changed".to_owned()));
            }
            if !prompt::yes("Reject?")? {
                return Err(CliError::Stopped("not rejected; nothing was changed".to_owned()));
            }
            (request.digest, reason)
        }
    };
    vote(client, ui, &args.id, "reject", json!({"digest": digest, "reason": reason})).await
}

/// Cancels.
///
/// # Errors
/// As [`approve`].
pub(crate) async fn cancel(client: &Client, ui: &Ui, args: &CancelArgs) -> Result<(), CliError> {
    if !args.yes {
        if !prompt::can_ask() {
            return Err(CliError::Usage(
                "nobody is there to ask: add --yes to cancel without asking".to_owned(),
            ));
        }
        shown(client, ui, &args.id).await?;
        if !prompt::yes("Cancel it?")? {
            return Err(CliError::Stopped("not cancelled; nothing was changed".to_owned()));
        }
    }
    if let Some(digest) = &args.digest {
        // A request never changes its digest, so what is looked at now is what is cancelled then.
        let answer = client.send(&Call::get(&["requests", &args.id])).await?;
        let request = follow::read(client, &client.parse(&answer)?)?;
        if !request.digest.eq_ignore_ascii_case(digest) {
            return Err(CliError::Stopped(format!(
                "the digest of {} is another one, {}; nothing was changed",
                safe::line(&args.id),
                safe::line(&request.digest)
            )));
        }
    }
    let body = args.reason.as_ref().map(|reason| json!({ "reason": reason }));
    let call = Call::act(&["requests", &args.id, "cancel"], body, Again::IfNeverSent);
    report(client, ui, &call).await
}

/// Settles an unknown outcome.
///
/// # Errors
/// [`CliError`].
pub(crate) async fn settle(client: &Client, ui: &Ui, args: &SettleArgs) -> Result<(), CliError> {
    let outcome = match args.outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Failed => "failed",
    };
    let body = json!({"outcome": outcome, "note": args.note});
    report(client, ui, &Call::act(&["requests", &args.id, "settle"], Some(body), Again::IfNeverSent)).await
}

/// The digest that a script gave; `None` if a person is there to ask.
fn decided(sure: &Sure, verb: &str) -> Result<Option<String>, CliError> {
    if let Some(digest) = sure.digest.as_ref().filter(|_| sure.yes) {
        return Ok(Some(digest.clone()));
    }
    if prompt::can_ask() {
        return Ok(None);
    }
    Err(CliError::Usage(format!(
        "nobody is there to ask: to {verb} in a script, add --yes --digest sha256:… with the `digest` of the \
         request that was looked at (`countersign requests show ID -o json`)"
    )))
}

/// Shows the request, whole, on standard error.
async fn shown(client: &Client, ui: &Ui, id: &str) -> Result<Request, CliError> {
    let answer = client.send(&Call::get(&["requests", id])).await?;
    let request = follow::read(client, &client.parse(&answer)?)?;
    ui.note(&full(&request, Some(ui.err_columns())));
    if request.status == Status::Pending {
        let left =
            request.deadline().and_then(|at| std::time::Duration::try_from(at - answer.clock.now()).ok());
        let left = crate::render::moment::countdown(left.unwrap_or_default());
        ui.note(&[Line::of(Tone::Faint, format!("  {left} left to decide")), Line::new()]);
    }
    Ok(request)
}

async fn vote(client: &Client, ui: &Ui, id: &str, verb: &str, body: Value) -> Result<(), CliError> {
    // The identical vote again is answered as the first: it may be sent again.
    report(client, ui, &Call::act(&["requests", id, verb], Some(body), Again::Always)).await
}

/// Sends the call and says how the request stands now.
async fn report(client: &Client, ui: &Ui, call: &Call) -> Result<(), CliError> {
    let value = client.json(call).await?;
    let request = follow::read(client, &value)?;
    if ui.format != Format::Table {
        return ui.one(COLUMNS, &value, |_| Vec::new());
    }
    let line = Line::of(Tone::Code, safe::line(&request.code)).text("  ").join(card::status_phrase(&request));
    let mut lines = vec![line];
    if request.status == Status::Pending {
        lines.extend(card::groups(&request, ui.out_columns().unwrap_or(120)));
    }
    ui.lines(&lines)
}
