//! Where the output goes: the sink, the caps, the pieces for storage, and the summary.

use crate::{Caps, Column, Record};
use async_trait::async_trait;

/// Takes the output, record by record, while the command runs.
///
/// While `record` waits, the database waits: no more than a few records are ever in memory.
#[async_trait]
pub trait Sink: Send {
    /// Takes one record.
    ///
    /// # Errors
    /// [`SinkError`] if it cannot be kept. No further record is given then, but the command runs to
    /// its end all the same, and [`Summary::output_error`] says that its output was lost.
    async fn record(&mut self, record: Record) -> Result<(), SinkError>;
}

/// The sink could not keep a record; the text goes to [`Summary::output_error`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SinkError(pub String);

/// Keeps everything in memory: for tests and for small output.
#[async_trait]
impl Sink for Vec<Record> {
    async fn record(&mut self, record: Record) -> Result<(), SinkError> {
        self.push(record);
        Ok(())
    }
}

/// What a run that succeeded did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Statements that ran.
    pub statements: u32,
    /// Rows returned and affected, over all statements.
    pub rows: u64,
    /// Rows given to the sink.
    pub kept_rows: u64,
    /// Bytes of columns and rows given to the sink, in the stored form.
    pub kept_bytes: u64,
    /// Rows that the caps cut off.
    pub missing_rows: u64,
    /// Set if the sink failed: the command ran, its output was not kept whole.
    pub output_error: Option<String>,
}

impl Summary {
    /// True if the caps cut rows off.
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.missing_rows > 0
    }
}

/// Applies the caps to a stream of columns and rows.
///
/// Columns and rows count; `done` and `truncated` always pass, so that no cut is silent (they are
/// small, and a command of 100 KiB cannot hold many statements).
pub(crate) struct Meter {
    caps: Caps,
    summary: Summary,
    set: Set,
}

/// The rows of the statement at hand.
#[derive(Default)]
struct Set {
    kept_rows: u64,
    kept_bytes: u64,
    missing_rows: u64,
    has_columns: bool,
    cut: bool,
}

impl Meter {
    pub(crate) fn new(caps: Caps) -> Self {
        Self { caps, summary: Summary::default(), set: Set::default() }
    }

    /// The columns of a result, unless not even they fit.
    pub(crate) fn columns(&mut self, columns: Vec<Column>) -> Option<Record> {
        self.set.has_columns = true;
        let record = Record::Columns(columns);
        let fits = self.take(&record);
        self.set.cut = !fits;
        fits.then_some(record)
    }

    /// A row, unless it or one before it was cut; `cells` is called only if it may be kept.
    pub(crate) fn row(&mut self, cells: impl FnOnce() -> Vec<Option<String>>) -> Option<Record> {
        if !self.set.cut && self.summary.kept_rows < self.caps.max_rows {
            let record = Record::Row(cells());
            if self.take(&record) {
                self.set.kept_rows += 1;
                self.summary.kept_rows += 1;
                return Some(record);
            }
        }
        // After the first row that is cut none is kept: what is kept has no gaps.
        self.set.cut = true;
        self.set.missing_rows += 1;
        None
    }

    /// Rows that the statement at hand has returned so far; `None` if it returns none.
    pub(crate) fn returned(&self) -> Option<u64> {
        self.set.has_columns.then_some(self.set.kept_rows + self.set.missing_rows)
    }

    /// Ends a statement.
    pub(crate) fn done(&mut self, tag: String, rows: Option<u64>) -> Vec<Record> {
        let set = std::mem::take(&mut self.set);
        self.summary.statements += 1;
        self.summary.rows += rows.unwrap_or(0);
        self.summary.missing_rows += set.missing_rows;
        let mut records = Vec::with_capacity(2);
        if set.cut && set.missing_rows > 0 {
            records.push(set.mark(Some(set.missing_rows)));
        }
        records.push(Record::Done { tag, rows });
        records
    }

    /// The mark of a statement that was cut and then did not come to its end.
    pub(crate) fn broken(&mut self) -> Option<Record> {
        let set = std::mem::take(&mut self.set);
        (set.cut && set.missing_rows > 0).then(|| set.mark(None))
    }

    pub(crate) fn finish(self) -> Summary {
        self.summary
    }

