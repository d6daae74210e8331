//! Tables that fit the terminal: columns that may shrink do, those that can be spared go, and where
//! even that is too wide each row becomes a block of its own.

use super::line::{Line, Tone};

/// A column's head.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    /// Its title.
    pub(crate) title: &'static str,
    /// Whether its cells may be cut to fit.
    pub(crate) shrinks: bool,
    /// Left out where there is no room, the greatest first; 0 is never.
    pub(crate) dispensable: u8,
}

/// A column that shrinks keeps at least that many columns of the terminal.
const LEAST: usize = 12;
const GAP: usize = 2;

/// Lays the rows out. `columns` is the terminal's width, `None` where the reader is no terminal:
/// then nothing is cut.
pub(crate) fn table(heads: &[Head], rows: &[Vec<Line>], columns: Option<usize>) -> Vec<Line> {
    let (mut shown, mut cells) = (heads.to_vec(), rows.to_vec());
    loop {
        let mut widths = natural_widths(&shown, &cells);
        let Some(columns) = columns.filter(|columns| !shrink(&shown, &mut widths, *columns)) else {
            let title: Vec<Line> = shown.iter().map(|head| Line::of(Tone::Faint, head.title)).collect();
            return std::iter::once(&title).chain(&cells).map(|cells| row(cells, &widths)).collect();
        };
        let spare = shown.iter().enumerate().max_by_key(|(_, head)| head.dispensable);
        let Some((index, _)) = spare.filter(|(_, head)| head.dispensable > 0) else {
            return blocks(heads, rows, columns);
        };
        cells = cells.iter().map(|row| without(row, index)).collect();
        shown = without(&shown, index);
    }
}

fn natural_widths(heads: &[Head], rows: &[Vec<Line>]) -> Vec<usize> {
    let width = |(index, head): (usize, &Head)| {
        let cells = rows.iter().filter_map(|row| row.get(index)).map(Line::width);
        cells.chain([head.title.chars().count()]).max().unwrap_or(0)
    };
    heads.iter().enumerate().map(width).collect()
}

/// All but one.
fn without<T: Clone>(items: &[T], index: usize) -> Vec<T> {
    items.iter().enumerate().filter(|(at, _)| *at != index).map(|(_, item)| item.clone()).collect()
}

/// Takes from the widest shrinking column until the row fits; false if it cannot.
fn shrink(heads: &[Head], widths: &mut [usize], columns: usize) -> bool {
    loop {
        let total: usize = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        let Some(excess) = total.checked_sub(columns).filter(|excess| *excess > 0) else { return true };
        let shrinking =
            heads.iter().zip(widths.iter_mut()).filter(|(head, width)| head.shrinks && **width > LEAST);
        let Some((_, width)) = shrinking.max_by_key(|(_, width)| **width) else { return false };
        // One at a time keeps the columns balanced; a table is small.
        *width -= if excess > 200 { (*width - LEAST).min(excess / 4).max(1) } else { 1 };
    }
}

fn row(cells: &[Line], widths: &[usize]) -> Line {
    let mut out = Line::new();
    for (cell, width) in cells.iter().zip(widths) {
        let cell = cell.clone().cut(*width);
        let pad = width.saturating_sub(cell.width()) + GAP;
        out = out.join(cell).text(" ".repeat(pad));
    }
    out
}

fn blocks(heads: &[Head], rows: &[Vec<Line>], columns: usize) -> Vec<Line> {
    let widest = heads.iter().map(|head| head.title.chars().count()).max().unwrap_or(0);
    let mut out = Vec::new();
    for cells in rows {
        if !out.is_empty() {
            out.push(Line::new());
        }
        for (head, cell) in heads.iter().zip(cells).filter(|(_, cell)| cell.width() > 0) {
            let label = Line::of(Tone::Faint, format!("{:widest$}  ", head.title));
            out.extend(label.join(cell.clone()).wrap(columns, widest + GAP));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(columns: Option<usize>) -> String {
        let heads = [("CODE", false), ("STATUS", false), ("CONNECTION", true), ("COMMAND", true)]
            .map(|(title, shrinks)| Head { title, shrinks, dispensable: u8::from(title == "CONNECTION") });
        let rows: Vec<Vec<Line>> = [
            [
                "7F3K-Q2ZD",
                "PENDING",
                "prod-db",
                "DELETE FROM sessions WHERE age > 90 AND user_id IS NOT NULL",
            ],
            ["AAAA-BBBB", "SUCCEEDED", "a-connection-with-a-long-name", "SELECT 1"],
        ]
        .map(|row| row.map(|cell| Line::of(Tone::Plain, cell)).to_vec())
        .to_vec();
        let lines = table(&heads, &rows, columns);
        if let Some(columns) = columns {
            assert!(lines.iter().all(|line| line.paint(false).chars().count() <= columns));
        }
        lines.iter().map(|line| line.paint(false) + "\n").collect()
    }

    #[test]
    fn a_wide_table_shows_everything() {
        insta::assert_snapshot!(sample(None), @"
        CODE       STATUS     CONNECTION                     COMMAND
        7F3K-Q2ZD  PENDING    prod-db                        DELETE FROM sessions WHERE age > 90 AND user_id IS NOT NULL
        AAAA-BBBB  SUCCEEDED  a-connection-with-a-long-name  SELECT 1
        ");
    }

    #[test]
    fn at_80_columns_the_long_cells_are_cut() {
        insta::assert_snapshot!(sample(Some(80)), @"
        CODE       STATUS     CONNECTION                    COMMAND
        7F3K-Q2ZD  PENDING    prod-db                       DELETE FROM sessions WHERE …
        AAAA-BBBB  SUCCEEDED  a-connection-with-a-long-na…  SELECT 1
        ");
    }

    #[test]
    fn at_44_columns_what_can_be_spared_is_left_out() {
        insta::assert_snapshot!(sample(Some(44)), @"
        CODE       STATUS     COMMAND
        7F3K-Q2ZD  PENDING    DELETE FROM sessions …
        AAAA-BBBB  SUCCEEDED  SELECT 1
        ");
    }

    #[test]
    fn at_30_columns_each_row_is_a_block() {
        insta::assert_snapshot!(sample(Some(30)), @"
        CODE        7F3K-Q2ZD
        STATUS      PENDING
        CONNECTION  prod-db
        COMMAND     DELETE FROM
                    sessions WHERE age
                    > 90 AND user_id
                    IS NOT NULL

        CODE        AAAA-BBBB
        STATUS      SUCCEEDED
        CONNECTION  a-connection-with-
                    a-long-name
        COMMAND     SELECT 1
        ");
    }
}
