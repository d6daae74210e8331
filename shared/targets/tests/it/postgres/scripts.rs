//! What is told of the statements of a command, and of notices.

use crate::common::{at_most, by_statement};
use crate::postgres::place::Place;
use countersign_rules::transaction::StatementStatus::{Committed, Failed, NotRun, RolledBack};
use countersign_rules::transaction::TransactionOutcome;

/// Case 20 of guardrails.md.
#[tokio::test]
async fn a_script_that_fails_says_which_statement_and_that_nothing_stays() {
    let place = Place::new("targets_script").await;
    let ran = place
        .run("UPDATE t SET name = 'Q' WHERE id = 1;\n\nINSERT INTO t VALUES (9999, 'x');\n-- the last one\nSELECT * FROM nosuch;\nSELECT 1")
        .await;
    assert_eq!(ran.outcome(), TransactionOutcome::RolledBack);
    assert_eq!(ran.statements(), [(1, 1, RolledBack), (2, 3, RolledBack), (3, 5, Failed), (4, 6, NotRun)]);
    let error = ran.error_text();
    assert!(
        error.starts_with("statement 3 of 4, line 5: ERROR: relation \"nosuch\" does not exist"),
        "{error}"
    );
    let (text, json) = ran.shown();
    for shown in [&text, &json] {
        assert!(!shown.contains("UPDATE 1") && !shown.contains("INSERT 0 1"), "{shown}");
    }
    assert_eq!(text, "rolled back: UPDATE\nrolled back: INSERT\n");
    let sets: serde_json::Value = serde_json::from_str(&json).unwrap();
    for set in sets.as_array().unwrap() {
        assert_eq!((&set["complete"], &set["status"]), (&false.into(), &"rolled_back".into()), "{json}");
    }
    let words = ran.transaction.as_ref().unwrap().in_words();
    assert_eq!(words, "Statement 3 of 4 (line 5) failed. Everything was rolled back.");
    assert_eq!(place.count().await, 4);
}

/// Case 21.
#[tokio::test]
async fn a_bound_that_is_exceeded_says_rolled_back() {
    let place = Place::new("targets_script_bound").await;
    let ran = place.run_with(at_most(3), "UPDATE t SET name = id::text").await;
    assert_eq!((ran.outcome(), ran.statements()), (TransactionOutcome::RolledBack, vec![(1, 1, RolledBack)]));
    let (text, json) = ran.shown();
    assert_eq!(text, "rolled back: UPDATE\n");
    assert!(!json.contains("UPDATE 4"), "{json}");
}

#[tokio::test]
async fn a_commit_that_fails_rolls_every_statement_back() {
    let place = Place::new("targets_script_commit").await;
    place.run("CREATE TABLE u (id int REFERENCES t DEFERRABLE INITIALLY DEFERRED)").await.result.unwrap();
    let ran = place.run("INSERT INTO u VALUES (99); SELECT 1").await;
    assert_eq!(ran.statements(), [(1, 1, RolledBack), (2, 1, RolledBack)]);
}

#[tokio::test]
async fn statement_by_statement_keeps_what_was_committed_and_stops() {
    let place = Place::new("targets_by_statement").await;
    let ran = place
        .run_with(
            by_statement(),
            "DELETE FROM t WHERE id = 1;\nCREATE INDEX CONCURRENTLY i ON t (name);\nSELECT 1 / 0;\nDELETE FROM t",
        )
        .await;
    assert_eq!(ran.outcome(), TransactionOutcome::Partial);
    assert_eq!(ran.statements(), [(1, 1, Committed), (2, 2, Committed), (3, 3, Failed), (4, 4, NotRun)]);
    let words = ran.transaction.as_ref().unwrap().in_words();
    assert_eq!(
        words,
        "Statement 3 of 4 (line 3) failed. Statements 1 to 2 are committed; statement 4 was not run."
    );
    assert_eq!(ran.shown().0.lines().next(), Some("DELETE 1"), "what is committed is told as such");
    assert_eq!(place.count().await, 3);
    let ran = place.run_with(by_statement(), "DELETE FROM t WHERE id = 2; VACUUM t").await;
    assert_eq!((ran.result.is_ok(), ran.outcome()), (true, TransactionOutcome::Committed));
}

#[tokio::test]
async fn one_by_one_and_a_bound_exclude_each_other() {
    let place = Place::new("targets_by_statement_bound").await;
    let both = countersign_targets::RunOptions { max_affected_rows: Some(1), ..by_statement() };
    let ran = place.run_with(both, "DELETE FROM t").await;
    assert!(ran.not_started().contains("one by one"), "{}", ran.not_started());
    assert_eq!((place.count().await, ran.transaction), (4, None));
}

#[tokio::test]
async fn code_that_commits_and_fails_is_not_called_rolled_back() {
    let place = Place::new("targets_script_code").await;
    let ran = place.run("DO $$ BEGIN DELETE FROM t WHERE id = 1; COMMIT; PERFORM 1 / 0; END $$").await;
    assert_eq!(ran.outcome(), TransactionOutcome::Unknown);
    assert_eq!(place.count().await, 3);
    let ran = place.run("DO $$ BEGIN DELETE FROM t WHERE id = 2; PERFORM 1 / 0; END $$").await;
    assert_eq!((ran.outcome(), place.count().await), (TransactionOutcome::RolledBack, 3));
}

/// Case 22.
#[tokio::test]
async fn notices_and_warnings_are_kept() {
    let place = Place::new("targets_notices").await;
    let ran = place.run("DO $$ BEGIN RAISE NOTICE 'x'; RAISE WARNING 'y' USING HINT = 'z'; END $$").await;
    assert_eq!(ran.notices(), [("NOTICE", "x"), ("WARNING", "y; hint: z")]);
    let ran = place.run("CREATE TABLE IF NOT EXISTS t (a int)").await;
    assert_eq!(ran.notices(), [("NOTICE", "relation \"t\" already exists, skipping")]);
    let ran = place.run("VACUUM VERBOSE t").await;
    assert!(
        ran.notices().iter().any(|(severity, text)| *severity == "INFO" && text.contains("vacuum")),
        "{ran:?}"
    );
    let ran = place.run("DO $$ BEGIN RAISE NOTICE 'before'; PERFORM 1 / 0; END $$").await;
    assert_eq!((ran.notices(), ran.failed().1), (vec![("NOTICE", "before")], "22012"));
    let ran = place.run("SELECT 1; DO $$ BEGIN RAISE INFO 'of the second'; END $$").await;
    let (text, json) = ran.shown();
    assert!(!text.contains("of the second"), "{text}");
    let sets: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(sets[1]["notices"][0]["message"], "of the second", "{json}");
}

#[tokio::test]
async fn notices_without_end_are_bounded() {
    let place = Place::new("targets_notices_many").await;
    let ran = place.run("DO $$ BEGIN FOR i IN 1..5000 LOOP RAISE NOTICE '%', i; END LOOP; END $$").await;
    let notices = ran.notices();
    assert_eq!((notices.len(), notices.first()), (201, Some(&("NOTICE", "1"))));
    assert_eq!(notices.last(), Some(&("NOTE", "4800 more notices were not kept")));
}
