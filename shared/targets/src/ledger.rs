//! What each statement of a run did, written down while it runs.

use crate::RunError;
use countersign_rules::Transaction;
use countersign_rules::transaction::{Closing, Journal};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The journal of a run, shared with the thread that runs it.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    journal: Option<Journal>,
    /// The statement at hand and when it began.
    current: Option<(u32, Instant)>,
    /// What an error means for effects, where it is not that they are undone.
    doubt: Option<Closing>,
}

impl Ledger {
    /// The statements that are to run: line and verb of each.
    pub(crate) fn plan(&self, statements: impl IntoIterator<Item = (u32, String)>) {
        self.book().journal = Some(Journal::new(statements));
    }

    /// Statement `n` begins.
    pub(crate) fn begin(&self, n: u32) {
        let mut book = self.book();
        book.current = Some((n, Instant::now()));
        book.change(|journal| journal.begin(n));
    }

    /// The statement at hand ran to its end.
    pub(crate) fn ran(&self, rows: Option<u64>) {
        let mut book = self.book();
        if let Some((n, began)) = book.current.take() {
            book.change(|journal| journal.ran(n, rows, millis(began)));
        }
    }

    /// Every statement that has run is committed.
    pub(crate) fn commit(&self) {
        self.book().change(Journal::commit);
    }

    /// The effects of an error are not that everything is undone.
    pub(crate) fn doubt(&self, closing: Closing) {
        self.book().doubt = Some(closing);
    }

    /// No effect is in doubt any more.
    pub(crate) fn certain(&self) {
        self.book().doubt = None;
    }

    /// The result of the run; `None` if no statement began.
    pub(crate) fn close<T>(&self, result: &Result<T, RunError>) -> Option<Transaction> {
        let mut book = self.book();
        let (current, doubt) = (book.current.take(), book.doubt);
        let mut journal = book.journal.take()?;
        let at_hand = |n: Option<u32>| match (n, current) {
            (Some(n), Some((at, began))) if n == at => Some((n, millis(began))),
            (Some(n), _) => Some((n, 0)),
            (None, Some((at, began))) => Some((at, millis(began))),
            (None, None) => None,
        };
        let (failed, closing) = match result {
            Ok(_) => (None, Closing::Committed),
            Err(RunError::Lost { .. }) => (None, Closing::Unknown),
            Err(RunError::Failed { statement, .. }) => {
                (at_hand(*statement), doubt.unwrap_or(Closing::RolledBack))
            }
            Err(
                RunError::NotStarted { .. }
                | RunError::TimedOut { .. }
                | RunError::BoundExceeded { .. }
                | RunError::Cancelled,
            ) => (at_hand(None), doubt.unwrap_or(Closing::RolledBack)),
        };
        if let Some((n, duration_ms)) = failed {
            journal.failed(n, duration_ms);
        }
        journal.has_begun().then(|| journal.close(closing))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // What was written before a panic elsewhere is still true.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn change(&mut self, change: impl FnOnce(&mut Journal)) {
        if let Some(journal) = &mut self.journal {
            change(journal);
        }
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
