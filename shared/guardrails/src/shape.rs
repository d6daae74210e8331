//! The shape of a command: what is left when literals and lists are taken out. For statistics, so that
//! nothing of a value is ever in them.

use sqlparser::tokenizer::{Token, Whitespace};
use squawk_lexer::{TokenKind, tokenize};

use crate::{Dialect, analyse, sql};

/// At most that many characters; what is longer is cut.
const MOST_CHARACTERS: usize = 300;
/// In the place of a literal.
const LITERAL: &str = "?";
/// In the place of a list of literals.
const LIST: &str = "?, ...";

/// The shape of a command: SQL with its literals replaced and its lists made short, the programs of a
/// shell, method and path of a request. `None` if even its tokens cannot be told apart.
#[must_use]
pub fn shape(dialect: Dialect, command: &str) -> Option<String> {
    let whole = match dialect {
        Dialect::Postgres => joined(&short(postgres(command)?)),
        Dialect::Mysql | Dialect::Sqlite => joined(&short(other_sql(dialect, command)?)),
        Dialect::Shell => programs(command)?,
        Dialect::Http => request(command)?,
    };
    let mut characters = whole.chars();
    let kept: String = characters.by_ref().take(MOST_CHARACTERS).collect();
    Some(if characters.next().is_some() { kept + "..." } else { kept })
}

fn postgres(command: &str) -> Option<Vec<String>> {
    let mut rest = command.strip_prefix('\u{feff}').unwrap_or(command);
    let mut words = Vec::new();
    for token in tokenize(rest) {
        let (text, after) = rest.split_at_checked(usize::try_from(token.len).ok()?)?;
        rest = after;
        match token.kind {
            TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment { .. } => {}
            TokenKind::Literal { .. } => words.push(LITERAL.to_owned()),
            TokenKind::Ident => words.push(text.to_lowercase()),
            TokenKind::QuotedIdent { .. } => words.push(text.to_owned()),
            _ if is_sign(text) => words.push(text.to_owned()),
            // Whatever it is, it may hold a value.
            _ => words.push(LITERAL.to_owned()),
        }
    }
    rest.is_empty().then_some(words)
}

fn other_sql(dialect: Dialect, command: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    for token in sql::tokens_of(command, dialect)? {
        match &token {
            Token::Whitespace(
                Whitespace::Space
                | Whitespace::Newline
                | Whitespace::Tab
                | Whitespace::SingleLineComment { .. }
                | Whitespace::MultiLineComment(_),
            )
            | Token::EOF => {}
            Token::Word(word) if word.quote_style.is_none() => words.push(word.value.to_lowercase()),
            Token::Word(_) => words.push(token.to_string()),
            _ => {
                let text = token.to_string();
                words.push(if is_sign(&text) { text } else { LITERAL.to_owned() });
            }
        }
    }
    Some(words)
}

/// An operator or a bracket: nothing in which a value could stand.
fn is_sign(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 4
        && text.bytes().all(|byte| byte.is_ascii_punctuation() && !b"'\"`".contains(&byte))
}

/// Lists of literals, and lists of such lists, count as one.
fn short(words: Vec<String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::with_capacity(words.len());
    for word in words {
        out.push(word);
        loop {
            let count = out.len();
            let tail = |length: usize| out.get(count.wrapping_sub(length)..).unwrap_or_default();
            let is = |word: &String, wanted: &[&str]| wanted.contains(&word.as_str());
            let (keep, with) = match (tail(2), tail(3), tail(7)) {
                // A sign in front of a number belongs to it, where a value may begin.
                ([sign, value], [before, ..], _)
                    if is(sign, &["-", "+"])
                        && is(value, &[LITERAL])
                        && is(
                            before,
                            &["(", ",", "=", "<", ">", "in", "values", "then", "else", "and", "between"],
                        ) =>
                {
                    (count - 2, vec![LITERAL])
                }
                (_, [first, comma, value], _)
                    if is(first, &[LITERAL, LIST]) && comma == "," && is(value, &[LITERAL]) =>
                {
                    (count - 3, vec![LIST])
                }
                (_, _, [open, first, close, comma, again, second, end])
                    if open == "("
                        && is(first, &[LITERAL, LIST])
                        && close == ")"
                        && comma == ","
                        && again == "("
                        && second == first
                        && end == ")" =>
                {
                    (count - 4, Vec::new())
                }
                _ => break,
            };
            out.truncate(keep);
            out.extend(with.into_iter().map(str::to_owned));
        }
    }
    while out.last().is_some_and(|word| word == ";") {
        out.pop();
    }
    out
}

