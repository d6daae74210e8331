//! How a run ends when it does not end well.

use crate::common::caps;
use crate::postgres::place::{Place, server};
use crate::postgres::proxy::{self, Trick};
use countersign_targets::{CancellationToken, Record, RunError};

#[tokio::test]
async fn a_time_out_ends_the_session_on_the_server() {
    let place = Place::new("targets_timeout").await;
    for command in [
        "SELECT pg_sleep(600)",
        "DELETE FROM t; SELECT pg_sleep(600)",
        "SET statement_timeout = 0; DELETE FROM t; SELECT pg_sleep(600)",
        "DO $$ BEGIN DELETE FROM t; PERFORM pg_sleep(600); END $$",
    ] {
        let ran = place.run_at(&place.url(None), command, caps(300)).await;
        assert_eq!(ran.error(), &RunError::TimedOut { limit_ms: 300 }, "{command}");
        place.until_idle().await;
        assert_eq!(place.count().await, 4, "{command}");
    }
}

#[tokio::test]
async fn a_time_limit_holds_for_the_command_and_not_for_each_statement() {
    let place = Place::new("targets_whole").await;
    let command = "DELETE FROM t; ".to_owned() + &"SELECT pg_sleep(0.2); ".repeat(500);
    let ran = place.run_at(&place.url(None), &command, caps(1000)).await;
    assert_eq!(ran.error(), &RunError::TimedOut { limit_ms: 1000 });
    assert_eq!(place.count().await, 4);
}

#[tokio::test]
async fn a_cancelled_run_ends_the_session_on_the_server() {
    let place = Place::new("targets_cancel").await;
    let cancel = CancellationToken::new();
    let url = place.url(None);
    let mut records: Vec<Record> = Vec::new();
    let running = place.give_at(
        &url,
        "DELETE FROM t; SELECT pg_sleep(600)",
        caps(60_000),
        &mut records,
        cancel.clone(),
    );
    let (ended, ()) = tokio::join!(running, async {
        place.until_asleep().await;
        cancel.cancel();
    });
    assert_eq!(ended.unwrap_err(), RunError::Cancelled);
    place.until_idle().await;
    assert_eq!(place.count().await, 4);
}

#[tokio::test]
async fn a_cancel_by_somebody_else_is_a_failure_and_not_a_time_out() {
    let place = Place::new("targets_other").await;
    let (ran, ()) = tokio::join!(place.run("SELECT pg_sleep(600)"), async {
        place.until_asleep().await;
        place.number("SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE application_name = 'targets_other'").await;
    });
    assert_eq!(ran.failed().1, "57014");
}

#[tokio::test]
async fn a_session_that_is_killed_leaves_the_outcome_of_a_single_statement_unknown() {
    let place = Place::new("targets_killed").await;
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'targets_killed'";
    let (ran, ()) = tokio::join!(place.run("SELECT pg_sleep(600)"), async {
        place.until_asleep().await;
        place.number(kill).await;
    });
    let RunError::Lost { message } = ran.error() else { panic!("{:?}", ran.error()) };
    assert!(message.contains("57P01") || message.contains("terminating connection"), "{message}");

    let (ran, ()) = tokio::join!(place.run("DELETE FROM t; SELECT pg_sleep(600)"), async {
        place.until_asleep().await;
        place.number(kill).await;
    });
    assert!(
        ran.failed().0.contains("before COMMIT was sent"),
        "a transaction without COMMIT is rolled back: {:?}",
        ran.error()
    );
    assert_eq!(place.count().await, 4);
}

#[tokio::test]
async fn a_connection_that_breaks_is_told_by_the_phase_it_was_in() {
    let place = Place::new("targets_broken").await;
    let several = "DELETE FROM t WHERE id = 1; SELECT 'the second'";
    for (word, delivered, command) in [
        ("standard_conforming_strings", false, several),
        ("DELETE FROM", false, "DELETE FROM t"),
        ("the second", true, several),
        ("COMMIT", false, several),
        ("COMMIT", true, several),
    ] {
        let port = proxy::start(server(), Trick::CutAt { word, delivered }).await;
        let ran = place.run_at(&place.url(Some(port)), command, caps(60_000)).await;
        let case = format!("{word} {delivered}: {:?}", ran.error());
        match word {
            "standard_conforming_strings" | "DELETE FROM" => assert!(ran.error().nothing_ran(), "{case}"),
            "the second" => assert!(ran.failed().0.contains("before COMMIT"), "{case}"),
            _ => assert!(matches!(ran.error(), RunError::Lost { .. }), "{case}"),
        }
    }
    place.until_idle().await;
    assert_eq!(place.count().await, 3, "one COMMIT of two arrived, which nobody could know");
}

#[tokio::test]
async fn a_server_that_does_not_hear_the_cancel_is_left() {
    let place = Place::new("targets_deaf").await;
    for (command, lost) in [("SELECT pg_sleep(15)", true), ("DELETE FROM t; SELECT pg_sleep(15)", false)] {
        let port = proxy::start(server(), Trick::Deaf).await;
        let ran = place.run_at(&place.url(Some(port)), command, caps(200)).await;
        assert_eq!(matches!(ran.error(), RunError::Lost { .. }), lost, "{:?}", ran.error());
        assert_eq!(matches!(ran.error(), RunError::TimedOut { .. }), !lost, "{:?}", ran.error());
    }
    place.until_idle().await;
    assert_eq!(place.count().await, 4);
}
