//! Words that no read needs: the second proof, for what the parser takes and forgets.

use sqlparser::tokenizer::{Token, TokenWithSpan};

const WORDS: [&str; 32] = [
    "ALTER",
    "ANALYSE",
    "ATTACH",
    "CALL",
    "CREATE",
    "DELETE",
    "DETACH",
    "DROP",
    "DUMPFILE",
    "EXECUTE",
    "GRANT",
    "HANDLER",
    "INSERT",
    "INSTALL",
    "INTO",
    "KILL",
    "LOAD",
    "LOCK",
    "MERGE",
    "OUTFILE",
    "PREPARE",
    "PROCEDURE",
    "PURGE",
    "RENAME",
    "REVOKE",
    "SHARE",
    "SKIP",
    "SQL_CALC_FOUND_ROWS",
    "TRUNCATE",
    "UPDATE",
    "VACUUM",
    "NOWAIT",
];

/// Functions that share a word with a statement: harmless in front of a bracket.
const FUNCTIONS: [&str; 2] = ["INSERT", "TRUNCATE"];

/// The first such word that stands unquoted in the command, or an assignment in an expression.
pub(super) fn suspicious(tokens: &[TokenWithSpan]) -> Option<String> {
    let code = tokens.iter().map(|token| &token.token);
    let mut code = code.filter(|token| !matches!(token, Token::Whitespace(_))).peekable();
    while let Some(token) = code.next() {
        match token {
            Token::Assignment => return Some("`:=`".to_owned()),
            Token::Word(word) if word.quote_style.is_none() => {
                let Some(found) = WORDS.iter().find(|known| word.value.eq_ignore_ascii_case(known)) else {
                    continue;
                };
                let call = FUNCTIONS.contains(found) && code.peek() == Some(&&Token::LParen);
                if !call {
                    return Some((*found).to_owned());
                }
            }
            _ => {}
        }
    }
    None
}
