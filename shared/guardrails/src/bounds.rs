//! Bounds on time and stack: an analysis ends, whatever the command is.

use crate::lexed::Depth;
use crate::text::{Piece, Token, TokenKind};
use std::panic::AssertUnwindSafe;

/// A command is at most 100 KiB (413 above); what is longer is not looked at.
pub(crate) const MAX_BYTES: usize = 100 * 1024;

/// Parsers recurse once or more a bracket, and PostgreSQL's takes a time that grows with the square
/// of the nesting.
pub(crate) const MAX_NESTING: usize = 100;

/// Parsers make a chain of operators into a tree as deep as it is long, and take a time that grows
/// with its square.
pub(crate) const MAX_CHAIN: usize = 3000;

/// What all runs and brackets of a command may cost together ([`Depth::cost`]): one run of [`MAX_CHAIN`], or a hundred of
/// three hundred tokens. Within the bounds above, a command that is full of the worst takes a second.
pub(crate) const MAX_COST: usize = 10_000_000;

/// What all tokens of a command may weigh together ([`size`]). A script of 100 KiB with usual names and values weighs less;
/// one that consists of the shortest tokens weighs up to three times as much.
pub(crate) const MAX_WEIGHT: usize = 130_000;

/// `sqlparser` tries some brackets in two ways, in each other.
pub(crate) const MAX_SQL_NESTING: usize = 40;

/// Its own bound on recursion, above what the nesting allows.
pub(crate) const SQL_RECURSION: usize = 500;

/// For the parsers and their trees. Pages that are not touched cost nothing.
const STACK_BYTES: usize = 256 * 1024 * 1024;

/// Refuses what would take a lexer too long.
pub(crate) fn length(command: &str) -> Result<(), String> {
    if command.len() > MAX_BYTES { Err(format!("it is longer than {MAX_BYTES} bytes")) } else { Ok(()) }
}

/// Refuses what would take a parser too long or too deep.
pub(crate) fn depth(depth: &Depth) -> Result<(), String> {
    if depth.nesting > MAX_NESTING {
        return Err(format!("it nests brackets deeper than {MAX_NESTING} levels"));
    }
    if depth.chain > MAX_CHAIN {
        return Err(format!("it has more than {MAX_CHAIN} words and signs without a comma between them"));
    }
    if depth.cost > MAX_COST {
        return Err("it has too many long or deep expressions to be analysed in time: split it".to_owned());
    }
    Ok(())
}

/// Refuses a command with more tokens than a parser reads in time: its cost grows with their number rather than with the
/// bytes. Weights are about the time that a token of its kind takes.
pub(crate) fn size(pieces: &[Piece<'_>]) -> Result<(), String> {
    const STATEMENT: usize = 8;
    let weight = |token: &Token<'_>| match token.kind {
        TokenKind::Word | TokenKind::Name => 3,
        TokenKind::Text | TokenKind::Number => 2,
        TokenKind::Sign if token.is_sign('(') => 3,
        TokenKind::Sign => 2,
    };
    let all = pieces.iter().map(|piece| STATEMENT + piece.tokens.iter().map(weight).sum::<usize>());
    if all.sum::<usize>() > MAX_WEIGHT {
        return Err("it has too many words and signs to be analysed in time: split it".to_owned());
    }
    Ok(())
}

/// Runs a parser on a stack of its own; `None` if it panicked (a bug of the parser: then nothing is
/// known about the command, which is an answer too).
pub(crate) fn contained<T>(work: impl FnOnce() -> T) -> Option<T> {
    stacker::grow(STACK_BYTES, || std::panic::catch_unwind(AssertUnwindSafe(work)).ok())
}
