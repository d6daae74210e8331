//! The typed output of a command, and its stored form.
//!
//! **Stored form (stable):** one JSON object a line, UTF-8, `\n` after each:
//!
//! ```text
//! {"columns":[{"name":"id","type":"int4"},{"name":"note","type":"text"}]}
//! {"row":["7",null]}
//! {"row":["8",""]}
//! {"truncated":{"kept_rows":2,"kept_bytes":32,"missing_rows":998}}
//! {"notice":{"severity":"NOTICE","code":"00000","message":"…"}}
//! {"done":{"tag":"SELECT 1000","rows":1000}}
//! ```
//!
//! Each statement ends with `done`. `columns` comes before its rows, and only for statements that
//! return rows; `truncated` comes right before `done` (or last, when the statement failed). A row
//! without a `columns` above it belongs to a page that starts in the middle. `notice` comes before the `done` of the
//! statement that caused it, or last. `done` says that the statement ran to its end, **not that its effects stay**:
//! the outcome of the request says that. A cell is `null` (NULL)
//! or a string: the text the database itself gives for the value. Readers ignore no member: new
//! ones come with a new name of record.

use crate::TargetError;
use serde::{Deserialize, Serialize};
use std::io::Write;

/// One column of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name as the database gives it; names may repeat.
    pub name: String,
    /// The database's name of its type (`int4`, `INTEGER`); empty where the database has none.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Where its values come from, if the database says so. For masking while the command runs; it
    /// is no part of the stored form.
    #[serde(skip)]
    pub source: Option<ColumnSource>,
}

/// The column of a table whose values a column of a result shows, whatever it is called there.
///
/// It is the table or **view** that the statement names (SQLite: the table behind a view too). An
/// expression over a column has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnSource {
    /// `schema.table` in PostgreSQL, `database.table` in MySQL, `table` in SQLite.
    pub table: String,
    /// The column's own name.
    pub column: String,
}

/// One piece of output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Record {
    /// The columns of the rows that follow.
    Columns(Vec<Column>),
    /// One row; `None` is NULL, which differs from the empty string.
    Row(Vec<Option<String>>),
    /// The end of one statement.
    Done {
        /// What was done: `DELETE 1`, `SELECT 3`, `CREATE TABLE`.
        tag: String,
        /// Rows returned or affected, where that means something.
        rows: Option<u64>,
    },
    /// What the database said beside the result.
    Notice {
        /// `NOTICE`, `WARNING`, `INFO`, `Note`, as the database writes it.
        severity: String,
        /// The database's code for it, if it has one.
        code: Option<String>,
        /// The message.
        message: String,
    },
    /// The rows of this statement were cut by the caps; the statement itself ran to its end.
    Truncated {
        /// Rows of this statement that were kept.
        kept_rows: u64,
        /// Bytes of this statement that were kept, in the stored form.
        kept_bytes: u64,
        /// Rows that are missing; `None` means more, an unknown number, since the run stopped.
        missing_rows: Option<u64>,
    },
}

impl Record {
    /// The stored form: one line with its line end.
    #[must_use]
    pub fn to_line(&self) -> String {
        let mut line = Vec::new();
        self.write_line(&mut line);
        String::from_utf8_lossy(&line).into_owned()
    }

    /// Appends the stored form.
    pub fn write_line(&self, out: &mut Vec<u8>) {
        self.write(out);
    }

    /// The length of the stored form, in bytes.
    #[must_use]
    pub fn line_bytes(&self) -> u64 {
        let mut length = Length(0);
        self.write(&mut length);
        length.0
    }

    /// Writes to memory, which does not fail.
    fn write(&self, mut out: impl Write) {
        let _ = match self {
            // A result has many rows: nothing is made of them on the way.
            Self::Row(_) => serde_json::to_writer(&mut out, self),
            // The stable form has its members in alphabetical order, as a `Value` has.
            Self::Columns(_) | Self::Done { .. } | Self::Notice { .. } | Self::Truncated { .. } => {
                serde_json::to_writer(&mut out, &serde_json::json!(self))
            }
        };
        let _ = out.write_all(b"\n");
    }

    /// Reads one stored line, with or without its line end.
    ///
    /// # Errors
    /// [`TargetError::Member`] if the line is no record of this version.
    pub fn from_line(line: &str) -> Result<Self, TargetError> {
        serde_json::from_str(line.trim_end_matches('\n'))
            .map_err(|error| TargetError::member("", format!("stored output is damaged: {error}")))
    }
}

/// Counts what is written to it.
struct Length(u64);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_record() -> impl Strategy<Value = Record> {
        let cell = proptest::option::of(any::<String>());
        prop_oneof![
            proptest::collection::vec((any::<String>(), any::<String>()), 0..5).prop_map(|columns| {
                Record::Columns(
                    columns
                        .into_iter()
                        .map(|(name, type_name)| Column { name, type_name, source: None })
                        .collect(),
                )
            }),
            proptest::collection::vec(cell, 0..6).prop_map(Record::Row),
            (any::<String>(), any::<Option<u64>>()).prop_map(|(tag, rows)| Record::Done { tag, rows }),
            (any::<u64>(), any::<u64>(), any::<Option<u64>>()).prop_map(
                |(kept_rows, kept_bytes, missing_rows)| {
                    Record::Truncated { kept_rows, kept_bytes, missing_rows }
                }
            ),
        ]
    }

    proptest! {
        #[test]
        fn every_record_is_one_line_and_comes_back_from_it(record in any_record()) {
            let line = record.to_line();
            prop_assert_eq!(line.matches('\n').count(), 1);
            prop_assert_eq!(record.line_bytes(), line.len() as u64);
            prop_assert_eq!(&line, &format!("{}\n", serde_json::json!(record)), "the same as its `Value`");
            prop_assert_eq!(Record::from_line(&line).unwrap(), record);
        }
    }

    #[test]
    fn the_stored_form_is_the_documented_one() {
        let source = Some(ColumnSource { table: "t".into(), column: "id".into() });
        let column = Column { name: "id".into(), type_name: "int4".into(), source };
        let lines: String = [
            Record::Columns(vec![column]),
            Record::Row(vec![Some("7".into()), None, Some(String::new())]),
            Record::Truncated { kept_rows: 1, kept_bytes: 2, missing_rows: None },
            Record::Done { tag: "SELECT 1".into(), rows: Some(1) },
        ]
        .iter()
        .map(Record::to_line)
        .collect();
        assert_eq!(
            lines,
            "{\"columns\":[{\"name\":\"id\",\"type\":\"int4\"}]}\n{\"row\":[\"7\",null,\"\"]}\n\
             {\"truncated\":{\"kept_bytes\":2,\"kept_rows\":1,\"missing_rows\":null}}\n\
             {\"done\":{\"rows\":1,\"tag\":\"SELECT 1\"}}\n"
        );
    }

    #[test]
    fn a_line_of_another_form_is_refused() {
        for line in ["", "{}", "{\"row\":[1]}", "{\"rows\":[]}", "{\"row\":[],\"done\":{}}"] {
            assert!(Record::from_line(line).is_err(), "{line}");
        }
    }
}
