//! Tokens by their place in a statement, for readers without a grammar.

use super::lexer::{Token, TokenKind};

/// The first word of a statement, behind the brackets that it begins with. A sign without text if there is none.
pub(crate) fn verb<'a>(tokens: &[Token<'a>]) -> Token<'a> {
    const NONE: Token<'static> = Token { kind: TokenKind::Sign, text: "", start: 0 };
    tokens.iter().find(|token| !token.is_sign('(')).copied().unwrap_or(NONE)
}

/// The token some places before another one.
pub(crate) fn before<'t, 'a>(tokens: &'t [Token<'a>], at: usize, distance: usize) -> Option<&'t Token<'a>> {
    tokens.get(at.checked_sub(distance)?)
}
