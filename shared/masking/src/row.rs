//! Masking rows: by what their columns are called and come from, then by what is in the cells.

use crate::masker::{MaskError, Masker};
use crate::scan::Context;
use crate::{Counts, Entity, json};

/// What is known of a column of a result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Its name in the result, which the command may have chosen.
    pub name: String,
    /// The table and column that it is taken from as it is, where the protocol tells.
    pub source: Option<(String, String)>,
    /// Columns that it is computed from, as `column` or `table.column`, where the command shows them.
    pub refs: Vec<String>,
}

/// Masks the rows of one result.
#[derive(Debug)]
pub struct RowMasker {
    masker: Masker,
    columns: Vec<Rule>,
}

/// What happens to the cells of a column.
#[derive(Debug)]
enum Rule {
    /// Masked whatever is in them.
    Whole(Entity),
    /// Searched, with these words known.
    Search(Context),
    /// Left as they are: the policy allows the column.
    Leave,
}

impl RowMasker {
    pub(crate) fn new(masker: Masker, columns: &[ColumnInfo]) -> RowMasker {
        let inner = &masker.inner;
        let rule = |column: &ColumnInfo| {
            if !inner.policy.enabled || inner.names.allows_column(column) {
                Rule::Leave
            } else if let Some(entity) = inner.names.of_column(column) {
                Rule::Whole(entity)
            } else {
                let source = column.source.iter().map(|(_, name)| name.as_str());
                let names = std::iter::once(column.name.as_str()).chain(source);
                Rule::Search(
                    names.fold(Context::NONE, |known, name| known | inner.recognisers.context_of_name(name)),
                )
            }
        };
        let columns = columns.iter().map(rule).collect();
        RowMasker { masker, columns }
    }

    /// Masks one row. NULL stays NULL, and an empty string stays empty.
    ///
    /// # Errors
    /// See [`MaskError`]; then nothing of the result may be shown.
    pub fn mask(
        &self,
        row: Vec<Option<String>>,
        counts: &mut Counts,
    ) -> Result<Vec<Option<String>>, MaskError> {
        if row.len() != self.columns.len() {
            return Err(MaskError::Cells { expected: self.columns.len(), actual: row.len() });
        }
        row.into_iter()
            .zip(&self.columns)
            .map(|(cell, rule)| cell.map(|cell| self.cell(cell, rule, counts)).transpose())
            .collect()
    }

    fn cell(&self, cell: String, rule: &Rule, counts: &mut Counts) -> Result<String, MaskError> {
        let inner = &self.masker.inner;
        match rule {
            Rule::Leave => Ok(cell),
            Rule::Whole(entity) => Ok(inner.whole(*entity, &cell, counts)),
            Rule::Search(known) => match json::mask(inner, &cell, counts)? {
                Some(masked) => Ok(masked),
                None => Ok(inner.masked(&cell, *known, counts)?.unwrap_or(cell)),
            },
        }
    }
}
