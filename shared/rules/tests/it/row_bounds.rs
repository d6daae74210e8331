//! The standing bound on changed rows: where it holds, and what it must be.

use crate::story::Story;
use countersign_rules::policy::{InvalidPolicy, MAX_ROW_BOUND};
use countersign_rules::request::{RunMode, run_options};
use countersign_rules::{Bounds, Policy, StatementMode, Status};

#[test]
fn a_standing_row_bound_holds_beside_those_of_approvals_and_without_any() {
    let mut story = Story::new(&["dba"]).person("dana", &["dba"]);
    story.policy.max_rows = Some(20);
    let mut story = story.submitted_by("alice");
    assert_eq!(story.request().bounds().max_rows, Some(20));
    story.approves_within("dana", Bounds { max_rows: Some(50), not_after: None }).unwrap();
    assert_eq!(story.request().bounds().max_rows, Some(20));

    let mut open = Story::new(&["dba"]);
    open.policy.approvals = false;
    open.policy.max_rows = Some(7);
    let open = open.submitted_by("alice");
    assert_eq!((open.request().status(), open.request().bounds().max_rows), (Status::Approved, Some(7)));

    let checked = |rows| Policy { max_rows: Some(rows), ..open.policy.clone() }.check();
    assert_eq!((checked(1), checked(MAX_ROW_BOUND)), (Ok(()), Ok(())));
    for rows in [0, MAX_ROW_BOUND + 1] {
        assert_eq!(checked(rows), Err(InvalidPolicy::MaxRows(rows)));
    }
}

#[test]
fn the_digest_covers_the_standing_row_bound() {
    let options = |read_only, rows| run_options(RunMode::Manual, read_only, StatementMode::Transaction, rows);
    assert_eq!(options(false, None), "manual");
    assert_eq!(options(true, Some(5)), "manual;read-only;max-rows=5");
    let one_by_one = run_options(RunMode::Manual, false, StatementMode::StatementByStatement, Some(5));
    assert_eq!(one_by_one, "manual;statement-by-statement;max-rows=5");
    let digest = |rows| {
        let mut story = Story::new(&["dba"]);
        story.policy.max_rows = rows;
        story.submitted_by("alice").request().digest
    };
    assert!(digest(None) != digest(Some(5)) && digest(Some(5)) != digest(Some(6)));
}
