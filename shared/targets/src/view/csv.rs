//! The CSV view.

use super::{Page, PageStart};

/// RFC 4180: comma, CRLF, quotes where needed.
///
/// NULL is an empty field without quotes, the empty string is `""`. Each result begins with a line
/// of its column names, after an empty line unless it is the first statement; statements without rows
/// give nothing else. (A row of a single NULL is an empty line as well; ask for JSON where that matters.) The
/// mark of a cut has no place in CSV: whoever serves this view says it beside the body. Cells are
/// exact; nothing is changed for spreadsheets that would read `=…` as a formula.
#[must_use]
pub fn csv(page: &Page) -> String {
    let mut out = String::new();
    let mut apart = page.start != PageStart::First;
    for set in page.sets() {
        if let (Some(columns), false) = (set.columns, set.continued) {
            if apart {
                out.push_str("\r\n");
            }
            line(&mut out, columns.iter().map(|column| Some(column.name.as_str())));
        }
        for row in &set.rows {
            line(&mut out, row.iter().map(Option::as_deref));
        }
        apart = true;
    }
    out
}

fn line<'a>(out: &mut String, fields: impl Iterator<Item = Option<&'a str>>) {
    for (index, value) in fields.enumerate() {
        if index > 0 {
            out.push(',');
        }
        match value {
            None => {}
            Some(text) if text.is_empty() || text.contains(['"', ',', '\r', '\n']) => {
                out.push('"');
                out.push_str(&text.replace('"', "\"\""));
                out.push('"');
            }
            Some(text) => out.push_str(text),
        }
    }
    out.push_str("\r\n");
}
