//! The result of a command that consists of statements: what each statement did, and what became of its effects.
//!
//! An executor keeps a [`Journal`] while it runs. Closing the journal gives the [`Transaction`] that the outcome's
//! event carries, so that no statement can be reported as committed that was rolled back.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most statements that an outcome lists. Others are counted.
pub const MAX_STATEMENTS: usize = 100;
/// The most characters of a statement's verb.
pub const MAX_VERB_CHARACTERS: usize = 40;

/// How several statements take effect.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum StatementMode {
    /// All or none, in one transaction.
    #[default]
    Transaction,
    /// Each commits on its own. The run stops at the first failure; earlier statements stay committed.
    StatementByStatement,
}

impl StatementMode {
    /// True for the default, which is not written down.
    #[must_use]
    pub fn is_transaction(&self) -> bool {
        *self == Self::Transaction
    }
}

/// What became of the effects of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransactionOutcome {
    /// Every statement is committed.
    Committed,
    /// Nothing of the command took effect.
    RolledBack,
    /// Some effects are permanent and others are not.
    Partial,
    /// Not known.
    Unknown,
}

/// What became of one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StatementStatus {
    /// It ran, and its effects are permanent.
    Committed,
    /// It ran, and its effects were undone.
    RolledBack,
    /// It failed.
    Failed,
    /// It was not begun.
    NotRun,
    /// It was begun, and whether its effects are permanent is not known.
    Unknown,
}

/// One statement of a command.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct StatementReport {
    /// Its number in the command, from 1.
    #[schema(minimum = 1)]
    pub n: u32,
    /// The line of the command on which it begins, from 1.
    #[schema(minimum = 1)]
    pub line: u32,
    /// Its verb, such as `UPDATE` or `CREATE TABLE`.
    pub verb: String,
    /// Rows returned or affected while it ran, where that means something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// How long it ran, in milliseconds; absent if it was not begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// What became of it.
    pub status: StatementStatus,
}

/// What became of a command of one or more statements.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Transaction {
    /// What became of its effects.
    pub outcome: TransactionOutcome,
    /// How many statements the command has.
    #[schema(minimum = 1)]
    pub total: u32,
    /// How many of them are committed.
    pub committed: u32,
    /// The statements in order, at most [`MAX_STATEMENTS`]: the first ones, and those around the statement at which
    /// the run ended.
    #[schema(max_items = 100)]
    pub statements: Vec<StatementReport>,
}

impl Transaction {
    /// How many statements [`Self::statements`] leaves out.
    #[must_use]
    pub fn left_out(&self) -> u32 {
        self.total.saturating_sub(u32::try_from(self.statements.len()).unwrap_or(u32::MAX))
    }

    /// The statement that failed, if one did.
    #[must_use]
    pub fn failed(&self) -> Option<&StatementReport> {
        self.statements.iter().find(|statement| statement.status == StatementStatus::Failed)
    }

    /// What became of the statements that ran to their end. It is the same for all of them.
    #[must_use]
    pub fn fate(&self) -> StatementStatus {
        match self.outcome {
            TransactionOutcome::Committed => StatementStatus::Committed,
            TransactionOutcome::RolledBack => StatementStatus::RolledBack,
            TransactionOutcome::Partial | TransactionOutcome::Unknown if self.committed > 0 => {
                StatementStatus::Committed
            }
            TransactionOutcome::Partial | TransactionOutcome::Unknown => StatementStatus::Unknown,
        }
    }

    /// The result in one or two sentences.
    #[must_use]
    pub fn in_words(&self) -> String {
        let what = match (self.outcome, self.total) {
            (TransactionOutcome::Committed, 1) => "Committed.".to_owned(),
            (TransactionOutcome::Committed, total) => format!("All {total} statements are committed."),
            (TransactionOutcome::RolledBack, _) => "Everything was rolled back.".to_owned(),
            (TransactionOutcome::Partial, _) => self.partial_in_words(),
            (TransactionOutcome::Unknown, 1) => {
                "Whether it took effect, wholly or partly, is not known.".to_owned()
            }
            (TransactionOutcome::Unknown, _) => match self.committed {
                0 => "Whether the statements took effect is not known.".to_owned(),
                committed => format!(
                    "{}; whether statement {} took effect is not known{}.",
                    committed_in_words(committed),
                    committed.saturating_add(1),
                    self.rest_in_words(committed.saturating_add(2))
                ),
            },
        };
        match self.failed().filter(|_| self.total > 1) {
            Some(failed) => {
                format!("Statement {} of {} (line {}) failed. {what}", failed.n, self.total, failed.line)
            }
            None => what,
        }
    }

    fn partial_in_words(&self) -> String {
        if self.committed == 0 {
            return "Changes to tables without transactions stay; the others were rolled back.".to_owned();
        }
        // The statement at which it ended is neither committed nor left to run.
        let next = self.committed.saturating_add(if self.failed().is_some() { 2 } else { 1 });
        format!("{}{}.", committed_in_words(self.committed), self.rest_in_words(next))
    }

    /// What was not run, from statement `first` on.
    fn rest_in_words(&self, first: u32) -> String {
        match self.total.checked_sub(first) {
            None => String::new(),
            Some(0) => format!("; statement {first} was not run"),
            Some(_) => format!("; statements {first} to {} were not run", self.total),
        }
    }
}

