//! `audit`: fetch the log and receipts, and verify them without asking anybody.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use countersign_audit::{Checkpoint, PublicKey, Receipt, Report, Verifier};
use serde_json::Value;

use crate::client::{Call, Client, pages};
use crate::error::{CliError, exit};
use crate::help::examples;
use crate::render::columns::text;
use crate::render::ui::write_out;
use crate::render::{Column, Line, Tone, Ui, moment, safe};

/// Subcommands of `audit`.
#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// Print the whole log as JSON lines, with its signed checkpoints (admin, auditor)
    #[command(after_help = examples![
        "countersign audit export > log.jsonl",
    ])]
    Export,
    /// Print signed checkpoints, newest first; keep one to verify later exports against (admin, auditor)
    #[command(after_help = examples![
        "countersign audit checkpoints --limit 1 -o json > kept.json",
    ])]
    Checkpoints {
        /// Maximum number of checkpoints
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Print the public keys that signed checkpoints
    #[command(after_help = examples![
        "countersign audit keys",
        "countersign audit keys -o json > keys.json",
    ])]
    Keys,
    /// Print the receipt of a request, which can be verified offline
    #[command(after_help = examples![
        "countersign audit receipt req_01K8ZV6T1M3Q4R5S6T7V8W9X0Y > receipt.json",
    ])]
    Receipt {
        /// Id of the request
        id: String,
    },
    /// Verify an export or a receipt offline; exit code 1 if the verification fails
    #[command(after_help = examples![
        "countersign audit verify log.jsonl --checkpoint kept.json",
        "countersign audit verify receipt.json --key keys.json",
    ])]
    Verify(VerifyArgs),
}

/// Arguments of `audit verify`.
#[derive(Args)]
pub(crate) struct VerifyArgs {
    /// File with the export or the receipt
    file: PathBuf,
    /// File with a checkpoint that you kept, as JSON
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Trusted public key in base64, or a file with keys that you kept; without it, the keys in the verified
    /// file are used
    #[arg(long, value_name = "KEY|FILE")]
    key: Option<String>,
}

const CHECKPOINTS: &[Column] = &[
    Column::shown("number", "#"),
    Column::shown("at", "AT").drawn(|item| Line::of(Tone::Faint, moment::stamp(text(item, "at")))),
    Column::shown("tree_size", "EVENTS"),
    Column::cut("root", "ROOT"),
    Column::shown("key", "KEY"),
    Column::data("origin"),
    Column::data("previous"),
    Column::data("signature"),
];

const KEYS: &[Column] = &[
    Column::shown("id", "ID"),
    Column::shown("since", "SINCE CHECKPOINT"),
    Column::shown("public_key", "PUBLIC KEY"),
];

/// Runs a command on the log. Gives the exit code.
///
/// # Errors
/// [`CliError`].
pub(crate) async fn audit(client: &Client, ui: &Ui, command: AuditCommand) -> Result<u8, CliError> {
    match command {
        AuditCommand::Export => export(client, ui).await?,
        AuditCommand::Checkpoints { limit } => {
            let (items, _) = pages(client, &Call::get(&["audit", "checkpoints"]), limit).await?;
            ui.list(CHECKPOINTS, &items)?;
        }
        AuditCommand::Keys => {
            let answer = client.json(&Call::get(&["audit", "public-key"])).await?;
            let items = answer.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
            ui.list(KEYS, &items)?;
        }
        AuditCommand::Receipt { id } => {
            let receipt = client.json(&Call::get(&["requests", &id, "receipt"])).await?;
            write_out((safe::json(&format!("{receipt:#}")) + "\n").as_bytes())?;
        }
        AuditCommand::Verify(args) => return verify(ui, &args),
    }
    Ok(exit::OK)
}

/// Copies the export page after page, byte for byte into a file or a pipe: it is verified so.
async fn export(client: &Client, ui: &Ui) -> Result<(), CliError> {
    let mut cursor: Option<String> = None;
    loop {
        let page = client.send(&Call::get(&["audit", "export"]).with_some("cursor", cursor.clone())).await?;
        if ui.out.is_terminal {
            write_out(safe::json(&String::from_utf8_lossy(&page.body)).as_bytes())?;
        } else {
            write_out(&page.body)?;
        }
        let next = page.header("countersign-next-cursor").filter(|next| !next.is_empty());
        if next.is_none() || next == cursor {
            return Ok(());
        }
        cursor = next;
    }
}

fn unreadable(path: &Path, why: impl std::fmt::Display) -> CliError {
    CliError::Usage(format!("`{}` cannot be read: {why}", path.display()))
}

/// Verifies a file. Gives 0 if all is well, else 1.
///
/// # Errors
/// [`CliError::Usage`] for what cannot be read at all.
pub(crate) fn verify(ui: &Ui, args: &VerifyArgs) -> Result<u8, CliError> {
    let keys = args.key.as_deref().map(trusted).transpose()?.unwrap_or_default();
    let older = args.checkpoint.as_deref().map(checkpoint).transpose()?;
    match receipt(&args.file)? {
        Some(_) if older.is_some() => Err(CliError::Usage(
            "a receipt is not verified against another checkpoint: it has its own".to_owned(),
        )),
        Some(receipt) => {
            // Of several, it is the one that signed, or else any: then it says which was expected.
            let key = keys.iter().find(|key| **key == receipt.public_key).or(keys.first());
            Ok(tell_receipt(ui, &receipt, key))
        }
        None => Ok(tell(ui, &read(&args.file, keys, older)?)),
    }
}

