//! A command, whole and unambiguous: every line with its number, and what the terminal is too
//! narrow for continued behind another mark, so that no wrapped line passes for a new one.

use unicode_width::UnicodeWidthChar;

use super::line::{Line, Tone};

/// Draws a command that went through [`super::safe::text`]. `columns` as for tables.
pub(crate) fn command_lines(command: &str, columns: Option<usize>) -> Vec<Line> {
    let lines: Vec<&str> = command.split('\n').collect();
    let numbered = lines.len() > 1;
    let digits = lines.len().to_string().len();
    let gutter = if numbered { digits + 5 } else { 2 };
    let room = columns.map_or(usize::MAX, |columns| columns.saturating_sub(gutter).max(10));
    let mut out = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        for (part, text) in pieces(line, room).into_iter().enumerate() {
            let head = match (numbered, part) {
                (false, 0) => "  ".to_owned(),
                (false, _) => "┆ ".to_owned(),
                (true, 0) => format!("  {:>digits$} │ ", index + 1),
                (true, _) => format!("  {:>digits$} ┆ ", ""),
            };
            out.push(Line::of(Tone::Faint, head).text(text));
        }
    }
    out
}

/// The first lines of a command, and how many are not shown. For the requester, who knows it.
pub(crate) fn command_head(command: &str, columns: Option<usize>, rows: usize) -> Vec<Line> {
    let mut lines = command_lines(command, columns);
    if lines.len() > rows + 1 {
        let hidden = lines.len() - rows;
        lines.truncate(rows);
        lines.push(Line::of(Tone::Faint, format!("  … and {hidden} more lines")));
    }
    lines
}

/// Splits a line into pieces of at most that many columns; an empty line is one empty piece.
fn pieces(line: &str, columns: usize) -> Vec<String> {
    let mut out = Vec::new();
    let mut now = String::new();
    let mut used = 0;
    for c in line.chars() {
        let width = c.width().unwrap_or(0);
        if used + width > columns {
            out.push(std::mem::take(&mut now));
            used = 0;
        }
        now.push(c);
        used += width;
    }
    out.push(now);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn show(command: &str, columns: usize) -> String {
        command_lines(command, Some(columns)).iter().map(|line| line.paint(false) + "\n").collect()
    }

    proptest! {
        #[test]
        fn no_character_of_a_command_is_lost(lines in proptest::collection::vec("[a-z0-9 漢;]{0,90}", 1..12), columns in 20_usize..100) {
            let command = lines.join("\n");
            let gutter = if lines.len() > 1 { lines.len().to_string().len() + 5 } else { 2 };
            let shown = command_lines(&command, Some(columns));
            let body: String = shown.iter().map(|line| line.clone().text("|").paint(false).chars().skip(gutter).collect::<String>()).map(|text| text.trim_end_matches('|').to_owned()).collect();
            prop_assert_eq!(body, lines.concat());
        }
    }

    /// What a terminal shows of a command: the service's display of it, made safe once more, and drawn.
    fn drawn(command: &str) -> Vec<Line> {
        command_lines(&crate::render::safe::output(&countersign_rules::display::display(command)), None)
    }

    proptest! {
        #[test]
        fn whatever_stands_in_a_command_can_be_read_back_from_the_terminal(
            text in any::<String>(),
            spice in proptest::sample::select(vec![
                "\u{202E}", "\u{2066}", "\u{200B}", "\u{1b}[2J", "\r", "\u{430}", "\u{2800}", "<U+202E>", "\u{338}", "│ ┆", "\n\n",
            ]),
            tail in any::<String>(),
        ) {
            let command = format!("{text}{spice}{tail}");
            let lines: Vec<&str> = command.split('\n').collect();
            let gutter = if lines.len() > 1 { lines.len().to_string().len() + 5 } else { 2 };
            let shown: Vec<String> = drawn(&command)
                .into_iter()
                .map(|line| line.text("|").paint(false).chars().skip(gutter).collect::<String>())
                .map(|line| line.strip_suffix('|').unwrap().to_owned())
                .collect();
            let shown = shown.join("\n");
            prop_assert!(!shown.chars().any(|c| c != '\n' && c != '\t' && crate::render::safe::is_tricky(c)));
            prop_assert_eq!(countersign_rules::display::parse(&shown), command);
        }
    }

    #[test]
    fn a_wrapped_line_does_not_pass_for_a_new_one() {
        insta::assert_snapshot!(show("BEGIN;\nDELETE FROM customers WHERE id = 7 AND name = 'x';\n\nCOMMIT", 40), @"
        1 │ BEGIN;
        2 │ DELETE FROM customers WHERE id = 7
          ┆  AND name = 'x';
        3 │
        4 │ COMMIT
        ");
    }

    #[test]
    fn a_short_command_stands_alone() {
        insta::assert_snapshot!(show("SELECT 1", 40), @"  SELECT 1");
    }
}
