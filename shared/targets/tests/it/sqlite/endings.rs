//! How a run ends: time-outs, cancellation, caps, locks.

use crate::common::{Broken, Counting, caps};
use crate::sqlite::place::Place;
use countersign_targets::{CancellationToken, Caps, Record, RunError, Sink, TargetKind, TargetSpec, run};
use rusqlite::Connection;
use serde_json::json;
use std::time::Duration;

const RUNAWAY: &str = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)";

#[tokio::test]
async fn a_runaway_query_is_timed_out_and_its_write_rolled_back() {
    let place = Place::new();
    for command in [
        format!("{RUNAWAY} SELECT count(*) FROM c"),
        format!("{RUNAWAY} INSERT INTO t (ref) SELECT NULL FROM c"),
        format!("DELETE FROM t; {RUNAWAY} SELECT count(*) FROM c"),
        format!("DELETE FROM t; {RUNAWAY} INSERT INTO t (ref) SELECT NULL FROM c"),
    ] {
        let ran = place.run_on("demo.db", &command, caps(300)).await;
        assert_eq!(ran.error(), &RunError::TimedOut { limit_ms: 300 }, "{command}");
        assert_eq!(place.count(), 4, "{command}");
    }
}

#[tokio::test]
async fn a_run_that_is_cancelled_or_dropped_leaves_nothing() {
    let place = Place::new();
    let spec = TargetSpec::parse(TargetKind::Sqlite, &json!({"path": "demo.db"})).unwrap();
    let command = format!("DELETE FROM t; {RUNAWAY} SELECT count(*) FROM c");
    let environment = place.environment();
    let cancel = CancellationToken::new();
    let mut records = Signal { first: cancel.clone() };
    let ended = run(&spec, None, &command, caps(60_000), &environment, &mut records, cancel).await;
    assert_eq!(ended.result.unwrap_err(), RunError::Cancelled);
    assert_eq!(place.count(), 4);

    let begun = CancellationToken::new();
    let mut records = Signal { first: begun.clone() };
    tokio::select! {
        ended = run(&spec, None, &command, caps(60_000), &environment, &mut records, CancellationToken::new()) => panic!("{ended:?}"),
        () = begun.cancelled() => {}
    }
    // The lock is free once the thread has rolled back; an exclusive lock waits for that.
    let other = Connection::open(place.path("root/demo.db")).unwrap();
    other.busy_timeout(Duration::from_secs(30)).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE; COMMIT").unwrap();
    assert_eq!(place.count(), 4);
}

/// Fires at its first record.
struct Signal {
    first: CancellationToken,
}

#[async_trait::async_trait]
impl Sink for Signal {
    async fn record(&mut self, _: Record) -> Result<(), countersign_targets::SinkError> {
        self.first.cancel();
        Ok(())
    }
}

#[tokio::test]
async fn the_caps_cut_the_output_and_not_the_write() {
    let place = Place::new();
    let few = Caps { max_rows: 2, ..caps(60_000) };
    let ran = place.run_on("demo.db", "DELETE FROM t RETURNING id", few).await;
    assert_eq!((ran.rows().len(), ran.truncated(), ran.tags()), (2, Some((2, Some(2))), vec!["DELETE 4"]));
    assert_eq!(place.count(), 0);

    let short = Caps { max_bytes: 100_000, max_rows: 10_000_000, ..caps(60_000) };
    let mut counting = Counting::default();
    let command = format!("{RUNAWAY} SELECT n, 'some text' FROM c LIMIT 1000000");
    let summary = place.give("demo.db", &command, short, &mut counting).await.result.unwrap();
    assert!(summary.kept_bytes <= 100_000 && summary.kept_bytes > 99_900, "{summary:?}");
    assert_eq!(
        (summary.kept_rows, summary.rows, summary.missing_rows),
        (counting.rows, 1_000_000, 1_000_000 - counting.rows)
    );
}

#[tokio::test]
async fn a_sink_that_fails_does_not_stop_the_write() {
    let place = Place::new();
    let summary =
        place.give("demo.db", "DELETE FROM t RETURNING id", caps(60_000), &mut Broken).await.result.unwrap();
    assert_eq!((summary.rows, summary.output_error.as_deref()), (4, Some("the store is full")));
    assert_eq!(place.count(), 0);
}

#[tokio::test]
async fn a_lock_that_cannot_be_had_is_told() {
    let place = Place::new();
    let other = Connection::open(place.path("root/demo.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let ran = place.run("DELETE FROM t").await;
    assert!(ran.not_started().contains("locked"), "{}", ran.not_started());
}

#[tokio::test]
async fn the_run_can_be_spawned() {
    let place = Place::new();
    let environment = place.environment();
    let spawned = tokio::spawn(async move {
        let spec = TargetSpec::parse(TargetKind::Sqlite, &json!({"path": "demo.db"})).unwrap();
        let mut records: Vec<Record> = Vec::new();
        run(&spec, None, "SELECT 1", caps(60_000), &environment, &mut records, CancellationToken::new()).await
    });
    assert_eq!(spawned.await.unwrap().result.unwrap().rows, 1);
}
