//! Whether a command can be judged where a chat shows it.
//!
//! **P8**: nobody is offered an Approve button unless every byte of the command is visible to them,
//! unambiguously. [`display`](countersign_rules::display::display) writes out what is hidden. A chat adds
//! dangers of its own: it cuts, it wraps, it turns right-to-left text around, and its font is not ours.
//! So a command that has anything of the kind is decided on its page, which is made for that.

use std::fmt;

use countersign_rules::display::display;
use unicode_bidi::{BidiClass, HardcodedBidiData};
use unicode_general_category::{GeneralCategory, get_general_category};
use unicode_security::MixedScript as _;
use unicode_security::confusable_detection::skeleton;

/// At most that many UTF-16 units, as chats count, are judged in a chat: what Slack documents for a
/// text. It shows longer ones folded.
pub const MOST_CHARACTERS: usize = 3000;
/// At most that many lines: more push the buttons out of sight of the beginning.
pub const MOST_LINES: usize = 60;
/// That many spaces, or empty lines, in a row may hide what comes behind them.
const LONGEST_GAP: usize = 40;
const MOST_EMPTY_LINES: usize = 3;

/// Why a command is not judged in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// It is longer than a chat shows whole.
    TooLong,
    /// It has more lines than fit above the buttons.
    TooManyLines,
    /// It has a character that shows nothing, or that moves others.
    Hidden(char),
    /// It has letters that are written from right to left, which turn their neighbours around.
    RightToLeft(char),
    /// It has a mark that is drawn over its neighbour.
    Combining(char),
    /// It has a word, or a sign, that looks like another one of ASCII.
    LookAlike(char),
    /// A word of it mixes scripts, so that one letter may pass for another.
    MixedScripts,
    /// It has spaces or tabs that cannot be told apart or seen: tabs within a line, blanks at its end.
    Blanks,
    /// It has so much empty space that the rest may be out of sight.
    Gap,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let character =
            |f: &mut fmt::Formatter<'_>, what: &str, c: char| write!(f, "{what} (U+{:04X})", u32::from(c));
        match *self {
            Self::TooLong => f.write_str("it is longer than a chat shows whole"),
            Self::TooManyLines => write!(f, "it has more than {MOST_LINES} lines"),
            Self::Hidden(c) => character(f, "it has a character that cannot be seen", c),
            Self::RightToLeft(c) => character(f, "it has letters that are written from right to left", c),
            Self::Combining(c) => character(f, "it has a mark that is drawn over its neighbour", c),
            Self::LookAlike(c) => character(f, "it has a character that looks like another one", c),
            Self::MixedScripts => f.write_str("a word of it mixes letters of several scripts"),
            Self::Blanks => f.write_str("it has tabs within a line, or blanks at the end of one"),
            Self::Gap => f.write_str("it has much empty space in it"),
        }
    }
}

/// Whether every byte of `command` can be seen and told apart in a chat.
///
/// # Errors
/// The first [`Obstacle`].
pub fn legible(command: &str) -> Result<(), Obstacle> {
    if display(command).encode_utf16().count() > MOST_CHARACTERS {
        return Err(Obstacle::TooLong);
    }
    if command.split('\n').count() > MOST_LINES {
        return Err(Obstacle::TooManyLines);
    }
    command.chars().try_for_each(seen)?;
    command.split('\n').try_for_each(blanks)?;
    let mut empty = 0;
    for line in command.split('\n') {
        empty = if line.trim().is_empty() { empty + 1 } else { 0 };
        if empty > MOST_EMPTY_LINES {
            return Err(Obstacle::Gap);
        }
    }
    command.split(char::is_whitespace).try_for_each(words)?;
    // Only a `<U+…>` that stands in the command itself is still shown as anything else.
    if display(command) == command { Ok(()) } else { Err(Obstacle::LookAlike('<')) }
}

/// Words, and what stands between them, character by character.
fn words(text: &str) -> Result<(), Obstacle> {
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = match rest.find(|c: char| !c.is_alphanumeric()) {
            Some(0) => first.len_utf8(),
            Some(end) => end,
            None => rest.len(),
        };
        let (word, after) = rest.split_at(end);
        unmistakable(word)?;
        rest = after;
    }
    Ok(())
}

