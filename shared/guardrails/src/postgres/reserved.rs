//! Reserved words in the place of names: the server refuses them without quotes.

use super::statement::spelt;
use crate::names::NameList;
use squawk_syntax::{SyntaxKind, SyntaxNode, SyntaxToken};
use std::sync::LazyLock;

/// With ` label` behind those that may be an alias without AS.
static WORDS: LazyLock<NameList> =
    LazyLock::new(|| NameList::new(include_str!("../../data/postgres-reserved.txt")));

/// Reserved words that are values and functions.
pub(super) const VALUES: [&str; 12] = [
    "CURRENT_CATALOG",
    "CURRENT_DATE",
    "CURRENT_ROLE",
    "CURRENT_SCHEMA",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "CURRENT_USER",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "SESSION_USER",
    "SYSTEM_USER",
    "USER",
];

/// For each kind of node, whether it is a name, and none of an option, which may be any word.
static NAMES: LazyLock<Vec<bool>> = LazyLock::new(|| {
    let kinds = (0..u16::from(SyntaxKind::__LAST)).map(|kind| spelt(SyntaxKind::from(kind)));
    let is_name = |kind: String| {
        let named = ["NAME", "NAME REF", "SEGMENT", "SEGMENT REF"].iter().any(|end| kind.ends_with(end));
        named && !["OPTION", "ATTRIBUTE", "COMPRESSION"].iter().any(|word| kind.contains(word))
    };
    kinds.map(is_name).collect()
});

/// The reserved word in a node that the parser took for a name where the server does not.
pub(super) fn misread(name: &SyntaxNode) -> Option<SyntaxToken> {
    if !NAMES.get(usize::from(u16::from(name.kind()))).copied().unwrap_or_default() {
        return None;
    }
    let mut parts = name
        .children_with_tokens()
        .filter(|part| part.as_token().is_none_or(|token| !token.kind().is_trivia()));
    let token = parts.next()?.into_token()?;
    let word = token.text().to_ascii_uppercase();
    let is_label = WORDS.has(&format!("{word} label"));
    if parts.next().is_some() || !(is_label || WORDS.has(&word)) || VALUES.contains(&word.as_str()) {
        return None;
    }
    // Behind AS and a dot, and as a label, any word is a name.
    let before = neighbour(&token, SyntaxToken::prev_token);
    let free = before.is_some_and(|before| before.text() == "." || before.text().eq_ignore_ascii_case("as"));
    let label = is_label && name.parent().is_some_and(|parent| parent.kind() == SyntaxKind::AS_NAME);
    // `left('ab', 1)`.
    let called = neighbour(&token, SyntaxToken::next_token).is_some_and(|next| next.text() == "(");
    (!free && !label && !called).then_some(token)
}

/// The nearest token that is neither space nor a comment.
fn neighbour(token: &SyntaxToken, step: fn(&SyntaxToken) -> Option<SyntaxToken>) -> Option<SyntaxToken> {
    std::iter::successors(step(token), step).find(|token| !token.kind().is_trivia())
}
