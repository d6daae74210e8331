//! A command, whole: its lines numbered, whatever is invisible written out, its words in colour.
//!
//! The colours are a help for reading and nothing more: they come from the text alone, by a small lexer
//! that knows words, strings, numbers and comments. What is shown is [`display`], never the raw text.

use countersign_rules::display::display;
use maud::{Markup, html};

/// The words that are marked; enough to find one's way, in SQL.
const WORDS: [&str; 64] = [
    "ADD",
    "ALL",
    "ALTER",
    "ANALYZE",
    "AND",
    "AS",
    "ASC",
    "BEGIN",
    "BETWEEN",
    "BY",
    "CASCADE",
    "CASE",
    "CAST",
    "COLUMN",
    "COMMIT",
    "CREATE",
    "DATABASE",
    "DEFAULT",
    "DELETE",
    "DESC",
    "DISTINCT",
    "DROP",
    "ELSE",
    "END",
    "EXISTS",
    "EXPLAIN",
    "FALSE",
    "FROM",
    "FULL",
    "GRANT",
    "GROUP",
    "HAVING",
    "IN",
    "INDEX",
    "INNER",
    "INSERT",
    "INTO",
    "IS",
    "JOIN",
    "LEFT",
    "LIKE",
    "LIMIT",
    "NOT",
    "NULL",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "RETURNING",
    "REVOKE",
    "SELECT",
    "SET",
    "TABLE",
    "THEN",
    "TRUNCATE",
    "UNION",
    "UPDATE",
    "USING",
    "VACUUM",
    "VALUES",
    "VIEW",
    "WHEN",
    "WHERE",
    "WITH",
];

/// How far a command is coloured. A longer one is shown whole, without.
const MOST_COLOURED: usize = 24 * 1024;

/// What a stretch of a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Word,
    Text,
    Number,
    Comment,
    Escape,
}

impl Kind {
    fn class(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Word => Some("k"),
            Self::Text => Some("s"),
            Self::Number => Some("n"),
            Self::Comment => Some("c"),
            Self::Escape => Some("esc"),
        }
    }
}

/// A command as a block of numbered lines. `sql` says whether its words are SQL's.
pub(crate) fn block(command: &str, sql: bool) -> Markup {
    let shown = display(command);
    let pieces = if sql && shown.len() <= MOST_COLOURED { pieces(&shown) } else { escapes(&shown) };
    html! {
        pre.command tabindex="0" role="group" aria-label="The whole command" {
            @for line in lines(pieces) { span.l { @for (kind, text) in line { (piece(kind, text)) } "\n" } }
        }
    }
}

/// One line of a command for a list.
pub(crate) fn one_line(shown: &str) -> String {
    let joined: Vec<&str> = shown.split_whitespace().collect();
    let joined = joined.join(" ");
    if joined.chars().count() > 160 { joined.chars().take(160).chain(['…']).collect() } else { joined }
}

fn piece(kind: Kind, text: &str) -> Markup {
    html! { @if let Some(class) = kind.class() { span.(class) { (text) } } @else { (text) } }
}

/// The stretches of each line.
fn lines(pieces: Vec<(Kind, &str)>) -> Vec<Vec<(Kind, &str)>> {
    let mut lines = vec![Vec::new()];
    for (kind, text) in pieces {
        for (number, part) in text.split('\n').enumerate() {
            if number > 0 {
                lines.push(Vec::new());
            }
            if let (Some(line), false) = (lines.last_mut(), part.is_empty()) {
                line.push((kind, part));
            }
        }
    }
    lines
}

/// Only what was written out is marked.
fn escapes(shown: &str) -> Vec<(Kind, &str)> {
    let mut found = Vec::new();
    push_with_escapes(&mut found, Kind::Plain, shown);
    found
}

fn push_with_escapes<'a>(found: &mut Vec<(Kind, &'a str)>, kind: Kind, text: &'a str) {
    let mut rest = text;
    while let Some((before, from)) = rest.find("<U+").and_then(|at| rest.split_at_checked(at)) {
        let end = from.find('>').map_or(from.len(), |end| end + 1);
        let Some((escape, after)) = from.split_at_checked(end) else { break };
        if !before.is_empty() {
            found.push((kind, before));
        }
        found.push((Kind::Escape, escape));
        rest = after;
    }
    if !rest.is_empty() {
        found.push((kind, rest));
    }
}

fn pieces(shown: &str) -> Vec<(Kind, &str)> {
    let mut found = Vec::new();
    let mut rest = shown;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = next(rest, first);
        let Some((text, after)) = rest.split_at_checked(length.max(first.len_utf8())) else {
            found.push((Kind::Plain, rest));
            break;
        };
        push_with_escapes(&mut found, kind, text);
        rest = after;
    }
    found
}

/// What begins here, and how many bytes it has.
fn next(rest: &str, first: char) -> (Kind, usize) {
    let until = |end: &str, from: usize| {
        rest.get(from..).and_then(|text| text.find(end)).map_or(rest.len(), |at| from + at + end.len())
    };
    let while_ = |is: fn(char) -> bool| rest.find(|c| !is(c)).unwrap_or(rest.len());
    match first {
        // Before anything takes its parts for words and numbers.
        '<' if rest.starts_with("<U+") => (Kind::Escape, until(">", 0)),
        '\'' | '"' | '`' => (Kind::Text, until(first.encode_utf8(&mut [0; 4]), 1)),
        '-' if rest.starts_with("--") => (Kind::Comment, rest.find('\n').unwrap_or(rest.len())),
        '/' if rest.starts_with("/*") => (Kind::Comment, until("*/", 2)),
        c if c.is_alphabetic() || c == '_' => {
            let length = while_(|c| c.is_alphanumeric() || c == '_');
            let word = rest.get(..length).unwrap_or_default().to_ascii_uppercase();
            (if WORDS.contains(&word.as_str()) { Kind::Word } else { Kind::Plain }, length)
        }
        c if c.is_ascii_digit() => (Kind::Number, while_(|c| c.is_ascii_alphanumeric() || c == '.')),
        _ => (Kind::Plain, first.len_utf8()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(command: &str) -> String {
        let html = block(command, true).into_string();
        let mut text = String::new();
        let mut inside = false;
        for character in html.chars() {
            match character {
                '<' => inside = true,
                '>' => inside = false,
                other if !inside => text.push(other),
                _ => {}
            }
        }
        text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
    }

    #[test]
    fn nothing_of_a_command_is_lost_whatever_is_in_it() {
        for command in [
            "SELECT 'it''s', \"a\" -- note\nFROM t /* b */ WHERE x < 1.5e3;",
            "un'terminated",
            "/* open",
            "-- end",
            "\u{202e}'\u{200b}x'",
            "<U+202E>",
            "<script>alert(1)</script>&amp;",
            "日本 'é",
            "",
            "\n\n",
        ] {
            assert_eq!(text_of(command), format!("{}\n", display(command)), "{command:?}");
        }
    }

    #[test]
    fn what_is_invisible_is_marked() {
        let html = block("DROP\u{202e} t", true).into_string();
        assert!(html.contains(r#"<span class="esc">&lt;U+202E&gt;</span>"#), "{html}");
        assert!(html.contains(r#"<span class="k">DROP</span>"#), "{html}");
    }
}