fn committed_in_words(last: u32) -> String {
    if last == 1 {
        "Statement 1 is committed".to_owned()
    } else {
        format!("Statements 1 to {last} are committed")
    }
}

/// How a run ended, for [`Journal::close`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// All effects are permanent.
    Committed,
    /// Effects that were not committed before are undone.
    RolledBack,
    /// As [`Self::RolledBack`], but some tables have no transactions: their changes stay.
    HalfRolledBack,
    /// Whether effects that were not committed before are permanent is not known.
    Unknown,
}

/// The record of a run while it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    entries: Vec<Entry>,
    /// How many statements are committed.
    committed: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    line: u32,
    verb: String,
    rows: Option<u64>,
    duration_ms: Option<u64>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Planned,
    Begun,
    Ran,
    Failed,
}

impl Journal {
    /// The statements that are to run: line and verb of each.
    pub fn new(plan: impl IntoIterator<Item = (u32, String)>) -> Self {
        let entry = |(line, verb): (u32, String)| Entry {
            line,
            verb: verb.chars().take(MAX_VERB_CHARACTERS).collect(),
            rows: None,
            duration_ms: None,
            state: State::Planned,
        };
        Self { entries: plan.into_iter().map(entry).collect(), committed: 0 }
    }

    /// Statement `n`, from 1, begins.
    pub fn begin(&mut self, n: u32) {
        self.change(n, |entry| entry.state = State::Begun);
    }

    /// Statement `n` ran to its end in that many milliseconds.
    pub fn ran(&mut self, n: u32, rows: Option<u64>, duration_ms: u64) {
        self.change(n, |entry| {
            entry.rows = rows;
            entry.duration_ms = Some(duration_ms);
            entry.state = State::Ran;
        });
    }

    /// Statement `n` failed after that many milliseconds.
    pub fn failed(&mut self, n: u32, duration_ms: u64) {
        self.change(n, |entry| {
            entry.duration_ms = Some(duration_ms);
            entry.state = State::Failed;
        });
    }

    /// Every statement that has run so far is committed.
    pub fn commit(&mut self) {
        self.committed = self.entries.iter().take_while(|entry| entry.state == State::Ran).count();
    }

    /// True if a statement has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.entries.iter().any(|entry| entry.state != State::Planned)
    }

    /// How many statements there are.
    #[must_use]
    pub fn total(&self) -> u32 {
        number(self.entries.len())
    }

    /// The line on which statement `n` begins.
    #[must_use]
    pub fn line(&self, n: u32) -> Option<u32> {
        let position = usize::try_from(n).ok()?.checked_sub(1)?;
        self.entries.get(position).map(|entry| entry.line)
    }

    /// The result of the run.
    #[must_use]
    pub fn close(mut self, closing: Closing) -> Transaction {
        if closing == Closing::Committed {
            self.commit();
        }
        let total = self.entries.len();
        let ended_at = self.entries.iter().rposition(|entry| entry.state != State::Planned).unwrap_or(0);
        let some_stay = self.committed > 0 || closing == Closing::HalfRolledBack;
        let outcome = match closing {
            _ if self.committed == total => TransactionOutcome::Committed,
            Closing::Unknown => TransactionOutcome::Unknown,
            Closing::Committed | Closing::RolledBack | Closing::HalfRolledBack if some_stay => {
                TransactionOutcome::Partial
            }
            Closing::Committed | Closing::RolledBack | Closing::HalfRolledBack => {
                TransactionOutcome::RolledBack
            }
        };
        let committed = self.committed;
        let report = |(position, entry): (usize, Entry)| StatementReport {
            n: number(position).saturating_add(1),
            line: entry.line,
            verb: entry.verb,
            rows: entry.rows,
            duration_ms: entry.duration_ms,
            status: status(entry.state, position < committed, closing),
        };
        let listed = listed(total, ended_at);
        let statements =
            self.entries.into_iter().enumerate().filter(|(n, _)| listed(*n)).map(report).collect();
        Transaction { outcome, total: number(total), committed: number(committed), statements }
    }

    fn change(&mut self, n: u32, change: impl FnOnce(&mut Entry)) {
        let position = usize::try_from(n).unwrap_or(usize::MAX).wrapping_sub(1);
        if let Some(entry) = self.entries.get_mut(position) {
            change(entry);
        }
    }
}

fn status(state: State, committed: bool, closing: Closing) -> StatementStatus {
    match (state, closing) {
        (State::Planned, _) => StatementStatus::NotRun,
        (State::Failed, _) => StatementStatus::Failed,
        (State::Ran, _) if committed => StatementStatus::Committed,
        (State::Begun | State::Ran, Closing::Unknown) | (State::Ran, Closing::HalfRolledBack) => {
            StatementStatus::Unknown
        }
        (State::Begun | State::Ran, Closing::Committed | Closing::RolledBack)
        | (State::Begun, Closing::HalfRolledBack) => StatementStatus::RolledBack,
    }
}

/// Which positions are listed: the first half, and the other half around the end of the run.
fn listed(total: usize, ended_at: usize) -> impl Fn(usize) -> bool {
    let half = MAX_STATEMENTS / 2;
    let last = ended_at.saturating_add(half / 2).clamp(MAX_STATEMENTS.min(total), total.max(1));
    let window = last.saturating_sub(half).max(half)..last.max(MAX_STATEMENTS);
    move |position| total <= MAX_STATEMENTS || position < half || window.contains(&position)
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
