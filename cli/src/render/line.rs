//! A line of text in parts of different tone, which can be cut, wrapped and painted.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What a part of a line means; the colour follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Plain text.
    Plain,
    /// What the eye should find first.
    Strong,
    /// What matters less.
    Faint,
    /// It went well.
    Good,
    /// It did not.
    Bad,
    /// It needs attention.
    Warn,
    /// The code of a request.
    Code,
}

impl Tone {
    fn ansi(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "\x1b[1m",
            Self::Faint => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Bad => "\x1b[31m",
            Self::Warn => "\x1b[33m",
            Self::Code => "\x1b[1;36m",
        }
    }
}

/// One line. Its text holds no newline and nothing that a terminal obeys; whoever pushes text from
/// the service passes it through [`super::safe`] first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Line {
    parts: Vec<(Tone, String)>,
}

impl Line {
    /// An empty line.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A line of one tone.
    pub(crate) fn of(tone: Tone, text: impl Into<String>) -> Self {
        Self::new().add(tone, text)
    }

    /// Adds a part.
    pub(crate) fn add(mut self, tone: Tone, text: impl Into<String>) -> Self {
        self.parts.push((tone, text.into()));
        self
    }

    /// Adds plain text.
    pub(crate) fn text(self, text: impl Into<String>) -> Self {
        self.add(Tone::Plain, text)
    }

    /// Adds the parts of another line.
    pub(crate) fn join(mut self, other: Self) -> Self {
        self.parts.extend(other.parts);
        self
    }

    /// How many columns it takes.
    pub(crate) fn width(&self) -> usize {
        self.parts.iter().map(|(_, text)| text.width()).sum()
    }

    /// Cut to that many columns, with `…` in place of what is lost.
    pub(crate) fn cut(self, columns: usize) -> Self {
        if self.width() <= columns {
            return self;
        }
        let mut left = columns.saturating_sub(1);
        let mut out = Self::new();
        for (tone, text) in self.parts {
            let head = head(&text, left);
            let whole = head.len() == text.len();
            left = left.saturating_sub(head.width());
            out.parts.push((tone, head));
            if !whole {
                break;
            }
        }
        out.parts.push((Tone::Faint, "…".to_owned()));
        out
    }

    /// Wrapped at spaces to that many columns; lines after the first begin with `indent` spaces. A
    /// word that is too long by itself is split.
    pub(crate) fn wrap(self, columns: usize, indent: usize) -> Vec<Self> {
        if self.width() <= columns {
            return vec![self];
        }
        let indent = indent.min(columns / 2);
        let mut done: Vec<Self> = Vec::new();
        let mut now = Self::new();
        let mut used = 0;
        // Whether the line holds more than its indentation.
        let mut has_text = false;
        for (tone, text) in self.parts {
            for word in text.split_inclusive(' ') {
                let mut rest = word;
                // Spaces where a line is broken are lost, as on paper.
                if rest.trim().is_empty() && (used >= columns || (!has_text && !done.is_empty())) {
                    continue;
                }
                while used + rest.trim_end().width() > columns {
                    let fits_alone = indent + rest.trim_end().width() <= columns;
                    let piece =
                        if fits_alone { String::new() } else { head(rest, columns.saturating_sub(used)) };
                    if piece.is_empty() && !has_text {
                        break;
                    }
                    rest = rest.strip_prefix(piece.as_str()).unwrap_or_default();
                    done.push(std::mem::take(&mut now).add(tone, piece));
                    now = Self::of(Tone::Plain, " ".repeat(indent));
                    used = indent;
                    has_text = false;
                }
                used += rest.width();
                has_text |= !rest.is_empty();
                now.parts.push((tone, rest.to_owned()));
            }
        }
        done.push(now);
        done
    }

    /// The text with or without the escape sequences of its tones, and without spaces at its end.
    pub(crate) fn paint(&self, colour: bool) -> String {
        let mut out = String::new();
        for (tone, text) in &self.parts {
            let ansi = tone.ansi();
            if colour && !ansi.is_empty() && !text.trim().is_empty() {
                out.push_str(ansi);
                out.push_str(text);
                out.push_str("\x1b[0m");
            } else {
                out.push_str(text);
            }
        }
        out.truncate(out.trim_end().len());
        out
    }
}

/// As much of the beginning as fits.
fn head(text: &str, columns: usize) -> String {
    let mut used = 0;
    text.chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= columns
        })
        .collect()
}

/// Facts as lines of a faint label and a value, the values aligned at column `indent`.
pub(crate) fn labelled(
    facts: impl IntoIterator<Item = (&'static str, Line)>,
    indent: usize,
    columns: Option<usize>,
) -> Vec<Line> {
    facts
        .into_iter()
        .flat_map(|(label, value)| {
            let line = Line::of(Tone::Faint, format!("{label:<indent$}")).join(value);
            line.wrap(columns.unwrap_or(usize::MAX), indent)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cut_or_wrapped_line_fits(text in "[ a-zäß漢字]{0,120}", columns in 4_usize..90, indent in 0_usize..30) {
            let line = Line::of(Tone::Plain, text.clone());
            prop_assert!(line.clone().cut(columns).width() <= columns);
            let wrapped = line.wrap(columns, indent);
            for part in &wrapped {
                prop_assert!(part.paint(false).width() <= columns, "{part:?}");
            }
            let letters = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            let all: String = wrapped.iter().map(|part| part.paint(false)).collect();
            prop_assert_eq!(letters(&all), letters(&text));
        }
    }

    #[test]
    fn colour_is_only_there_when_asked_for() {
        let line = Line::of(Tone::Good, "yes").text(" or ").add(Tone::Bad, "no");
        assert_eq!(line.paint(false), "yes or no");
        assert_eq!(line.paint(true), "\x1b[32myes\x1b[0m or \x1b[31mno\x1b[0m");
    }
}
