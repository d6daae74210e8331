//! A file of statements for testing guardrails: its statements and what they are expected to do.
//!
//! SQL is cut by the splitter that the executor uses. For runners and HTTP connections each line is one command. A
//! comment in front of a statement (`-- expect: blocked by no-drop`, for runners and HTTP `# expect: …`) says what
//! should become of it.

use countersign_guardrails::Dialect;
use countersign_guardrails::text::{Position, split};
use countersign_rules::display::display;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most bytes of a file.
pub const MAX_CORPUS_BYTES: usize = 512 * 1024;
/// The most statements of a file.
pub const MAX_STATEMENTS: usize = 1000;
/// How many characters of a statement are shown.
const SHOWN_CHARACTERS: usize = 80;

/// What becomes of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// A guardrail blocks it.
    Blocked,
    /// It is approved without the vote of another person.
    AutoApproved,
    /// Reviewers have to approve.
    NeedsApproval,
}

/// Where something is wrong in a command, and what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceError {
    /// The line, from 1; null if the place is not known.
    #[schema(required = true, minimum = 1)]
    pub line: Option<usize>,
    /// The column in characters, from 1; null if the place is not known.
    #[schema(required = true, minimum = 1)]
    pub column: Option<usize>,
    /// What was found and what was expected. It quotes nothing of the command.
    pub message: String,
}

impl SourceError {
    /// At a position, if that is known.
    #[must_use]
    pub fn new(position: Option<Position>, message: impl Into<String>) -> Self {
        Self {
            line: position.map(|position| position.line),
            column: position.map(|position| position.column),
            message: message.into(),
        }
    }
}

/// What a comment says should become of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// How it ends; `None` is anything but blocked.
    pub outcome: Option<CheckOutcome>,
    /// By which rule.
    pub rule: Option<String>,
}

impl Expectation {
    /// Whether an outcome, and the rule that caused it, is what was expected.
    #[must_use]
    pub fn is_met(&self, outcome: CheckOutcome, rule: Option<&str>) -> bool {
        let outcome_fits = match self.outcome {
            Some(expected) => expected == outcome,
            None => outcome != CheckOutcome::Blocked,
        };
        outcome_fits && self.rule.as_deref().is_none_or(|expected| Some(expected) == rule)
    }

    /// As it stands in the comment.
    #[must_use]
    pub fn in_words(&self) -> String {
        let outcome = match self.outcome {
            None => "passes",
            Some(CheckOutcome::Blocked) => "blocked",
            Some(CheckOutcome::AutoApproved) => "auto_approved",
            Some(CheckOutcome::NeedsApproval) => "needs_approval",
        };
        match &self.rule {
            Some(rule) => format!("{outcome} by {rule}"),
            None => outcome.to_owned(),
        }
    }

    /// Reads what stands behind `expect:`.
    fn parse(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "expected `blocked`, `auto_approved` or `needs_approval` behind `expect:`, with ` by RULE` if a rule is meant, or `passes`";
        let (outcome, rule) = match text.trim().split_once(" by ") {
            Some((outcome, rule)) => (outcome.trim(), Some(rule.trim().to_owned())),
            None => (text.trim(), None),
        };
        let outcome = match outcome.to_lowercase().as_str() {
            "passes" if rule.is_none() => None,
            "blocked" => Some(CheckOutcome::Blocked),
            "auto_approved" => Some(CheckOutcome::AutoApproved),
            "needs_approval" if rule.is_none() => Some(CheckOutcome::NeedsApproval),
            _ => return Err(EXPECTED),
        };
        if rule.as_deref().is_some_and(str::is_empty) {
            return Err(EXPECTED);
        }
        Ok(Self { outcome, rule })
    }
}

/// A statement of a file.
#[derive(Clone, PartialEq, Eq)]
pub struct CorpusStatement<'a> {
    /// Its text, without the comments in front of it.
    pub text: &'a str,
    /// Where it begins.
    pub position: Position,
    /// What should become of it, if a comment says so.
    pub expectation: Option<Expectation>,
}

impl CorpusStatement<'_> {
    /// The beginning of its first line, with invisible characters written out.
    #[must_use]
    pub fn start(&self) -> String {
        let line = self.text.lines().next().unwrap_or_default();
        let mut characters = line.chars();
        let head: String = characters.by_ref().take(SHOWN_CHARACTERS).collect();
        let more = characters.next().is_some() || self.text.lines().nth(1).is_some();
        display(&head) + if more { " …" } else { "" }
    }
}

/// The statements of a file.
///
/// # Errors
/// Where the file cannot be cut into statements, or has too many, or a comment expects something unknown.
pub fn statements(dialect: Dialect, file: &str) -> Result<Vec<CorpusStatement<'_>>, SourceError> {
    let found = match dialect {
        Dialect::Postgres | Dialect::Mysql | Dialect::Sqlite => of_sql(dialect, file)?,
        Dialect::Shell | Dialect::Http => of_lines(file)?,
    };
    if found.len() > MAX_STATEMENTS {
        let position = found.get(MAX_STATEMENTS).map(|statement| statement.position);
        let message =
            format!("the file has {} statements, at most {MAX_STATEMENTS} are possible", found.len());
        return Err(SourceError::new(position, message));
    }
    Ok(found)
}