/// What `--key` names: a key, or a file with keys as the service or `audit keys` gives them.
fn trusted(text: &str) -> Result<Vec<PublicKey>, CliError> {
    let wrong = |error: countersign_audit::key::InvalidKey| CliError::Usage(error.to_string());
    let path = Path::new(text);
    if let Ok(key) = text.trim().parse() {
        return Ok(vec![key]);
    }
    if !path.exists() {
        return text.trim().parse().map(|key| vec![key]).map_err(wrong);
    }
    let content = std::fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
    if let Ok(key) = content.trim().parse() {
        return Ok(vec![key]);
    }
    let value: Value = serde_json::from_str(&content).map_err(|error| unreadable(path, error))?;
    let items = value.get("items").unwrap_or(&value);
    let items = items.as_array().map_or(std::slice::from_ref(items), Vec::as_slice);
    let key = |item: &Value| {
        let key = item.get("public_key").and_then(Value::as_str);
        key.ok_or_else(|| unreadable(path, "it holds something else than public keys"))?
            .parse()
            .map_err(wrong)
    };
    let keys: Vec<PublicKey> = items.iter().map(key).collect::<Result<_, _>>()?;
    if keys.is_empty() {
        return Err(unreadable(path, "it holds no key: then none would be trusted, and any would do"));
    }
    Ok(keys)
}

/// A checkpoint out of a file: the object itself, the line of an export, or the list of the service.
fn checkpoint(path: &Path) -> Result<Checkpoint, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
    let value: Value = serde_json::from_str(&text).map_err(|error| unreadable(path, error))?;
    let inner = value.get("checkpoint").or_else(|| value.get(0)).or_else(|| value.pointer("/items/0"));
    serde_json::from_value(inner.unwrap_or(&value).clone())
        .map_err(|error| unreadable(path, format!("it is no checkpoint: {error}")))
}

/// The receipt that a file holds, if it is one; an export has an object a line.
fn receipt(path: &Path) -> Result<Option<Receipt>, CliError> {
    const MOST_BYTES: u64 = 64 * 1024 * 1024;
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    let mut start = [0_u8; 10];
    let mut reader = BufReader::new(file);
    let length = reader.read(&mut start).map_err(|error| unreadable(path, error))?;
    if start.get(..length) == Some(b"{\"export\":") {
        return Ok(None);
    }
    let mut whole = start.get(..length).unwrap_or_default().to_vec();
    reader.take(MOST_BYTES).read_to_end(&mut whole).map_err(|error| unreadable(path, error))?;
    let Ok(value) = serde_json::from_slice::<Value>(&whole) else { return Ok(None) };
    if value.get("receipt").is_none() {
        return Ok(None);
    }
    serde_json::from_value(value).map(Some).map_err(|error| unreadable(path, format!("no receipt: {error}")))
}

fn read(path: &Path, keys: Vec<PublicKey>, older: Option<Checkpoint>) -> Result<Report, CliError> {
    let mut reader = BufReader::new(File::open(path).map_err(|error| unreadable(path, error))?);
    let mut verifier = Verifier::new(keys, older);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).map_err(|error| unreadable(path, error))? == 0 {
            return Ok(verifier.finish());
        }
        verifier.line(&line);
    }
}

/// How many findings are told; one change can make many lines wrong.
const MOST_TOLD: usize = 20;

fn tell(ui: &Ui, report: &Report) -> u8 {
    let mut lines: Vec<Line> = report
        .findings
        .iter()
        .take(MOST_TOLD)
        .map(|finding| Line::of(Tone::Bad, "✘ ").text(safe::line(&finding.to_string())))
        .collect();
    let more = report.findings.len().saturating_sub(MOST_TOLD);
    if more > 0 {
        lines.push(Line::of(Tone::Bad, format!("✘ and {more} more")));
    }
    lines.extend(
        report.notes.iter().map(|note| Line::of(Tone::Warn, "note").text(format!(": {}", safe::line(note)))),
    );
    let summary = format!("{} events under {} checkpoints", report.events, report.checkpoints);
    if report.findings.is_empty() {
        let latest = report.latest.as_ref().map_or_else(String::new, |latest| {
            format!(", the last of {} with the root {}", latest.at, latest.root)
        });
        lines.push(
            Line::of(Tone::Good, "✔ ").text(format!("{summary} are as they were{}", safe::line(&latest))),
        );
    } else {
        lines.push(Line::of(Tone::Bad, "✘ ").text(format!("{summary}: not as they were")));
    }
    lines.push(Line::of(Tone::Faint, format!("signed by: {}", safe::line(&report.keys.join(", ")))));
    ui.note(&lines);
    if report.findings.is_empty() { exit::OK } else { exit::FAILED }
}

fn tell_receipt(ui: &Ui, receipt: &Receipt, key: Option<&PublicKey>) -> u8 {
    match receipt.verify(key) {
        Ok(()) => {
            let digest = receipt.digest.as_str().unwrap_or_default();
            let outcome = text(&receipt.outcome, "type");
            let said = format!(
                "{}: {outcome}, digest {digest}, {} votes, under checkpoint {} of {}",
                receipt.request_id,
                receipt.votes.len(),
                receipt.checkpoint.number,
                receipt.checkpoint.at
            );
            ui.note(&[
                Line::of(Tone::Good, "✔ ").text(safe::line(&said)),
                Line::of(Tone::Faint, format!("signed by: {}", receipt.public_key.id())),
            ]);
            exit::OK
        }
        Err(error) => {
            ui.note(&[Line::of(Tone::Bad, "✘ ").text(safe::line(&error.to_string()))]);
            exit::FAILED
        }
    }
}
