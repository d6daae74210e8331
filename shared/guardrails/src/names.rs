//! Lists of names, and names in messages.

use std::fmt::Write as _;

/// Whether a sorted list, one name a line, holds a name.
pub(crate) struct NameList {
    names: Vec<&'static str>,
}

impl NameList {
    pub(crate) fn new(text: &'static str) -> Self {
        let mut names: Vec<&str> =
            text.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")).collect();
        names.sort_unstable();
        Self { names }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.binary_search(&name).is_ok()
    }
}

/// A name as it stands in a message: in backticks, cut, with nothing invisible in it.
pub(crate) fn quoted(name: &str) -> String {
    const MOST: usize = 80;
    let mut text = String::from("`");
    for (count, c) in name.chars().enumerate() {
        if count == MOST {
            text.push('…');
            break;
        }
        match c {
            '`' => text.push('\''),
            '"' | '\'' => text.push(c),
            c if c.is_ascii_graphic() || c == ' ' || c.is_alphanumeric() => text.push(c),
            // `write!` to a String does not fail.
            c => _ = write!(text, "<U+{:04X}>", u32::from(c)),
        }
    }
    text.push('`');
    text
}

/// At most so many characters, the last of them a mark that something is missing; nothing invisible.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let visible = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c });
    if text.chars().count() <= most {
        visible.collect()
    } else {
        visible.take(most - 1).chain(['…']).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_name_in_a_message_shows_what_is_invisible() {
        assert_eq!(quoted("a\u{202e}b`c\n"), "`a<U+202E>b'c<U+000A>`");
        assert_eq!(quoted(&"x".repeat(100)).chars().count(), 83);
    }
}
