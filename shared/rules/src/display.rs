//! How a command is shown to people: every character that is invisible or can be mistaken is
//! written out as `<U+202E>`, and the whole can be turned back without loss.

use std::fmt::Write as _;

use unicode_general_category::{GeneralCategory, get_general_category};

/// Shows `text` so that what is seen is what is there.
///
/// Written out are: control characters other than line feed and tab, format characters (zero width,
/// bidirectional marks), line and paragraph separators, every space but U+0020, private, unassigned
/// and default-ignorable characters, symbols that have no ink, marks that have nothing to stand on
/// (they would be drawn over what we wrote), and the `<` of anything that looks like such an escape.
/// [`parse`] is the inverse: `parse(&display(text)) == text` for every text.
#[must_use]
pub fn display(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.chars();
    let mut carries_marks = false;
    while let Some(character) = rest.next() {
        let mark = is_mark(character);
        let escape = is_hidden(character)
            || (mark && !carries_marks)
            || (character == '<' && rest.as_str().starts_with("U+"));
        if escape {
            // Writing to a String cannot fail.
            let _ = write!(shown, "<U+{:04X}>", u32::from(character));
        } else {
            shown.push(character);
        }
        carries_marks = !escape && (mark || character.is_alphanumeric());
    }
    shown
}

/// Turns what [`display`] made back into the text.
#[must_use]
pub fn parse(shown: &str) -> String {
    let mut text = String::with_capacity(shown.len());
    let mut rest = shown;
    while let Some(at) = rest.find("<U+") {
        let (before, escape) = rest.split_at(at);
        text.push_str(before);
        let (character, after) = unescape(escape).unwrap_or(('<', escape.trim_start_matches_once('<')));
        text.push(character);
        rest = after;
    }
    text.push_str(rest);
    text
}

fn unescape(escape: &str) -> Option<(char, &str)> {
    let (digits, after) = escape.strip_prefix("<U+")?.split_once('>')?;
    let character = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
    Some((character, after))
}

trait TrimOnce {
    fn trim_start_matches_once(&self, character: char) -> &str;
}

impl TrimOnce for str {
    fn trim_start_matches_once(&self, character: char) -> &str {
        self.strip_prefix(character).unwrap_or(self)
    }
}

fn is_hidden(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control() && !matches!(character, '\n' | '\t');
    }
    let hidden = matches!(
        get_general_category(character),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::SpaceSeparator
            | GeneralCategory::PrivateUse
            | GeneralCategory::Surrogate
            | GeneralCategory::Unassigned
    );
    hidden || is_default_ignorable(character)
}

/// Unicode's Default_Ignorable_Code_Point, less what the general categories above cover already, and
/// what has no ink for other reasons: a blank Braille pattern, a null notehead, Khitan's filler.
fn is_default_ignorable(character: char) -> bool {
    matches!(
        u32::from(character),
        0x034F | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x3164 | 0xFE00..=0xFE0F | 0xFFA0 | 0xE0100..=0xE01EF
            | 0x2800 | 0x1D159 | 0x16FE4
    )
}

/// What is drawn onto the character before it.
fn is_mark(character: char) -> bool {
    !character.is_ascii()
        && matches!(
            get_general_category(character),
            GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark | GeneralCategory::EnclosingMark
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_hidden_is_written_out() {
        assert_eq!(display("a\u{202E}b"), "a<U+202E>b");
        assert_eq!(display("SELECT 1;\r\n\tDROP"), "SELECT 1;<U+000D>\n\tDROP");
        assert_eq!(display("x\u{200B}y\u{00A0}z\u{FE0F}"), "x<U+200B>y<U+00A0>z<U+FE0F>");
        assert_eq!(display("<U+202E>"), "<U+003C>U+202E>");
        assert_eq!(display("naïve café 東京 a < b"), "naïve café 東京 a < b");
    }

    #[test]
    fn what_has_no_ink_is_written_out_even_if_unicode_calls_it_a_symbol() {
        assert_eq!(display("a\u{2800}b\u{1D159}c\u{16FE4}"), "a<U+2800>b<U+1D159>c<U+16FE4>");
        // Tags, soft hyphens, fillers, isolates, Arabic letter mark, byte order mark.
        for hidden in
            ['\u{E0041}', '\u{AD}', '\u{3164}', '\u{2066}', '\u{2069}', '\u{61C}', '\u{FEFF}', '\u{180E}']
        {
            assert_eq!(display(&hidden.to_string()), format!("<U+{:04X}>", u32::from(hidden)));
        }
    }

    #[test]
    fn a_mark_is_drawn_over_letters_of_the_command_and_over_nothing_of_ours() {
        assert_eq!(display("e\u{301}\u{302}"), "e\u{301}\u{302}");
        assert_eq!(display("\u{338}x"), "<U+0338>x");
        assert_eq!(display("= \u{338}"), "= <U+0338>");
        assert_eq!(display("\u{200B}\u{338}"), "<U+200B><U+0338>");
        assert_eq!(display("a\n\u{301}"), "a\n<U+0301>");
    }

    proptest! {
        #[test]
        fn display_can_be_turned_back(text in "(?s).*", spice in proptest::collection::vec(
            prop_oneof![Just("<U+"), Just(">"), Just("003C"), Just("\u{202E}"), Just("<"), Just("\u{0}")], 0..8)) {
            let text = format!("{text}{}{text}", spice.concat());
            let shown = display(&text);
            prop_assert!(!shown.chars().any(is_hidden));
            prop_assert_eq!(parse(&shown), text);
        }
    }
}
