//! How a run ends when it does not end well.

use crate::common::caps;
use crate::mariadb::place::Place;
use countersign_targets::{CancellationToken, Record, RunError};

#[tokio::test]
async fn a_time_out_ends_the_session_on_the_server() {
    let place = Place::new("targets_timeout").await;
    for command in [
        "DELETE FROM t WHERE SLEEP(600) = 0",
        "DELETE FROM t; SELECT SLEEP(600)",
        "DELETE FROM t; SELECT count(*) FROM seq_1_to_100000 a, seq_1_to_100000 b, seq_1_to_100000 c",
    ] {
        let ran = place.run_at(&place.url(), command, caps(300)).await;
        assert_eq!(ran.error(), &RunError::TimedOut { limit_ms: 300 }, "{command}");
        place.until_idle().await;
        assert_eq!(place.count().await, 4, "{command}");
    }
}

#[tokio::test]
async fn a_cancelled_run_ends_the_session_on_the_server() {
    let place = Place::new("targets_cancel").await;
    let cancel = CancellationToken::new();
    let url = place.url();
    let mut records: Vec<Record> = Vec::new();
    let running =
        place.give_at(&url, "DELETE FROM t; SELECT SLEEP(600)", caps(60_000), &mut records, cancel.clone());
    let (ended, ()) = tokio::join!(running, async {
        place.until_asleep().await;
        cancel.cancel();
    });
    assert_eq!(ended.unwrap_err(), RunError::Cancelled);
    place.until_idle().await;
    assert_eq!(place.count().await, 4);
}

#[tokio::test]
async fn a_session_that_is_killed_leaves_the_outcome_of_a_single_statement_unknown() {
    let place = Place::new("targets_killed").await;
    for (command, lost) in
        [("DELETE FROM t WHERE SLEEP(600) = 0", true), ("DELETE FROM t; SELECT SLEEP(600)", false)]
    {
        let (ran, ()) = tokio::join!(place.run(command), async {
            let id = place.until_asleep().await;
            place.admin(&format!("KILL CONNECTION {id}")).await;
        });
        assert_eq!(matches!(ran.error(), RunError::Lost { .. }), lost, "{command}: {:?}", ran.error());
        if !lost {
            assert!(ran.failed().0.contains("before COMMIT"), "{:?}", ran.error());
        }
        place.until_idle().await;
        assert_eq!(place.count().await, 4, "{command}");
    }
}

#[tokio::test]
async fn a_run_that_is_dropped_leaves_nothing_behind() {
    let place = Place::new("targets_dropped").await;
    let url = place.url();
    let mut records: Vec<Record> = Vec::new();
    tokio::select! {
        ended = place.give_at(&url, "DELETE FROM t; SELECT SLEEP(5)", caps(60_000), &mut records, CancellationToken::new()) => panic!("{ended:?}"),
        _ = place.until_asleep() => {}
    }
    place.until_idle().await;
    assert_eq!(place.count().await, 4);
}

#[tokio::test]
async fn a_table_without_transactions_keeps_its_changes_and_the_error_says_so() {
    let place = Place::new("targets_myisam").await;
    place.admin("CREATE TABLE m (id int PRIMARY KEY) ENGINE=MyISAM").await;
    let ran = place.run("INSERT INTO m VALUES (1); INSERT INTO t VALUES (1, 'x')").await;
    assert!(ran.failed().0.contains("they stay"), "{}", ran.failed().0);
    assert_eq!(place.number("SELECT count(*) FROM m").await, 1);
}
