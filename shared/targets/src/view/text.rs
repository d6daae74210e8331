//! The text view: aligned tables for people.

use super::page::{Cut, Fate, Set};
use super::{Page, visible};
use crate::Column;
use unicode_width::UnicodeWidthStr;

/// NULL in a table. A cell that holds this very character is shown as its escape.
const NULL: &str = "∅";
/// Cells that are wider are printed whole, but the rest of the column is not padded to them.
const MAX_PADDING: usize = 80;
/// No page may grow to more than this by padding alone, in bytes; beyond, nothing is aligned.
const MAX_PADDING_BYTES: usize = 16 * 1024 * 1024;

/// Tables as a terminal client prints them.
///
/// ```text
///  id │ name
/// ────┼──────
///   7 │ Ada
///   8 │ ∅
/// (2 rows)
/// ```
///
/// NULL is `∅`; numbers stand right; a line end inside a cell is `↵` and the cell goes on below;
/// control and direction characters are shown as escapes ([`visible`]). A statement without rows
/// is its tag (`DELETE 1`), or `rolled back: DELETE`. A cut is said in a line of its own. Notices are not part of it
/// ([`super::notices()`]).
#[must_use]
pub fn text(page: &Page) -> String {
    let mut out = String::new();
    for (index, set) in page.sets().iter().enumerate() {
        if index > 0 && set.columns.is_some() {
            out.push('\n');
        }
        if let Some(columns) = set.columns {
            table(&mut out, columns, &set.rows);
        }
        footer(&mut out, set, page.fate);
    }
    out
}

fn footer(out: &mut String, set: &Set<'_>, fate: Fate) {
    if let Some(cut) = set.cut {
        out.push_str(&cut_line(cut));
    }
    let Some((tag, rows)) = set.done else { return };
    let tag = visible(tag);
    let undone = match fate {
        Fate::Stays => None,
        Fate::RolledBack => Some("rolled back"),
        Fate::Unknown => Some("outcome unknown"),
    };
    if let Some(undone) = undone {
        out.push_str(&format!("{undone}: {}\n", verb(&tag)));
        return;
    }
    match (set.columns.is_some(), rows) {
        (true, Some(rows)) => {
            out.push_str(&format!("({})\n", counted(rows)));
            // Rows of a write: what was written is worth its own line, as in `DELETE 1`.
            if ["INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"].iter().any(|word| tag.starts_with(word)) {
                out.push_str(&format!("{tag}\n"));
            }
        }
        (true, None) | (false, _) => out.push_str(&format!("{tag}\n")),
    }
}

/// A tag without its numbers: `INSERT` of `INSERT 0 1`.
fn verb(tag: &str) -> &str {
    tag.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ')
}

fn cut_line(cut: Cut) -> String {
    let missing = cut.missing_rows.map_or("more rows".to_owned(), counted_more);
    format!("… cut here: {} shown, {missing} not kept\n", counted(cut.kept_rows))
}

fn counted(rows: u64) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}

fn counted_more(rows: u64) -> String {
    if rows == 1 { "1 more row".to_owned() } else { format!("{rows} more rows") }
}

/// A cell as it is printed: its lines.
fn lines(cell: Option<&str>) -> Vec<String> {
    match cell {
        None => vec![NULL.to_owned()],
        Some(NULL) => vec!["\\u{2205}".to_owned()],
        Some(text) => {
            let mut parts: Vec<String> =
                text.split('\n').map(|part| visible(part.strip_suffix('\r').unwrap_or(part))).collect();
            let last = parts.len().saturating_sub(1);
            for (index, part) in parts.iter_mut().enumerate() {
                if index < last {
                    part.push('↵');
                }
            }
            parts
        }
    }
}

fn table(out: &mut String, columns: &[Column], rows: &[&[Option<String>]]) {
    if columns.is_empty() {
        return;
    }
    let names: Vec<String> = columns.iter().map(|column| visible(&column.name)).collect();
    let widths = widths(&names, rows);
    let right: Vec<bool> = (0..columns.len()).map(|index| numeric(columns.get(index), rows, index)).collect();

    let header: Vec<Vec<String>> = names.into_iter().map(|name| vec![name]).collect();
    print_row(out, &header, &widths, &[]);
    let rule: Vec<String> = widths.iter().map(|width| "─".repeat(width + 2)).collect();
    out.push_str(&rule.join("┼"));
    out.push('\n');
    for row in rows {
        let cells: Vec<Vec<String>> = row.iter().map(|cell| lines(cell.as_deref())).collect();
        print_row(out, &cells, &widths, &right);
    }
}

/// The width of each column, in terminal cells.
fn widths(names: &[String], rows: &[&[Option<String>]]) -> Vec<usize> {
    let mut widths: Vec<usize> = names.iter().map(|name| name.width().min(MAX_PADDING)).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row.iter()) {
            let widest =
                lines(cell.as_deref()).iter().map(|line| line.width()).filter(|w| *w <= MAX_PADDING).max();
            *width = (*width).max(widest.unwrap_or(0));
        }
    }
    let padded: usize = widths.iter().sum::<usize>().saturating_mul(rows.len());
    if padded > MAX_PADDING_BYTES { vec![0; widths.len()] } else { widths }
}

/// Whether a column holds numbers, which stand right.
#[must_use]
pub fn numeric(column: Option<&Column>, rows: &[&[Option<String>]], index: usize) -> bool {
    let type_name = column.map(|column| column.type_name.to_ascii_lowercase()).unwrap_or_default();
    match type_name.split('(').next().unwrap_or_default().trim() {
        "int2" | "int4" | "int8" | "float4" | "float8" | "numeric" | "decimal" | "oid" | "money"
        | "integer" | "int" | "bigint" | "smallint" | "real" | "double" | "double precision" => true,
        // No type is known (an expression in SQLite): the values decide.
        "" => {
            let mut cells = rows.iter().filter_map(|row| row.get(index)?.as_deref()).peekable();
            cells.peek().is_some() && cells.all(|text| text.parse::<f64>().is_ok_and(f64::is_finite))
        }
        _ => false,
    }
}

fn print_row(out: &mut String, cells: &[Vec<String>], widths: &[usize], right: &[bool]) {
    let height = cells.iter().map(Vec::len).max().unwrap_or(1);
    for level in 0..height {
        let mut line = String::new();
        for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
            line.push_str(if index == 0 { " " } else { "│ " });
            let text = cell.get(level).map_or("", String::as_str);
            let padding = " ".repeat(width.saturating_sub(text.width()));
            let (before, after) =
                if right.get(index) == Some(&true) { (padding.as_str(), "") } else { ("", padding.as_str()) };
            line.extend([before, text, after, " "]);
        }
        out.push_str(line.trim_end_matches(' '));
        out.push('\n');
    }
}
