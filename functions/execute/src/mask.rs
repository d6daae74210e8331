//! Between the target and what is kept: masking, and the guardrails on output.
//!
//! Nothing passes unmasked (P13). Where masking fails or a guardrail says no, nothing of the output is
//! shown: the command has run all the same, and the request says so.

use async_trait::async_trait;
use countersign_guardrails::{Analysis, Hit, OutputColumn, RuleSet};
use countersign_masking::{ColumnInfo, Counts, Masker, RowMasker};
use countersign_targets::{Column, Record, Sink, SinkError};

use crate::output::Keeper;

/// What a connection does with output.
pub struct Filter {
    /// Masks what is shown.
    pub masker: Masker,
    /// The guardrails, of which some are on output.
    pub rules: RuleSet,
    /// What the command is: tells what the columns of its answers are computed from.
    pub analysis: Analysis,
}

/// Masks records on their way to the keeper.
pub struct Masking<'a> {
    filter: &'a Filter,
    keeper: &'a mut Keeper,
    rows: Option<RowMasker>,
    /// Which statement of the command the records are of.
    statement: usize,
    counts: Counts,
    notices: u32,
    withheld: Option<Withheld>,
}

/// What was seen on the way.
pub struct Seen {
    /// What was masked, by entity.
    pub counts: Counts,
    /// How many notices the target gave.
    pub notices: u32,
    /// Why nothing of the output may be shown, if so.
    pub withheld: Option<Withheld>,
}

/// Why nothing of the output is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Withheld {
    /// A guardrail on output.
    Rule(Hit),
    /// It could not be masked.
    Unmasked(String),
}

impl Withheld {
    /// What the requester is told.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Rule(hit) => format!(
                "the command ran; its output is withheld by the guardrail `{}`: {}",
                hit.rule, hit.message
            ),
            Self::Unmasked(why) => {
                format!("the command ran; its output could not be masked, so nothing of it is shown: {why}")
            }
        }
    }
}

impl<'a> Masking<'a> {
    /// Gives what `filter` lets through to `keeper`.
    #[must_use]
    pub fn new(filter: &'a Filter, keeper: &'a mut Keeper) -> Self {
        let counts = Counts::default();
        Self { filter, keeper, rows: None, statement: 0, counts, notices: 0, withheld: None }
    }

    /// An error text as it may be shown.
    pub(crate) fn error(&mut self, text: &str) -> String {
        self.filter.masker.message(text, &mut self.counts).unwrap_or_else(|error| {
            self.withheld.get_or_insert(Withheld::Unmasked(error.to_string()));
            "the target reported an error whose text could not be masked".to_owned()
        })
    }

    /// What was seen.
    pub fn finish(self) -> Seen {
        Seen { counts: self.counts, notices: self.notices, withheld: self.withheld }
    }

    fn columns(&mut self, columns: Vec<Column>) -> Result<Record, Withheld> {
        let outputs = self.filter.analysis.statements.get(self.statement).map(|statement| &statement.output);
        let refs = refs(outputs.map_or(&[], Vec::as_slice), columns.len());
        let infos: Vec<ColumnInfo> = columns
            .iter()
            .enumerate()
            .map(|(index, column)| ColumnInfo {
                name: column.name.clone(),
                source: column.source.as_ref().map(|source| (source.table.clone(), source.column.clone())),
                refs: refs.get(index).cloned().unwrap_or_default(),
            })
            .collect();
        self.rows = Some(self.filter.masker.row_masker(&infos));
        let shown = columns.into_iter().map(|column| {
            // A command may put a value where a name belongs.
            let name = self.filter.masker.text(&column.name, &mut self.counts);
            name.map(|name| Column { name, ..column }).map_err(|error| Withheld::Unmasked(error.to_string()))
        });
        Ok(Record::Columns(shown.collect::<Result<_, _>>()?))
    }

    /// A notice may quote values as an error does.
    fn notice(&mut self, message: &str) -> Result<String, Withheld> {
        if self.filter.rules.checks_output()
            && let Some(hit) = self.filter.rules.check_output(message)
        {
            return Err(Withheld::Rule(hit));
        }
        let masked = self.filter.masker.message(message, &mut self.counts);
        masked.map_err(|error| Withheld::Unmasked(error.to_string()))
    }

    fn row(&mut self, cells: Vec<Option<String>>) -> Result<Record, Withheld> {
        if self.filter.rules.checks_output() {
            let line = cells.iter().flatten().map(String::as_str).collect::<Vec<_>>().join("\t");
            if let Some(hit) = self.filter.rules.check_output(&line) {
                return Err(Withheld::Rule(hit));
            }
        }
        // Rows without columns would be the target's fault: nothing is known of them.
        let rows = self
            .rows
            .get_or_insert_with(|| self.filter.masker.row_masker(&vec![ColumnInfo::default(); cells.len()]));
        let masked = rows.mask(cells, &mut self.counts);
        masked.map(Record::Row).map_err(|error| Withheld::Unmasked(error.to_string()))
    }
}

/// What each column of an answer is computed from, where the command shows it.
fn refs(outputs: &[OutputColumn], columns: usize) -> Vec<Vec<String>> {
    // A star stands for any number of columns: then nothing lines up, and the sources must do.
    if outputs.len() == columns && outputs.iter().all(|output| !output.star) {
        return outputs.iter().map(|output| output.columns.clone()).collect();
    }
    Vec::new()
}

#[async_trait]
impl Sink for Masking<'_> {
    async fn record(&mut self, record: Record) -> Result<(), SinkError> {
        let masked = match record {
            Record::Columns(columns) => self.columns(columns),
            Record::Row(cells) => self.row(cells),
            Record::Done { tag, rows } => {
                self.rows = None;
                self.statement += 1;
                Ok(Record::Done { tag, rows })
            }
            Record::Notice { severity, code, message } => self.notice(&message).map(|message| {
                self.notices += 1;
                Record::Notice { severity, code, message }
            }),
            truncated @ Record::Truncated { .. } => Ok(truncated),
        };
        match masked {
            Ok(record) => self.keeper.record(record).await,
            Err(withheld) => {
                let message = withheld.message();
                self.withheld.get_or_insert(withheld);
                Err(SinkError(message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(columns: &[&str], star: bool) -> OutputColumn {
        OutputColumn { alias: None, columns: columns.iter().map(|&name| name.to_owned()).collect(), star }
    }

    #[test]
    fn what_a_column_is_computed_from_is_only_used_where_it_lines_up() {
        let two = [output(&["email"], false), output(&[], false)];
        assert_eq!(refs(&two, 2), [vec!["email".to_owned()], Vec::new()]);
        assert!(refs(&two, 3).is_empty());
        assert!(refs(&[output(&[], true), output(&["id"], false)], 2).is_empty());
    }
}
