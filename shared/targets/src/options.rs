//! How one command runs: the limits, and what it may change.

use crate::{Caps, RunError};
use countersign_rules::StatementMode;

/// How one command runs. Made from [`Caps`] alone, it may change as much as it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunOptions {
    /// The limits on time and output.
    pub caps: Caps,
    /// The database refuses whatever would change it, whatever the command says.
    ///
    /// It is a transaction that the database itself holds to be read-only; what a statement does
    /// outside of it (a file that the server writes, a session that it ends) is not undone by that.
    pub read_only: bool,
    /// More rows than this affected by the whole command, and everything is rolled back.
    ///
    /// What counts are the rows that the database says each statement inserted, changed or deleted.
    /// **Rows that triggers and cascades change do not count.** Statements whose rows nobody counts
    /// (definitions, `TRUNCATE`, code, writes inside `WITH`) are refused.
    pub max_affected_rows: Option<u64>,
    /// How several statements take effect.
    pub mode: StatementMode,
}

impl RunOptions {
    /// Refuses options that contradict each other.
    pub(crate) fn check(self) -> Result<(), RunError> {
        if self.mode == StatementMode::StatementByStatement && self.wraps() {
            return Err(RunError::not_started(
                "the statements are to commit one by one, but this run is read-only or limited to a number of rows, which takes one transaction; submit the command without `run_mode`, or ask for an approval without `max_rows`",
            ));
        }
        Ok(())
    }

    /// True if each statement commits on its own.
    pub(crate) fn by_statement(self) -> bool {
        self.mode == StatementMode::StatementByStatement
    }

    /// True if even a single statement needs a transaction around it.
    pub(crate) fn wraps(self) -> bool {
        self.read_only || self.max_affected_rows.is_some()
    }
}

impl From<Caps> for RunOptions {
    fn from(caps: Caps) -> Self {
        Self { caps, ..Self::default() }
    }
}

/// Counts the rows that a command affects against the bound of its approval.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    max_rows: Option<u64>,
    affected: u64,
}

impl Bound {
    pub(crate) fn new(options: RunOptions) -> Self {
        Self { max_rows: options.max_affected_rows, affected: 0 }
    }

    /// True if there is a bound, so that only statements may run whose rows are counted.
    pub(crate) fn is_set(self) -> bool {
        self.max_rows.is_some()
    }

    /// Adds what a statement affected.
    pub(crate) fn add(&mut self, rows: u64) -> Result<(), crate::RunError> {
        self.affected = self.affected.saturating_add(rows);
        match self.max_rows {
            Some(max_rows) if self.affected > max_rows => {
                Err(crate::RunError::BoundExceeded { max_rows, affected: self.affected })
            }
            _ => Ok(()),
        }
    }
}

/// Why a statement cannot run under a bound.
pub(crate) fn cannot_be_bounded(number: u32) -> String {
    format!(
        "statement {number} cannot run under an approval for a number of rows: only SELECT, INSERT, UPDATE, DELETE and MERGE that write nothing inside WITH have their rows counted; ask for an approval without that bound, or change the command"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_on_the_sum_over_all_statements() {
        let mut bound = Bound::new(RunOptions { max_affected_rows: Some(5), ..RunOptions::default() });
        assert_eq!((bound.add(3), bound.add(2)), (Ok(()), Ok(())));
        assert_eq!(bound.add(1), Err(crate::RunError::BoundExceeded { max_rows: 5, affected: 6 }));
        assert_eq!(Bound::new(RunOptions::default()).add(u64::MAX), Ok(()));
    }
}
