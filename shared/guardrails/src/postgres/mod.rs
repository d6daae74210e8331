//! PostgreSQL: `squawk-syntax`'s lossless tree, walked node by node.
//!
//! **Invariant**: whatever the walk does not know makes a statement "not a read"; whatever the parser
//! does not know makes the command "not understood".

mod builtin;
mod changes;
mod condition;
mod count;
mod known;
mod names;
mod output;
mod reads;
mod scope;
mod settings;
mod statement;
mod walk;

use crate::analysis::{Analysis, NotUnderstood, Statement};
use crate::lexed::{Class, Lexed};
use crate::{Dialect, bounds};
use countersign_catalogue::Catalogue;
use known::Known;
use squawk_lexer::{LiteralKind, TokenKind, tokenize};
use squawk_syntax::{SourceFile, SyntaxElement, SyntaxKind};

pub(crate) use count::query as count_query;
pub(crate) use statement::verbs;

/// Analyses a command, with what a catalogue proves of names that are not the server's own.
pub(crate) fn analyse(command: &str, catalogue: Option<&Catalogue>) -> Analysis {
    if let Err(why) = bounds::length(command).and_then(|()| bounds::depth(&lex(command))) {
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
    let mut statements = Vec::new();
    for child in root.children_with_tokens() {
        match child {
            SyntaxElement::Token(token)
                if token.kind().is_trivia() || token.kind() == SyntaxKind::SEMICOLON => {}
            SyntaxElement::Token(token) => {
                let at = usize::from(token.text_range().start());
                return Err(NotUnderstood::at(command, at, "there is something between its statements"));
            }
            SyntaxElement::Node(node) if node.kind() == SyntaxKind::EMPTY_STMT => {}
            SyntaxElement::Node(node) => {
                let at = usize::from(node.text_range().start());
                let statement =
                    walk::statement(&node, known).map_err(|why| NotUnderstood::at(command, at, why))?;
                statements.push(statement);
            }
        }
    }
    if statements.is_empty() { Err("it has no statement".into()) } else { Ok(statements) }
}

/// The tokens that the parser will see.
pub(crate) fn lex(command: &str) -> Lexed {
    let mut rest = command.strip_prefix('\u{feff}').unwrap_or(command);
    let mut tokens = Vec::new();
    for token in tokenize(rest) {
        let Some((text, after)) = usize::try_from(token.len).ok().and_then(|len| rest.split_at_checked(len))
        else {
            break;
        };
        rest = after;
        let class = match token.kind {
            TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment { .. } => Class::Nothing,
            TokenKind::Literal { kind: LiteralKind::Int { .. } | LiteralKind::Numeric { .. } } => Class::Code,
            TokenKind::Literal { .. } => Class::Text,
            _ => Class::of_sign(text),
        };
        tokens.push((class, text));
    }
    // What the lexer did not take, if it ever stops early.
    tokens.push((Class::Code, rest));
    Lexed::new(tokens)
}