fn unmistakable(word: &str) -> Result<(), Obstacle> {
    let Some(other) = word.chars().find(|c| !c.is_ascii()) else {
        return Ok(());
    };
    if skeleton(word).all(|c| c.is_ascii()) {
        return Err(Obstacle::LookAlike(other));
    }
    if word.is_single_script() { Ok(()) } else { Err(Obstacle::MixedScripts) }
}

fn seen(c: char) -> Result<(), Obstacle> {
    if c.is_ascii() {
        let hidden = c.is_ascii_control() && !matches!(c, '\n' | '\t');
        return if hidden { Err(Obstacle::Hidden(c)) } else { Ok(()) };
    }
    let mut buffer = [0; 4];
    let text: &str = c.encode_utf8(&mut buffer);
    let mark = matches!(
        get_general_category(c),
        GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark | GeneralCategory::SpacingMark
    );
    if mark && display(&format!("a{c}")).ends_with(c) {
        return Err(Obstacle::Combining(c));
    }
    if display(text) != text {
        return Err(Obstacle::Hidden(c));
    }
    match unicode_bidi::BidiDataSource::bidi_class(&HardcodedBidiData, c) {
        BidiClass::R | BidiClass::AL | BidiClass::AN => Err(Obstacle::RightToLeft(c)),
        _ => Ok(()),
    }
}

fn blanks(line: &str) -> Result<(), Obstacle> {
    let inside = line.trim_start_matches('\t');
    if inside.contains('\t') || line.ends_with([' ', '\t']) {
        return Err(Obstacle::Blanks);
    }
    let runs = line.split(|c| c != ' ');
    if runs.map(str::len).max().unwrap_or(0) > LONGEST_GAP { Err(Obstacle::Gap) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_commands_are_judged_where_they_are_seen() {
        for plain in [
            "DELETE FROM sessions WHERE age > 90",
            "BEGIN;\n\tUPDATE t SET a = 'naïve café', b = '東京' WHERE id IN (1, 2);\nCOMMIT;\n",
            "SELECT * FROM таблица WHERE имя = 'Ольга'",
            "kubectl -n prod rollout restart deploy/api",
            "<!channel> *bold* `code` <https://x|y> ```",
        ] {
            assert_eq!(legible(plain), Ok(()), "{plain}");
        }
    }

    #[test]
    fn whatever_can_deceive_in_a_chat_is_judged_on_the_page() {
        let gap = format!("SELECT 1;{}DROP TABLE t", " ".repeat(200));
        let empty = format!("SELECT 1;{}DROP TABLE t", "\n".repeat(20));
        for (command, obstacle) in [
            ("SELECT '\u{202E}'", Obstacle::Hidden('\u{202E}')),
            ("SEL\u{200B}ECT", Obstacle::Hidden('\u{200B}')),
            ("SELECT 1;\r-- DROP", Obstacle::Hidden('\r')),
            ("SELECT\u{A0}1", Obstacle::Hidden('\u{A0}')),
            ("SELECT '\u{2800}'", Obstacle::Hidden('\u{2800}')),
            ("DELETE FROM t WHERE a = 'אבג' AND b = 1", Obstacle::RightToLeft('א')),
            ("SELECT 'e\u{301}'", Obstacle::Combining('\u{301}')),
            ("DELETE FROM u\u{455}ers", Obstacle::LookAlike('\u{455}')),
            ("SELECT 1\u{37E}", Obstacle::LookAlike('\u{37E}')),
            ("SELECT tabлица", Obstacle::MixedScripts),
            ("SELECT '<U+202E>'", Obstacle::LookAlike('<')),
            ("SELECT сор", Obstacle::LookAlike('с')),
            ("SELECT tйble", Obstacle::MixedScripts),
            ("SELECT 'a\tb'", Obstacle::Blanks),
            ("SELECT 'a \nb'", Obstacle::Blanks),
            (gap.as_str(), Obstacle::Gap),
            (empty.as_str(), Obstacle::Gap),
        ] {
            assert_eq!(legible(command), Err(obstacle), "{command:?}");
        }
        assert_eq!(legible(&"x".repeat(MOST_CHARACTERS)), Ok(()));
        assert_eq!(legible(&"x".repeat(MOST_CHARACTERS + 1)), Err(Obstacle::TooLong));
        assert_eq!(legible(&"😀".repeat(MOST_CHARACTERS / 2 + 1)), Err(Obstacle::TooLong));
        assert_eq!(legible(&"x\n".repeat(MOST_LINES)), Err(Obstacle::TooManyLines));
    }
}
