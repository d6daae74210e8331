//! What is told of the statements of a command.

use super::place::Place;
use crate::common::{at_most, by_statement};
use countersign_rules::transaction::StatementStatus::{Committed, Failed, NotRun, RolledBack};
use countersign_rules::transaction::TransactionOutcome;

#[tokio::test]
async fn a_script_that_fails_says_which_statement_and_that_nothing_stays() {
    let place = Place::new();
    let ran = place.run("DELETE FROM t WHERE id = 1;\n\nSELECT * FROM nosuch;\nSELECT 1").await;
    assert_eq!(ran.outcome(), TransactionOutcome::RolledBack);
    assert_eq!(ran.statements(), [(1, 1, RolledBack), (2, 3, Failed), (3, 4, NotRun)]);
    assert!(ran.error_text().starts_with("statement 2 of 3, line 3: no such table"), "{}", ran.error_text());
    assert_eq!(ran.shown().0, "rolled back: DELETE\n");
    assert_eq!(place.count(), 4);
    let ran = place.run_with(at_most(1), "DELETE FROM t").await;
    assert_eq!((ran.outcome(), ran.tags().len()), (TransactionOutcome::RolledBack, 0));
}

#[tokio::test]
async fn statement_by_statement_keeps_what_was_committed_and_stops() {
    let place = Place::new();
    let script = "DELETE FROM t WHERE id = 1;\nVACUUM;\nSELECT * FROM nosuch;\nDELETE FROM t";
    let ran = place.run_with(by_statement(), script).await;
    assert_eq!(ran.outcome(), TransactionOutcome::Partial);
    assert_eq!(ran.statements(), [(1, 1, Committed), (2, 2, Committed), (3, 3, Failed), (4, 4, NotRun)]);
    assert_eq!(place.count(), 3);
    let ran = place.run_with(by_statement(), "DELETE FROM t; INSERT INTO t (id) VALUES (7)").await;
    assert_eq!((ran.outcome(), place.count()), (TransactionOutcome::Committed, 1));
}

#[tokio::test]
async fn ten_thousand_statements_make_a_short_result() {
    let place = Place::new();
    let ran = place.run(&"SELECT 1;".repeat(10_000)).await;
    let transaction = ran.transaction.unwrap();
    assert_eq!(
        (transaction.total, transaction.committed, transaction.statements.len()),
        (10_000, 10_000, 100)
    );
}
