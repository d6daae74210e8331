//! What is told of the statements of a command, and of warnings.

use crate::common::by_statement;
use crate::mariadb::place::Place;
use countersign_rules::transaction::StatementStatus::{Committed, Failed, NotRun, RolledBack};
use countersign_rules::transaction::TransactionOutcome;

#[tokio::test]
async fn a_script_that_fails_says_which_statement_and_that_nothing_stays() {
    let place = Place::new("targets_script").await;
    let ran = place.run("UPDATE t SET name = 'Q' WHERE id = 1;\nSELECT * FROM nosuch;\nSELECT 1").await;
    assert_eq!(ran.outcome(), TransactionOutcome::RolledBack);
    assert_eq!(ran.statements(), [(1, 1, RolledBack), (2, 2, Failed), (3, 3, NotRun)]);
    assert!(ran.error_text().starts_with("statement 2 of 3, line 2: "), "{}", ran.error_text());
    assert_eq!(ran.shown().0, "rolled back: UPDATE\n");
}

#[tokio::test]
async fn tables_without_transactions_keep_their_part() {
    let place = Place::new("targets_script_myisam").await;
    place.admin("CREATE TABLE m (a int) ENGINE=MyISAM").await;
    let ran = place.run("INSERT INTO m VALUES (1); SELECT * FROM nosuch").await;
    assert_eq!(ran.outcome(), TransactionOutcome::Partial);
    assert!(!ran.shown().0.contains("INSERT 1"), "{}", ran.shown().0);
    // Alone too: the rows before the error stay.
    place.admin("CREATE TABLE n (a int PRIMARY KEY) ENGINE=MyISAM").await;
    let ran = place.run("INSERT INTO n VALUES (1), (1)").await;
    assert_eq!(ran.outcome(), TransactionOutcome::Unknown);
    let ran = place.run("INSERT INTO t VALUES (1, 'again')").await;
    assert_eq!(ran.outcome(), TransactionOutcome::RolledBack);
}

#[tokio::test]
async fn a_migration_runs_statement_by_statement() {
    let place = Place::new("targets_by_statement").await;
    let ran = place
        .run_with(
            by_statement(),
            "ALTER TABLE t ADD COLUMN a int;\nUPDATE t SET a = 1;\nALTER TABLE t ADD COLUMN a int;\nDROP TABLE t",
        )
        .await;
    assert_eq!(ran.outcome(), TransactionOutcome::Partial);
    assert_eq!(ran.statements(), [(1, 1, Committed), (2, 2, Committed), (3, 3, Failed), (4, 4, NotRun)]);
    assert_eq!(place.run("SELECT count(*) FROM t WHERE a = 1").await.cell(), "4");
    let refused = place.run("ALTER TABLE t ADD COLUMN b int; UPDATE t SET b = 1").await;
    assert!(refused.not_started().contains("--statement-by-statement"), "{}", refused.not_started());
}

#[tokio::test]
async fn of_several_objects_the_first_may_be_gone() {
    let place = Place::new("targets_script_drop").await;
    let ran = place.run("DROP TABLE t, nosuch").await;
    assert_eq!(ran.outcome(), TransactionOutcome::Unknown);
    let ran = place.run("DROP TABLE nosuch").await;
    assert_eq!(ran.outcome(), TransactionOutcome::RolledBack);
}

/// Case 23.
#[tokio::test]
async fn warnings_are_kept() {
    let place = Place::new("targets_warnings").await;
    place.admin("CREATE TABLE n (n int)").await;
    let ran = place.run("INSERT IGNORE INTO n (n) VALUES ('zz')").await;
    assert_eq!(ran.notices().len(), 1, "{ran:?}");
    assert!(ran.notices()[0].1.contains("Incorrect integer value: 'zz'"), "{ran:?}");
    assert_eq!(ran.notices()[0].0, "Warning");
    let ran = place.run("DROP TABLE IF EXISTS nosuch").await;
    assert_eq!(ran.notices().first().map(|notice| notice.0), Some("Note"));
    let ran = place.run("SELECT CAST('12x' AS int); SELECT 1").await;
    assert_eq!((ran.notices().len(), ran.tags()), (1, vec!["SELECT 1", "SELECT 1"]));
}

/// Case 19.
#[tokio::test]
async fn a_file_with_delimiters_runs() {
    let place = Place::new("targets_delimiter").await;
    let file = "DELIMITER //\nCREATE PROCEDURE p()\nBEGIN\n  SELECT 1;\n  SELECT 2;\nEND//\nDELIMITER ;\nCALL p();\n";
    let ran = place.run_with(by_statement(), file).await;
    ran.result.as_ref().unwrap();
    assert_eq!(ran.statements(), [(1, 2, Committed), (2, 8, Committed)]);
    assert_eq!(ran.rows().len(), 2);
    let ran = place.run("DELIMITER $$\nDROP PROCEDURE p$$\nDELIMITER ;").await;
    assert_eq!(ran.tags(), ["DROP PROCEDURE"]);
}
