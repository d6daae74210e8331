//! What will be sent: the command split into statements, refused where it takes the transaction
//! into its own hands.
//!
//! Splitting needs PostgreSQL's grammar (`BEGIN ATOMIC` bodies hold semicolons). Where the parser
//! is not sure, nothing is split: the whole text goes as one statement, and the server, which is
//! asked first, refuses it if it is more than one. Transaction control is told by the first words of
//! a statement alone, which is where PostgreSQL's grammar has it, so that check needs no tree.

use super::tags::Kind;
use crate::RunError;
use crate::deep;
use crate::options::cannot_be_bounded;
use countersign_guardrails::text::Position;
use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{SourceFile, SyntaxElement, SyntaxKind, SyntaxNode};

/// The statements to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plan {
    /// Runs as itself, without a transaction of ours.
    Single(Statement),
    /// Two or more, all or nothing.
    Several(Vec<Statement>),
}

/// One statement.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// Its text, as it stands in the command.
    pub(super) text: String,
    /// The line of the command on which it begins, from 1.
    pub(super) line: u32,
    pub(super) kind: Kind,
    /// False if the parser was not sure and the text is the whole command.
    pub(super) parsed: bool,
    /// True if the server's count of its rows is all that it writes, triggers and functions aside.
    pub(super) counted: bool,
}

impl Plan {
    /// The statements, one or more.
    pub(super) fn statements(&self) -> &[Statement] {
        match self {
            Self::Single(statement) => std::slice::from_ref(statement),
            Self::Several(statements) => statements,
        }
    }

    /// Refuses a statement whose rows nobody counts, before anything is sent.
    pub(super) fn check_bound(&self) -> Result<(), RunError> {
        match (1..).zip(self.statements()).find(|(_, statement)| !statement.counted) {
            None => Ok(()),
            Some((number, _)) => Err(RunError::not_started(cannot_be_bounded(number))),
        }
    }
}

impl Statement {
    /// True if it may leave effects behind although it failed, where it runs as itself: it commits in the middle, or
    /// the server does not undo all of it.
    pub(super) fn may_commit_inside(&self) -> bool {
        let has = |word: &str| self.text.to_ascii_uppercase().contains(word);
        match &self.kind {
            Kind::Word(_) => true,
            // Only code that names one of these can commit.
            Kind::Known(SyntaxKind::DO) => ["COMMIT", "CALL", "EXECUTE"].into_iter().any(has),
            Kind::Known(
                SyntaxKind::CALL
                | SyntaxKind::VACUUM
                | SyntaxKind::REINDEX
                | SyntaxKind::CLUSTER
                | SyntaxKind::CREATE_DATABASE
                | SyntaxKind::DROP_DATABASE,
            ) => true,
            Kind::Known(kind) => !is_read(*kind) && !is_write(*kind) && has("CONCURRENTLY"),
        }
    }

    /// True if its plan says something about rows, and asking for it does nothing.
    pub(super) fn is_explainable(&self) -> bool {
        match &self.kind {
            Kind::Known(kind) => self.parsed && (is_read(*kind) || is_write(*kind)),
            Kind::Word(_) => false,
        }
    }

    /// The rows that it changed, out of the number in the server's tag.
    pub(super) fn affected(&self, count: u64) -> u64 {
        match &self.kind {
            Kind::Known(kind) if is_write(*kind) => count,
            Kind::Known(_) | Kind::Word(_) => 0,
        }
    }
}

/// Commands never reach a `Debug`.
impl std::fmt::Debug for Statement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Statement")
            .field("kind", &self.kind)
            .field("bytes", &self.text.len())
            .finish_non_exhaustive()
    }
}

/// Splits and checks a command.
pub(super) async fn make(command: &str) -> Result<Plan, RunError> {
    deep::parse(command, parse).await
}

fn parse(command: &str) -> Result<Plan, RunError> {
    let parse = SourceFile::parse(command);
    let root = parse.syntax_node();
    let statements = if parse.errors().is_empty() { split(command, &root) } else { None };
    let statements = statements.unwrap_or_else(|| whole(command, &root));
    for (number, (statement, words, copy)) in (1_u32..).zip(&statements) {
        check(number, statement, words, copy)?;
    }
    let mut statements: Vec<Statement> = statements.into_iter().map(|(statement, ..)| statement).collect();
    match (statements.pop(), statements.is_empty()) {
        (None, _) => Err(RunError::not_started("the command has no statement")),
        (Some(only), true) => Ok(Plan::Single(only)),
        (Some(last), false) => {
            statements.push(last);
            Ok(Plan::Several(statements))
        }
    }
}

/// A statement, its first words in capitals, and what kind of COPY it is.
type Found = (Statement, Vec<String>, CopyEnd);

/// The statements of a tree without errors; `None` if anything stands between them.
fn split(command: &str, root: &SyntaxNode) -> Option<Vec<Found>> {
    let mut found = Vec::new();
    for child in root.children_with_tokens() {
        match child {
            SyntaxElement::Token(token) => {
                if !matches!(
                    token.kind(),
                    SyntaxKind::WHITESPACE | SyntaxKind::COMMENT | SyntaxKind::SEMICOLON
                ) {
                    return None;
                }
            }
            SyntaxElement::Node(node) => match node.kind() {
                SyntaxKind::EMPTY_STMT => {}
                SyntaxKind::ERROR => return None,
                kind => {
                    let statement = Statement {
                        text: node.to_string(),
                        line: line_of(command, first_offset(&node)),
                        kind: Kind::Known(kind),
                        parsed: true,
                        counted: counted(&node),
                    };
                    found.push((statement, first_words(&node), copy_end(&node)));
                }
            },
        }
    }
    Some(found)
}

