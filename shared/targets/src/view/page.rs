//! A page of stored output.

use crate::{Column, Record, TargetError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where in the output a page starts. Small and serializable: keep it beside each stored piece.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageStart {
    /// At the very beginning.
    #[default]
    First,
    /// Between two statements.
    Between,
    /// Within the rows of a result with these columns.
    Within(Vec<Column>),
}

impl PageStart {
    /// Where the output stands after one more record.
    #[must_use]
    pub fn after(self, record: &Record) -> Self {
        match record {
            Record::Columns(columns) => Self::Within(columns.clone()),
            Record::Done { .. } => Self::Between,
            Record::Row(_) | Record::Truncated { .. } => self,
        }
    }
}

/// A page of stored output.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Where it starts.
    pub start: PageStart,
    /// The records of the page.
    pub records: Vec<Record>,
}

impl Page {
    /// Reads stored lines. `start` is what [`Page::end`] gave for the page before,
    /// [`PageStart::First`] for the first page.
    ///
    /// # Errors
    /// [`TargetError::Member`] if a line is damaged.
    pub fn parse(lines: &str, start: PageStart) -> Result<Self, TargetError> {
        let records = lines
            .split('\n')
            .filter(|line| !line.is_empty())
            .map(Record::from_line)
            .collect::<Result<_, _>>()?;
        Ok(Self { start, records })
    }

    /// Where the page that follows starts.
    #[must_use]
    pub fn end(&self) -> PageStart {
        self.records.iter().fold(self.start.clone(), PageStart::after)
    }

    /// The page without its first `count` records; none if that leaves nothing of a page that has some.
    #[must_use]
    pub fn behind(mut self, count: usize) -> Option<Self> {
        if count > 0 && count >= self.records.len() {
            return None;
        }
        for record in self.records.drain(..count) {
            self.start = self.start.after(&record);
        }
        Some(self)
    }

    /// The statements of the page, each with what of it stands here.
    pub(super) fn sets(&self) -> Vec<Set<'_>> {
        let mut sets = Vec::new();
        let mut set = match &self.start {
            PageStart::First | PageStart::Between => Set::default(),
            PageStart::Within(columns) => Set { columns: Some(columns), continued: true, ..Set::default() },
        };
        let mut begun = false;
        for record in &self.records {
            match record {
                Record::Columns(columns) => {
                    if begun {
                        sets.push(std::mem::take(&mut set));
                    }
                    set = Set { columns: Some(columns), ..Set::default() };
                }
                Record::Row(cells) => set.rows.push(cells),
                Record::Truncated { kept_rows, missing_rows, .. } => {
                    set.cut = Some(Cut { kept_rows: *kept_rows, missing_rows: *missing_rows });
                }
                Record::Done { tag, rows } => {
                    set.done = Some((tag, *rows));
                    sets.push(std::mem::take(&mut set));
                    begun = false;
                    continue;
                }
            }
            begun = true;
        }
        if begun {
            sets.push(set);
        }
        sets
    }
}

/// The part of one statement's output that stands on a page.
#[derive(Default)]
pub(super) struct Set<'a> {
    pub(super) columns: Option<&'a [Column]>,
    pub(super) rows: Vec<&'a [Option<String>]>,
    pub(super) cut: Option<Cut>,
    pub(super) done: Option<(&'a str, Option<u64>)>,
    /// The result began on an earlier page.
    pub(super) continued: bool,
}

/// How much the caps took away.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[schema(as = OutputCut)]
pub(super) struct Cut {
    /// Rows that were kept.
    pub(super) kept_rows: u64,
    /// Rows that are missing; null where only "more" is known.
    #[schema(required = true)]
    pub(super) missing_rows: Option<u64>,
}
