//! A page of stored output.

use crate::{Column, Record, TargetError, Transaction};
use countersign_rules::transaction::StatementStatus;
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
            Record::Row(_) | Record::Truncated { .. } | Record::Notice { .. } => self,
        }
    }
}

/// What became of the effects of the statements of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fate {
    /// They are permanent.
    #[default]
    Stays,
    /// They were rolled back.
    RolledBack,
    /// It is not known, or they stay in part.
    Unknown,
}

impl Fate {
    /// What it is for the output of a run with this result; runs without statements have no such result.
    #[must_use]
    pub fn of(transaction: Option<&Transaction>) -> Self {
        match transaction.map(Transaction::fate) {
            None | Some(StatementStatus::Committed) => Self::Stays,
            Some(StatementStatus::RolledBack | StatementStatus::Failed | StatementStatus::NotRun) => {
                Self::RolledBack
            }
            Some(StatementStatus::Unknown) => Self::Unknown,
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
    /// What became of the statements that ran to their end.
    pub fate: Fate,
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
        Ok(Self { start, records, fate: Fate::Stays })
    }

    /// The page with what became of its statements.
    #[must_use]
    pub fn with_fate(self, fate: Fate) -> Self {
        Self { fate, ..self }
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
                Record::Notice { severity, code, message } => {
                    set.notices.push(NoticeView { severity, code: code.as_deref(), message });
                }
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
    pub(super) notices: Vec<NoticeView<'a>>,
    /// The result began on an earlier page.
    pub(super) continued: bool,
}

/// A notice or warning of the database.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[schema(as = OutputNotice)]
pub(super) struct NoticeView<'a> {
    /// `NOTICE`, `WARNING`, `INFO`, `Note`, as the database writes it.
    pub(super) severity: &'a str,
    /// The database's code for it.
    #[schema(required = true)]
    pub(super) code: Option<&'a str>,
    /// The message.
    pub(super) message: &'a str,
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