/// The offset of the first token of a statement that is neither space nor comment.
fn first_offset(node: &SyntaxNode) -> usize {
    let first = node
        .descendants_with_tokens()
        .filter_map(SyntaxElement::into_token)
        .find(|token| !matches!(token.kind(), SyntaxKind::WHITESPACE | SyntaxKind::COMMENT));
    first.map_or_else(|| node.text_range().start(), |token| token.text_range().start()).into()
}

fn line_of(command: &str, offset: usize) -> u32 {
    u32::try_from(Position::of(command, offset).line).unwrap_or(u32::MAX)
}

/// The command as one statement that the parser did not understand.
fn whole(command: &str, root: &SyntaxNode) -> Vec<Found> {
    let words = first_words(root);
    let word = words.first().cloned().unwrap_or_default();
    let copy = if word == "COPY" { CopyEnd::Unknown } else { CopyEnd::NotCopy };
    let statement = Statement {
        text: command.to_owned(),
        line: 1,
        kind: Kind::Word(word),
        parsed: false,
        counted: false,
    };
    vec![(statement, words, copy)]
}

fn is_write(kind: SyntaxKind) -> bool {
    matches!(kind, SyntaxKind::INSERT | SyntaxKind::UPDATE | SyntaxKind::DELETE | SyntaxKind::MERGE)
}

fn is_read(kind: SyntaxKind) -> bool {
    matches!(
        kind,
        SyntaxKind::SELECT
            | SyntaxKind::VALUES
            | SyntaxKind::TABLE
            | SyntaxKind::PAREN_SELECT
            | SyntaxKind::COMPOUND_SELECT
    )
}

/// True for a read and for a write at the top; a write inside WITH is in nobody's count.
fn counted(statement: &SyntaxNode) -> bool {
    (is_read(statement.kind()) || is_write(statement.kind()))
        && !statement
            .descendants()
            .skip(1)
            .any(|node| is_write(node.kind()) || node.kind() == SyntaxKind::SELECT_INTO)
}

/// The first tokens that are neither space nor comment (nor a semicolon before the statement).
fn first_words(node: &SyntaxNode) -> Vec<String> {
    node.descendants_with_tokens()
        .filter_map(SyntaxElement::into_token)
        .filter(|token| !matches!(token.kind(), SyntaxKind::WHITESPACE | SyntaxKind::COMMENT))
        .skip_while(|token| token.kind() == SyntaxKind::SEMICOLON)
        .take(3)
        .map(|token| token.text().to_ascii_uppercase())
        .collect()
}

/// Where the data of a COPY would come from or go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CopyEnd {
    NotCopy,
    /// The server's own file or program.
    Server,
    /// Standard input or output: this client.
    Client,
    /// A COPY that was not understood.
    Unknown,
}

fn copy_end(node: &SyntaxNode) -> CopyEnd {
    let Some(copy) = ast::Copy::cast(node.clone()) else { return CopyEnd::NotCopy };
    let program = match copy.copy_direction() {
        Some(ast::CopyDirection::CopyFrom(from)) => {
            matches!(from.copy_source(), Some(ast::CopySource::CopyProgram(_)))
        }
        Some(ast::CopyDirection::CopyTo(to)) => {
            matches!(to.copy_target(), Some(ast::CopyTarget::CopyProgram(_)))
        }
        None => false,
    };
    if program { CopyEnd::Server } else { CopyEnd::Client }
}

fn check(number: u32, statement: &Statement, words: &[String], copy: &CopyEnd) -> Result<(), RunError> {
    if let Some(what) = transaction_control(words) {
        return Err(RunError::not_started(format!(
            "statement {number} is transaction control (`{what}`), which is refused: a single statement runs as itself, several run in one transaction already; leave it out"
        )));
    }
    match copy {
        CopyEnd::NotCopy | CopyEnd::Server => Ok(()),
        CopyEnd::Client => Err(RunError::not_started(format!(
            "statement {number} copies from or to the client, which is refused: use INSERT, or SELECT instead of `COPY … TO STDOUT`"
        ))),
        CopyEnd::Unknown => Err(RunError::not_started(format!(
            "statement {number} is a COPY that could not be parsed ({} bytes); check its syntax",
            statement.text.len()
        ))),
    }
}

/// The words that make a statement transaction control.
fn transaction_control(words: &[String]) -> Option<String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["BEGIN" | "START" | "COMMIT" | "END" | "ROLLBACK" | "ABORT" | "SAVEPOINT" | "RELEASE", ..] => {
            words.first().map(|word| (*word).to_owned())
        }
        ["PREPARE", "TRANSACTION", ..] => Some("PREPARE TRANSACTION".to_owned()),
        ["SET", "TRANSACTION", ..] | ["SET", "LOCAL" | "SESSION", "TRANSACTION", ..] => {
            Some("SET TRANSACTION".to_owned())
        }
        ["SET", "SESSION", "CHARACTERISTICS", ..] => Some("SET SESSION CHARACTERISTICS".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
