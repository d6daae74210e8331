//! Text that cannot play tricks on a terminal.

use std::fmt::Write;

/// Makes control, formatting and direction characters visible: `\x1b`, `\t`, `\u{202e}`.
///
/// Line ends become `\n` too; split first where lines are to stay. A backslash is left alone: this
/// is for the eye, the JSON and CSV views are exact.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        // Writing to a String cannot fail.
        let _ = match c {
            '\n' => shown.write_str("\\n"),
            '\r' => shown.write_str("\\r"),
            '\t' => shown.write_str("\\t"),
            c if c.is_ascii_control() => write!(shown, "\\x{:02x}", u32::from(c)),
            c if hidden(c) => write!(shown, "\\u{{{:x}}}", u32::from(c)),
            c => shown.write_char(c),
        };
    }
    shown
}

/// Characters that have no shape of their own or that move others.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_moves_or_hides_is_shown() {
        assert_eq!(visible("a\u{1b}[31mb\u{7f}\u{9b}2J\r\n\t"), "a\\x1b[31mb\\x7f\\u{9b}2J\\r\\n\\t");
        assert_eq!(visible("ab\u{202e}cd\u{200b}"), "ab\\u{202e}cd\\u{200b}");
        assert_eq!(visible("Zoë 東京 é"), "Zoë 東京 é");
    }

    proptest! {
        #[test]
        fn no_control_character_is_left(text in any::<String>()) {
            prop_assert!(!visible(&text).chars().any(|c| c.is_control() || hidden(c)));
        }
    }
}
