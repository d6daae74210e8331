//! A picture on a terminal that is redrawn in place.

use std::io::{self, Write};

use crossterm::terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate};
use crossterm::{cursor, queue};

use crate::render::ui::terminal_size;
use crate::render::{Line, Tone};

/// The lower end of the terminal, on standard error. Shows the cursor again when it is dropped.
pub(crate) struct Screen {
    colour: bool,
    /// What stands there: its text and its widths, to know how many rows it takes after a resize.
    drawn: Vec<(String, usize)>,
}

impl Screen {
    /// An empty picture.
    pub(crate) fn new(colour: bool) -> Self {
        Self { colour, drawn: Vec::new() }
    }

    /// How wide a picture may be. The last column stays free: a terminal that stands behind it
    /// would erase the character in it together with the rest of the line.
    pub(crate) fn columns() -> usize {
        terminal_size().0 - 1
    }

    /// Puts `picture` in place of the one before. Nothing is written if it is the same. Failures are
    /// passed over: a picture is no result.
    pub(crate) fn draw(&mut self, picture: Vec<Line>) {
        let (columns, rows) = terminal_size();
        let picture = fit(picture, columns - 1, rows.saturating_sub(1));
        let new: Vec<(String, usize)> =
            picture.iter().map(|line| (line.paint(self.colour), line.width())).collect();
        if new == self.drawn {
            return;
        }
        let _ = self.replace(&new, columns);
        self.drawn = new;
    }

    fn replace(&self, new: &[(String, usize)], columns: usize) -> io::Result<()> {
        let mut frame = Vec::new();
        queue!(frame, BeginSynchronizedUpdate, cursor::Hide)?;
        let up: usize = self.drawn.iter().map(|(_, width)| width.div_ceil(columns).max(1)).sum();
        if up > 0 {
            queue!(frame, cursor::MoveToPreviousLine(u16::try_from(up).unwrap_or(u16::MAX)))?;
        }
        for (text, _) in new {
            frame.extend_from_slice(text.as_bytes());
            queue!(frame, Clear(ClearType::UntilNewLine))?;
            frame.push(b'\n');
        }
        queue!(frame, Clear(ClearType::FromCursorDown), EndSynchronizedUpdate)?;
        // One write, so that no half picture is ever seen.
        let mut err = io::stderr().lock();
        err.write_all(&frame)?;
        err.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if !self.drawn.is_empty() {
            let mut show = Vec::new();
            let _ = queue!(show, cursor::Show);
            let _ = io::stderr().lock().write_all(&show);
        }
    }
}

/// What the terminal can hold: a picture higher than it could not be redrawn in place.
fn fit(picture: Vec<Line>, columns: usize, rows: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = picture.into_iter().map(|line| line.cut(columns)).collect();
    if lines.len() > rows {
        let hidden = lines.len() - rows.saturating_sub(1);
        lines.truncate(rows.saturating_sub(1));
        lines.push(Line::of(Tone::Faint, format!("  … {hidden} more lines")).cut(columns));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_never_exceeds_the_terminal() {
        let picture: Vec<Line> =
            (0..60).map(|row| Line::new().text(format!("line {row} {}", "x".repeat(200)))).collect();
        let fitted = fit(picture, 40, 23);
        assert_eq!(fitted.len(), 23);
        assert!(fitted.iter().all(|line| line.width() <= 40));
        assert_eq!(fitted.last().unwrap().paint(false), "  … 38 more lines");
    }
}
