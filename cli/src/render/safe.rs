//! Text from elsewhere, made safe for a terminal: nothing in it can move the cursor, hide, or
//! reverse what stands beside it.

use std::fmt::Write;

/// Whether a character does something instead of showing something.
pub(crate) fn is_tricky(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_tricky(c) && !keep(c) {
            // Writing to a string cannot fail.
            let _ = write!(out, "<U+{:04X}>", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// One line: every tricky character, newlines too, as `<U+XXXX>`.
pub(crate) fn line(text: &str) -> String {
    escape(text, |_| false)
}

/// Several lines: as [`line`], but newlines stay.
pub(crate) fn text(text: &str) -> String {
    escape(text, |c| c == '\n')
}

/// Output of a command on a terminal: newlines and tabs stay.
pub(crate) fn output(text: &str) -> String {
    escape(text, |c| matches!(c, '\n' | '\t'))
}

/// JSON text with its tricky characters as `\uXXXX`: still the same JSON. They can only stand inside
/// strings there, save the newlines of a pretty print.
pub(crate) fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_tricky(c) && c != '\n' {
            let mut units = [0_u16; 2];
            for unit in c.encode_utf16(&mut units) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_tricky_is_left(input in any::<String>()) {
            prop_assert!(!line(&input).chars().any(is_tricky));
            prop_assert!(!text(&input).chars().any(|c| c != '\n' && is_tricky(c)));
        }

        #[test]
        fn escaped_json_is_the_same_json(input in any::<String>()) {
            let value = serde_json::Value::String(input);
            let escaped = json(&value.to_string());
            prop_assert!(!escaped.chars().any(is_tricky));
            let back: serde_json::Value = serde_json::from_str(&escaped).unwrap();
            prop_assert_eq!(back, value);
        }
    }

    #[test]
    fn escape_sequences_and_bidi_marks_become_visible() {
        assert_eq!(line("a\u{1b}[2Jb\u{202e}c\nd\u{9b}e"), "a<U+001B>[2Jb<U+202E>c<U+000A>d<U+009B>e");
        assert_eq!(text("a\r\nb\tc"), "a<U+000D>\nb<U+0009>c");
    }
}