fn of_sql(dialect: Dialect, file: &str) -> Result<Vec<CorpusStatement<'_>>, SourceError> {
    let at = |offset| Some(Position::of(file, offset));
    let pieces =
        split(file, dialect).map_err(|error| SourceError::new(at(error.offset), format!("it {error}")))?;
    let mut found = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let end = piece.start + piece.text.len();
        let start = piece.tokens.first().map_or(piece.start, |token| token.start);
        let comments = file.get(piece.start..start).unwrap_or_default();
        let expectation = expected(comments, "--").map_err(|why| SourceError::new(at(piece.start), why))?;
        let text = file.get(start..end).unwrap_or_default();
        found.push(CorpusStatement { text, position: Position::of(file, start), expectation });
    }
    Ok(found)
}

fn of_lines(file: &str) -> Result<Vec<CorpusStatement<'_>>, SourceError> {
    let mut found = Vec::new();
    let mut expectation = None;
    for (number, line) in (1..).zip(file.lines()) {
        let text = line.trim();
        let column = line.chars().take_while(|character| character.is_whitespace()).count() + 1;
        let position = Position { line: number, column };
        if text.starts_with('#') {
            let read = expected(text, "#").map_err(|why| SourceError::new(Some(position), why))?;
            expectation = read.or(expectation);
        } else if !text.is_empty() {
            found.push(CorpusStatement { text, position, expectation: expectation.take() });
        }
    }
    Ok(found)
}

/// The last `expect:` of comments that begin with `mark`.
fn expected(comments: &str, mark: &str) -> Result<Option<Expectation>, &'static str> {
    let lines = comments.lines().filter_map(|line| line.trim().strip_prefix(mark));
    let mut wishes = lines.filter_map(|line| line.trim().strip_prefix("expect:"));
    wishes.next_back().map(Expectation::parse).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_cut_as_the_executor_cuts_them() {
        let file = "-- a file\nSELECT 1;\n-- expect: blocked by no-drop\nDROP TABLE a; INSERT INTO b VALUES ('x;\n-- expect: passes')";
        let found = statements(Dialect::Postgres, file).unwrap();
        let texts: Vec<&str> = found.iter().map(|statement| statement.text).collect();
        assert_eq!(texts, ["SELECT 1", "DROP TABLE a", "INSERT INTO b VALUES ('x;\n-- expect: passes')"]);
        let places: Vec<(usize, usize)> =
            found.iter().map(|statement| (statement.position.line, statement.position.column)).collect();
        assert_eq!(places, [(2, 1), (4, 1), (4, 15)]);
        let blocked = Expectation { outcome: Some(CheckOutcome::Blocked), rule: Some("no-drop".to_owned()) };
        let wishes: Vec<Option<&Expectation>> =
            found.iter().map(|statement| statement.expectation.as_ref()).collect();
        assert_eq!(wishes, [None, Some(&blocked), None], "a string is no comment");
        assert_eq!(found[2].start(), "INSERT INTO b VALUES ('x; …");
    }

    #[test]
    fn a_command_of_a_runner_is_a_line() {
        let file = "#!/bin/sh\n\n  ls -l\n# expect: blocked\n# a comment\nrm -rf / # expect: passes\n";
        let found = statements(Dialect::Shell, file).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].text, found[0].position), ("ls -l", Position { line: 3, column: 3 }));
        assert_eq!(found[0].expectation, None);
        assert_eq!(found[1].expectation.as_ref().unwrap().in_words(), "blocked");
    }

    #[test]
    fn an_expectation_that_is_misspelt_is_an_error_with_its_place() {
        for wrong in ["block", "blocked by ", "passes by no-drop", "needs_approval by x", ""] {
            let file = format!("SELECT 1;\n-- expect: {wrong}\nSELECT 2");
            let error = statements(Dialect::Sqlite, &file).err().unwrap();
            assert_eq!(error.line, Some(2), "{wrong}");
            assert!(error.message.contains("`needs_approval`"), "{}", error.message);
        }
        let unclosed = statements(Dialect::Mysql, "SELECT 1;\nSELECT 'a").err().unwrap();
        assert_eq!((unclosed.line, unclosed.column), (Some(2), Some(8)));
        let many = "SELECT 1;".repeat(MAX_STATEMENTS + 1);
        assert!(statements(Dialect::Sqlite, &many).err().unwrap().message.contains("1001 statements"));
    }

    #[test]
    fn an_expectation_is_met_by_its_outcome_and_its_rule() {
        let read = |text| Expectation::parse(text).unwrap();
        let met = |text, outcome, rule| read(text).is_met(outcome, rule);
        assert!(met("blocked", CheckOutcome::Blocked, Some("no-drop")));
        assert!(met("blocked by no-drop", CheckOutcome::Blocked, Some("no-drop")));
        assert!(!met("blocked by no-drop", CheckOutcome::Blocked, Some("payments")));
        assert!(!met("blocked", CheckOutcome::NeedsApproval, None));
        assert!(met("passes", CheckOutcome::AutoApproved, Some("reads")));
        assert!(met("passes", CheckOutcome::NeedsApproval, None));
        assert!(!met("passes", CheckOutcome::Blocked, Some("no-drop")));
        assert!(met("AUTO_APPROVED by reads", CheckOutcome::AutoApproved, Some("reads")));
    }
}