fn joined(words: &[String]) -> String {
    let mut text = String::new();
    for word in words {
        let tight =
            matches!(word.as_str(), "," | ")" | ";" | ".") || text.ends_with(['(', '.']) || text.is_empty();
        if !tight {
            text.push(' ');
        }
        text.push_str(word);
    }
    text
}

/// The programs, in their order. Arguments may hold anything, so they are left out.
fn programs(command: &str) -> Option<String> {
    let analysis = analyse(Dialect::Shell, command);
    if !analysis.understood {
        return None;
    }
    let verbs: Vec<&str> = analysis.statements.iter().map(|statement| statement.verb.as_str()).collect();
    Some(verbs.join("; "))
}

/// Method and path; a part of the path that has a digit in it, or is long, is a value.
fn request(command: &str) -> Option<String> {
    let first = command.lines().next()?;
    let (method, path) = first.trim_end().split_once(' ')?;
    if !method.bytes().all(|byte| byte.is_ascii_uppercase()) || !path.starts_with('/') {
        return None;
    }
    let path = path.split(['?', '#']).next()?;
    let part = |part: &str| {
        let is_name =
            part.len() <= 40 && part.bytes().all(|byte| byte.is_ascii_alphabetic() || b"-_.".contains(&byte));
        let is_version = part.len() <= 3 && part.starts_with('v');
        if is_name || is_version { part.to_owned() } else { "{}".to_owned() }
    };
    let parts: Vec<String> = path.split('/').map(part).collect();
    Some(format!("{method} {}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(dialect: Dialect, command: &str) -> String {
        shape(dialect, command).unwrap_or_else(|| "none".to_owned())
    }

    #[test]
    fn literals_and_lists_are_taken_out() {
        for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
            for (command, expected) in [
                ("DELETE FROM sessions WHERE age > 90", "delete from sessions where age > ?"),
                ("delete  from Sessions -- why\n where age > 7.5 ;", "delete from sessions where age > ?"),
                (
                    "SELECT id, name FROM c WHERE id IN (1, 2, 3)",
                    "select id, name from c where id in (?, ...)",
                ),
                ("SELECT * FROM c WHERE id IN (1,2)", "select * from c where id in (?, ...)"),
                ("SELECT * FROM c WHERE id = -5", "select * from c where id = ?"),
                ("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')", "insert into t values (?, ...)"),
                ("UPDATE t SET a = 'it''s' WHERE s.b = 'x'", "update t set a = ? where s.b = ?"),
                ("SELECT 1; SELECT 2", "select ?; select ?"),
            ] {
                assert_eq!(of(dialect, command), expected, "{dialect:?}: {command}");
            }
        }
        assert_eq!(of(Dialect::Postgres, "SELECT $$secret$$, E'x\\'y', \"Name\""), "select ?, ..., \"Name\"");
        assert_eq!(of(Dialect::Mysql, "SELECT \"secret\", 0x41, `Name`"), "select ?, ..., `Name`");
    }

    #[test]
    fn of_a_shell_the_programs_and_of_a_request_the_path_are_left() {
        assert_eq!(of(Dialect::Shell, "kubectl delete pod web-1 | grep secret"), "kubectl; grep");
        assert_eq!(of(Dialect::Http, "POST /v1/users/42/keys?token=secret\n\n{}"), "POST /v1/users/{}/keys");
        assert_eq!(of(Dialect::Http, "nonsense"), "none");
    }

    #[test]
    fn a_long_shape_is_cut() {
        let columns: Vec<String> = (0..500).map(|number| format!("c{number}")).collect();
        let shape = of(Dialect::Postgres, &format!("SELECT {} FROM t", columns.join(", ")));
        assert_eq!(shape.chars().count(), MOST_CHARACTERS + 3);
    }

    proptest! {
        #[test]
        fn no_value_of_a_literal_is_in_a_shape(value in "[a-z]{4,12}", number in 1_000_000_u64..) {
            let secret = format!("zq{value}");
            let command = format!("UPDATE t SET a = '{secret}', b = {number} WHERE c IN ('{secret}', {number})");
            for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
                let shape = shape(dialect, &command).unwrap();
                prop_assert!(!shape.contains(&secret) && !shape.contains(&number.to_string()), "{shape}");
            }
        }

        #[test]
        fn nothing_breaks_it(command in ".{0,200}") {
            for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite, Dialect::Shell, Dialect::Http] {
                let _ = shape(dialect, &command);
            }
        }
    }
}
