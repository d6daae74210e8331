//! `guardrails test`: what the rules of a connection make of each statement of a file.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::input::read_command;
use crate::client::{Again, Call, Client};
use crate::error::{CliError, exit};
use crate::help::examples;
use crate::render::card::count;
use crate::render::columns::text;
use crate::render::{Column, Line, Tone, Ui, safe};

/// Subcommands of `guardrails`.
#[derive(Subcommand)]
pub(crate) enum GuardrailsCommand {
    /// Test guardrails against a file of statements, without submitting any
    #[command(after_help = TEST_NOTES)]
    Test(TestArgs),
}

/// Below the help of `guardrails test`.
const TEST_NOTES: &str = concat!(
    examples![
        "countersign guardrails test prod-db -f corpus.sql",
        "countersign guardrails test prod-db -f corpus.sql --rules guardrails.json",
        "countersign guardrails test ops -f commands.txt -o json",
    ],
    "

SQL is cut into statements as when it runs. For runners and HTTP connections each line is a command. A comment before a \
statement states what it should do: `-- expect: blocked`, `-- expect: blocked by no-drop`, `-- expect: passes`, \
`-- expect: needs_approval` or `-- expect: auto_approved`; for runners and HTTP `# expect: …`.

Exit codes:
  0   every statement does what is expected of it; without a comment, it is not blocked
  1   a statement does not do what its comment states
  2   usage error
  12  a statement without a comment is blocked
  20  not allowed
  21  service unreachable or unavailable"
);

/// Arguments of `guardrails test`.
#[derive(Args)]
pub(crate) struct TestArgs {
    /// Name of the connection
    connection: String,
    /// File of statements; `-` reads standard input
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Test these rules in place of those of the connection: a file with a JSON list
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
}

const COLUMNS: &[Column] = &[
    Column::shown("line", "LINE"),
    Column::data("column"),
    Column::shown("outcome", "OUTCOME").drawn(outcome),
    Column::cut("rule", "RULE"),
    Column::cut("statement", "STATEMENT"),
    Column::shown("expected", "EXPECTED").spared(1),
    Column::data("as_expected"),
    Column::data("message"),
    Column::data("errors"),
];

/// Runs a command on guardrails. Gives the exit code.
///
/// # Errors
/// [`CliError`] if the file could not be tested.
pub(crate) async fn guardrails(client: &Client, ui: &Ui, command: GuardrailsCommand) -> Result<u8, CliError> {
    let GuardrailsCommand::Test(args) = command;
    let mut body = Map::new();
    body.insert("statements".to_owned(), read_command(None, Some(&args.file))?.into());
    if let Some(path) = &args.rules {
        body.insert("guardrails".to_owned(), read_rules(path)?);
    }
    let path = ["connections", args.connection.as_str(), "guardrails", "test"];
    let tested = client.json(&Call::act(&path, Some(Value::Object(body)), Again::Always)).await?;
    let items = tested.get("items").and_then(Value::as_array).cloned();
    let items = items.ok_or_else(|| client.odd("no list of statements"))?;
    ui.list(COLUMNS, &items)?;
    let summary = Summary::of(&items);
    ui.note(&summary.lines(ui.err_columns()));
    Ok(summary.exit_code())
}

fn read_rules(path: &std::path::Path) -> Result<Value, CliError> {
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| CliError::Usage(format!("cannot read `{name}`: {error}")))?;
    let rules: Value = serde_json::from_str(&text)
        .map_err(|error| CliError::Usage(format!("`{name}` is no JSON: {error}")))?;
    if rules.is_array() {
        return Ok(rules);
    }
    Err(CliError::Usage(format!(
        "`{name}` is no list: expected a JSON list of guardrails, such as [\"no-drop\"]"
    )))
}

fn outcome(item: &Value) -> Line {
    let word = safe::line(text(item, "outcome"));
    let as_expected = item.get("as_expected").and_then(Value::as_bool);
    let (tone, mark) = match (as_expected, word.as_str()) {
        (Some(false), _) => (Tone::Bad, "✘ "),
        (Some(true), _) => (Tone::Good, "✔ "),
        (None, "blocked") => (Tone::Bad, "  "),
        (None, _) => (Tone::Plain, "  "),
    };
    Line::of(tone, format!("{mark}{word}"))
}

/// How a file did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Summary {
    statements: u64,
    blocked: u64,
    /// Blocked without a comment that expects it.
    blocked_unannounced: u64,
    /// Not what their comment states.
    unexpected: u64,
}

impl Summary {
    fn of(items: &[Value]) -> Self {
        let number =
            |is: &dyn Fn(&&Value) -> bool| u64::try_from(items.iter().filter(is).count()).unwrap_or(u64::MAX);
        let blocked = |item: &&Value| text(item, "outcome") == "blocked";
        let expected = |item: &Value| item.get("as_expected").and_then(Value::as_bool);
        Self {
            statements: number(&|_| true),
            blocked: number(&blocked),
            blocked_unannounced: number(&|item| blocked(item) && expected(item).is_none()),
            unexpected: number(&|item| expected(item) == Some(false)),
        }
    }

    fn lines(self, columns: usize) -> Vec<Line> {
        let counts = format!("{}, {} blocked", count(self.statements, "statement"), self.blocked);
        let line = match self.unexpected {
            0 if self.blocked_unannounced == 0 => Line::of(Tone::Good, "✔ ").text(counts),
            0 => Line::of(Tone::Bad, "✘ ").text(counts),
            unexpected => Line::of(Tone::Bad, "✘ ").text(format!("{counts}, {unexpected} not as expected")),
        };
        line.wrap(columns, 2)
    }

    fn exit_code(self) -> u8 {
        match (self.unexpected, self.blocked_unannounced) {
            (0, 0) => exit::OK,
            (0, _) => exit::BLOCKED,
            (_, _) => exit::FAILED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_exit_code_tells_surprises_from_blocked_statements() {
        let item = |outcome: &str, as_expected: Option<bool>| json!({ "outcome": outcome, "as_expected": as_expected });
        let code = |items: &[Value]| Summary::of(items).exit_code();
        assert_eq!(code(&[item("needs_approval", None), item("blocked", Some(true))]), 0);
        assert_eq!(code(&[item("blocked", None), item("blocked", Some(true))]), 12);
        assert_eq!(code(&[item("blocked", None), item("needs_approval", Some(false))]), 1);
    }
}
