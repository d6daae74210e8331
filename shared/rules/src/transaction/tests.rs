use super::*;
use proptest::prelude::*;

fn journal(total: u32) -> Journal {
    Journal::new((1..=total).map(|line| (line, "UPDATE".to_owned())))
}

/// A run of which `ran` statements ended well and the next one failed, if there is one.
fn until(total: u32, ran: u32, each_commits: bool) -> Journal {
    let mut journal = journal(total);
    for n in 1..=ran {
        journal.begin(n);
        journal.ran(n, Some(1), 2);
        if each_commits {
            journal.commit();
        }
    }
    if ran < total {
        journal.begin(ran + 1);
        journal.failed(ran + 1, 3);
    }
    journal
}

fn statuses(transaction: &Transaction) -> Vec<StatementStatus> {
    transaction.statements.iter().map(|statement| statement.status).collect()
}

#[test]
fn a_failed_transaction_has_no_committed_statement() {
    use StatementStatus::{Failed, NotRun, RolledBack};
    let transaction = until(4, 2, false).close(Closing::RolledBack);
    assert_eq!(transaction.outcome, TransactionOutcome::RolledBack);
    assert_eq!(statuses(&transaction), [RolledBack, RolledBack, Failed, NotRun]);
    assert_eq!(transaction.in_words(), "Statement 3 of 4 (line 3) failed. Everything was rolled back.");
}

#[test]
fn statement_by_statement_says_what_is_committed_and_what_remains() {
    use StatementStatus::{Committed, Failed, NotRun};
    let transaction = until(4, 2, true).close(Closing::RolledBack);
    assert_eq!((transaction.outcome, transaction.committed), (TransactionOutcome::Partial, 2));
    assert_eq!(statuses(&transaction), [Committed, Committed, Failed, NotRun]);
    assert_eq!(
        transaction.in_words(),
        "Statement 3 of 4 (line 3) failed. Statements 1 to 2 are committed; statement 4 was not run."
    );
    let all = until(2, 2, true).close(Closing::Committed);
    assert_eq!(
        (all.outcome, all.in_words().as_str()),
        (TransactionOutcome::Committed, "All 2 statements are committed.")
    );
    let first = until(2, 0, true).close(Closing::RolledBack);
    assert_eq!(first.outcome, TransactionOutcome::RolledBack);
}

#[test]
fn a_lost_connection_leaves_the_statement_at_hand_unknown() {
    use StatementStatus::{Committed, NotRun, Unknown};
    let mut journal = until(3, 3, true);
    journal.committed = 1;
    journal.change(2, |entry| entry.state = State::Begun);
    journal.change(3, |entry| entry.state = State::Planned);
    let transaction = journal.close(Closing::Unknown);
    assert_eq!(statuses(&transaction), [Committed, Unknown, NotRun]);
    assert_eq!(
        transaction.in_words(),
        "Statement 1 is committed; whether statement 2 took effect is not known; statement 3 was not run."
    );
}

#[test]
fn tables_without_transactions_make_the_outcome_partial() {
    let transaction = until(2, 1, false).close(Closing::HalfRolledBack);
    assert_eq!(transaction.outcome, TransactionOutcome::Partial);
    assert_eq!(transaction.fate(), StatementStatus::Unknown);
}

#[test]
fn ten_thousand_statements_make_a_short_list_with_the_one_that_failed() {
    let transaction = until(10_000, 7_000, false).close(Closing::RolledBack);
    assert_eq!(transaction.statements.len(), MAX_STATEMENTS);
    assert_eq!(transaction.left_out(), 9_900);
    assert_eq!(transaction.failed().map(|failed| failed.n), Some(7_001));
    assert!(serde_json::to_string(&transaction).unwrap().len() < 12_000);
}

proptest! {
    #[test]
    fn the_list_is_bounded_and_holds_the_end(total in 1_u32..400, part in 0_u32..400, each in any::<bool>()) {
        let ran = part.min(total);
        let transaction = until(total, ran, each).close(if ran == total { Closing::Committed } else { Closing::RolledBack });
        prop_assert_eq!(transaction.statements.len(), MAX_STATEMENTS.min(usize::try_from(total).unwrap()));
        prop_assert_eq!(transaction.failed().is_some(), ran < total);
        let committed = transaction.statements.iter().filter(|one| one.status == StatementStatus::Committed).count();
        prop_assert!(u32::try_from(committed).unwrap() <= transaction.committed);
        prop_assert_eq!(transaction.committed, if ran == total || each { ran } else { 0 });
        prop_assert!(transaction.statements.windows(2).all(|pair| pair[0].n < pair[1].n));
        // No statement is committed in a command that was rolled back, and all are in one that was committed.
        match transaction.outcome {
            TransactionOutcome::Committed => prop_assert_eq!(transaction.committed, total),
            TransactionOutcome::RolledBack => prop_assert_eq!(committed, 0),
            TransactionOutcome::Partial => prop_assert!(each && committed > 0),
            TransactionOutcome::Unknown => prop_assert!(false),
        }
    }
}