    fn take(&mut self, record: &Record) -> bool {
        let bytes = record.line_bytes();
        let fits = self.summary.kept_bytes + bytes <= self.caps.max_bytes;
        if fits {
            self.summary.kept_bytes += bytes;
            self.set.kept_bytes += bytes;
        }
        fits
    }
}

impl Set {
    fn mark(&self, missing_rows: Option<u64>) -> Record {
        Record::Truncated { kept_rows: self.kept_rows, kept_bytes: self.kept_bytes, missing_rows }
    }
}

/// Gathers records into pieces for storage, each of whole lines.
#[derive(Debug)]
pub struct Pieces {
    limit_bytes: usize,
    piece: String,
}

impl Pieces {
    /// Pieces of at most `limit_bytes`, save that a single longer line is a piece of its own.
    #[must_use]
    pub fn new(limit_bytes: usize) -> Self {
        Self { limit_bytes, piece: String::new() }
    }

    /// Adds a record; gives the piece before it, if the record no longer fits there.
    #[must_use]
    pub fn push(&mut self, record: &Record) -> Option<String> {
        let line = record.to_line();
        let full = !self.piece.is_empty() && self.piece.len() + line.len() > self.limit_bytes;
        let piece = full.then(|| std::mem::take(&mut self.piece));
        self.piece.push_str(&line);
        piece
    }

    /// The last piece, if there is anything in it.
    #[must_use]
    pub fn finish(self) -> Option<String> {
        (!self.piece.is_empty()).then_some(self.piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Vec<Option<String>> {
        vec![Some(text.to_owned())]
    }

    fn meter(max_rows: u64, max_bytes: u64) -> Meter {
        Meter::new(Caps { max_rows, max_bytes, ..Caps::default() })
    }

    fn column() -> Vec<Column> {
        vec![Column { name: "a".into(), type_name: String::new(), source: None }]
    }

    #[test]
    fn the_row_cap_counts_what_is_missing() {
        let mut meter = meter(2, 1000);
        assert!(meter.columns(column()).is_some());
        let kept: Vec<_> = (0..5).filter_map(|n| meter.row(|| cells(&n.to_string()))).collect();
        assert_eq!(kept.len(), 2);
        assert_eq!(meter.returned(), Some(5));
        let marks = meter.done("SELECT 5".into(), Some(5));
        assert!(
            matches!(marks[0], Record::Truncated { kept_rows: 2, missing_rows: Some(3), .. }),
            "{marks:?}"
        );
        let summary = meter.finish();
        assert_eq!((summary.rows, summary.kept_rows, summary.missing_rows), (5, 2, 3));
    }

    #[test]
    fn a_row_that_does_not_fit_ends_the_rows_of_its_statement_only() {
        let mut meter = meter(100, 90);
        assert!(meter.columns(column()).is_some());
        assert!(meter.row(|| cells("a")).is_some());
        assert!(meter.row(|| cells(&"x".repeat(90))).is_none());
        assert!(meter.row(|| cells("b")).is_none(), "no gaps");
        assert_eq!(meter.done("SELECT 3".into(), Some(3)).len(), 2);
        assert!(meter.row(|| cells("c")).is_some(), "the next statement may use what is left");
    }

    #[test]
    fn columns_that_do_not_fit_are_cut_with_their_rows() {
        let mut meter = meter(100, 10);
        assert!(meter.columns(column()).is_none());
        assert!(meter.row(|| cells("a")).is_none());
        assert!(matches!(
            meter.broken(),
            Some(Record::Truncated { kept_rows: 0, kept_bytes: 0, missing_rows: None })
        ));
    }

    #[test]
    fn pieces_hold_whole_lines_and_lose_none() {
        let records: Vec<_> = (0..50).map(|n| Record::Row(cells(&"x".repeat(n)))).collect();
        let mut pieces = Pieces::new(64);
        let mut stored: Vec<String> = records.iter().filter_map(|record| pieces.push(record)).collect();
        stored.extend(pieces.finish());
        assert!(stored.iter().all(|piece| piece.ends_with('\n')));
        assert!(stored.iter().all(|piece| piece.len() <= 64 || piece.lines().count() == 1));
        let back: Vec<_> = stored.concat().lines().map(|line| Record::from_line(line).unwrap()).collect();
        assert_eq!(back, records);
    }
}
