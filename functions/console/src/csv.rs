//! Lines of CSV, RFC 4180.

/// A line of cells, with its end.
pub(crate) fn line<C: AsRef<str>>(cells: &[C]) -> String {
    let quoted: Vec<String> = cells.iter().map(|cell| quoted(cell.as_ref())).collect();
    quoted.join(",") + "\r\n"
}

/// Quoted where needed. A cell that a spreadsheet would take for a formula gets an apostrophe:
/// these files are made for spreadsheets, and what is in them is written by requesters.
fn quoted(cell: &str) -> String {
    let defused =
        if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() };
    if defused.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", defused.replace('"', "\"\""))
    } else {
        defused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_neither_two_cells_nor_a_formula() {
        assert_eq!(
            line(&["a", "b,c", "say \"no\"", "=1+1", "x\ny"]),
            "a,\"b,c\",\"say \"\"no\"\"\",'=1+1,\"x\ny\"\r\n"
        );
    }
}
