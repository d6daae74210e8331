//! PostgreSQL: `squawk-syntax`'s lossless tree, walked node by node, and a second reading of the tokens without it
//! ([`agree`], [`reserved`]). Both must agree.
//!
//! **Invariant**: whatever the walk does not know makes a statement "not a read"; whatever the parser
//! does not know makes the command "not understood".

mod agree;
mod builtin;
mod changes;
mod condition;
mod count;
mod known;
mod names;
mod output;
mod reads;
mod reserved;
mod scope;
mod settings;
mod statement;
mod walk;

use crate::analysis::{Analysis, NotUnderstood, Statement};
use crate::condition::Effort;
use crate::lexed::{self, Class, Depth};
use crate::text::{self, Piece};
use crate::{Dialect, bounds};
use countersign_catalogue::Catalogue;
use known::Known;
use squawk_lexer::{LiteralKind, TokenKind, tokenize};
use squawk_syntax::{SourceFile, SyntaxElement, SyntaxKind, SyntaxNode};

pub(crate) use count::query as count_query;
pub(crate) use statement::verbs;

/// Analyses a command, with what a catalogue proves of names that are not the server's own.
pub(crate) fn analyse(command: &str, catalogue: Option<&Catalogue>) -> Analysis {
    if let Err(why) = bounds::length(command).and_then(|()| bounds::depth(&depth(command))) {
        return Analysis::not_understood(Dialect::Postgres, why);
    }
    match bounds::contained(|| statements(command, catalogue)) {
        Some(Ok(statements)) => Analysis::understood(Dialect::Postgres, statements),
        Some(Err(why)) => Analysis::not_understood(Dialect::Postgres, why),
        None => Analysis::not_understood(Dialect::Postgres, "the parser failed on it"),
    }
}

fn statements(command: &str, catalogue: Option<&Catalogue>) -> Result<Vec<Statement>, NotUnderstood> {
    statements_with(command, &Known::new(catalogue))
}

fn statements_with(command: &str, known: &Known<'_>) -> Result<Vec<Statement>, NotUnderstood> {
    let pieces = text::split(command, Dialect::Postgres)
        .map_err(|error| NotUnderstood::at(command, error.offset, format!("it {}", error.what)))?;
    bounds::size(&pieces)?;
    let parse = SourceFile::parse(command);
    let root = parse.syntax_node();
    if let Some(error) = parse.errors().into_iter().min_by_key(|error| error.range().start()) {
        // Those of the grammar name kinds of tokens; others may quote the command.
        let expected = Some(error.message())
            .filter(|message| message.starts_with("expected ") && !message.contains(['`', '"', '\'']));
        let expected = expected.map(|message| format!(" ({message})")).unwrap_or_default();
        let why = format!("it has a syntax error, or is not PostgreSQL's SQL{expected}");
        return Err(NotUnderstood::at(command, usize::from(error.range().start()), why));
    }
    let mut nodes = Vec::new();
    for child in root.children_with_tokens() {
        match child {
            SyntaxElement::Token(token)
                if token.kind().is_trivia() || token.kind() == SyntaxKind::SEMICOLON => {}
            SyntaxElement::Token(token) => {
                let at = usize::from(token.text_range().start());
                return Err(NotUnderstood::at(command, at, "there is something between its statements"));
            }
            SyntaxElement::Node(node) if node.kind() == SyntaxKind::EMPTY_STMT => {}
            SyntaxElement::Node(node) => nodes.push(node),
        }
    }
    if nodes.is_empty() {
        return Err("it has no statement".into());
    }
    if nodes.len() != pieces.len() {
        return Err("its statements can be told apart in two ways".into());
    }
    let effort = Effort::default();
    nodes.iter().zip(&pieces).map(|(node, piece)| read_twice(node, piece, command, known, &effort)).collect()
}

/// One statement, read by the parser and by its tokens.
fn read_twice(
    node: &SyntaxNode,
    piece: &Piece<'_>,
    command: &str,
    known: &Known<'_>,
    effort: &Effort,
) -> Result<Statement, NotUnderstood> {
    let range = node.text_range();
    let inside = usize::from(range.start())..usize::from(range.end());
    if piece.tokens.iter().any(|token| !inside.contains(&token.start)) {
        return Err(NotUnderstood::at(command, piece.start, "its statements can be told apart in two ways"));
    }
    let walked =
        walk::statement(node, known, effort).map_err(|why| NotUnderstood::at(command, inside.start, why))?;
    if let Some(offset) = walked.reserved {
        return Err(NotUnderstood::at(
            command,
            offset,
            "it has a reserved word here where a name is expected",
        ));
    }
    agree::check(&piece.tokens, &walked.names)
        .map_err(|disagreement| NotUnderstood::at(command, disagreement.offset, disagreement.what))?;
    Ok(walked.found)
}

fn depth(command: &str) -> Depth {
    Depth::of(classes(command).map(|(class, _)| class))
}

/// A command without comments and strings, as rules read it.
pub(crate) fn code(command: &str) -> String {
    lexed::code(classes(command))
}

/// The tokens that the parser will see.
fn classes(command: &str) -> impl Iterator<Item = (Class, &str)> {
    let mut rest = command.strip_prefix('\u{feff}').unwrap_or(command);
    let mut tokens = tokenize(rest);
    std::iter::from_fn(move || {
        let next = tokens.next().and_then(|token| {
            let (text, after) = rest.split_at_checked(usize::try_from(token.len).ok()?)?;
            rest = after;
            Some((class(token.kind, text), text))
        });
        // What the lexer did not take, if it ever stops early.
        next.or_else(|| (!rest.is_empty()).then(|| (Class::Code, std::mem::take(&mut rest))))
    })
}

fn class(kind: TokenKind, text: &str) -> Class {
    match kind {
        TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment { .. } => Class::Nothing,
        TokenKind::Literal { kind: LiteralKind::Int { .. } | LiteralKind::Numeric { .. } } => Class::Code,
        TokenKind::Literal { .. } => Class::Text,
        _ => Class::of_sign(text),
    }
}
