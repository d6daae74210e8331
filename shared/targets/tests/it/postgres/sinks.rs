//! Caps, memory, and sinks that are slow or broken.

use crate::common::{Broken, Counting, Ran, caps};
use crate::postgres::place::Place;
use countersign_targets::{Caps, Record, RunError, Sink, SinkError};
use std::time::Duration;

#[tokio::test]
async fn the_caps_cut_the_output_and_not_the_write() {
    let place = Place::new("targets_caps").await;
    let mut records = Vec::new();
    let few = Caps { max_rows: 3, ..caps(60_000) };
    let result = place.give("DELETE FROM t RETURNING id", few, &mut records).await;
    let ran = Ran { result, records, transaction: None };
    assert_eq!((ran.rows().len(), ran.truncated(), ran.tags()), (3, Some((3, Some(1))), vec!["DELETE 4"]));
    assert_eq!(place.count().await, 0);

    let mut records = Vec::new();
    let small = Caps { max_bytes: 10_000, ..caps(60_000) };
    let result =
        place.give("SELECT repeat('x', 90) FROM generate_series(1, 5000)", small, &mut records).await;
    let summary = result.unwrap();
    let stored: usize = records
        .iter()
        .filter(|r| matches!(r, Record::Columns(_) | Record::Row(_)))
        .map(|r| r.to_line().len())
        .sum();
    assert_eq!(stored as u64, summary.kept_bytes);
    assert!(summary.kept_bytes <= 10_000 && summary.kept_rows + summary.missing_rows == 5000, "{summary:?}");
}

#[tokio::test]
async fn a_result_of_a_gigabyte_needs_little_memory() {
    let place = Place::new("targets_huge").await;
    let mut counting = Counting::default();
    let all = Caps { max_rows: 10_000_000, max_bytes: u64::MAX / 2, ..caps(600_000) };
    let summary = place
        .give("SELECT repeat('x', 10000) FROM generate_series(1, 100000)", all, &mut counting)
        .await
        .unwrap();
    assert_eq!((counting.rows, summary.rows, summary.missing_rows), (100_000, 100_000, 0));
    let status = std::fs::read_to_string("/proc/self/status").expect("this test needs Linux");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak_kib < 300 * 1024, "peak of {peak_kib} KiB for a result of 1 GB");
}

#[tokio::test]
async fn a_sink_that_waits_makes_the_server_wait() {
    struct Slow(u64);
    #[async_trait::async_trait]
    impl Sink for Slow {
        async fn record(&mut self, _: Record) -> Result<(), SinkError> {
            self.0 += 1;
            if self.0 == 2 { std::future::pending().await } else { Ok(()) }
        }
    }
    let place = Place::new("targets_slow").await;
    let mut slow = Slow(0);
    let (ran, ()) = tokio::join!(
        place.give("SELECT repeat('x', 100000) FROM generate_series(1, 100000)", caps(2000), &mut slow),
        async {
            let waits = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'targets_slow' AND wait_event = 'ClientWrite'";
            while place.number(waits).await == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    );
    assert!(matches!(ran, Err(RunError::Lost { .. })), "{ran:?}");
}

#[tokio::test]
async fn a_sink_that_fails_does_not_stop_the_write() {
    let place = Place::new("targets_sink").await;
    let summary = place.give("DELETE FROM t RETURNING id", caps(60_000), &mut Broken).await.unwrap();
    assert_eq!((summary.rows, summary.output_error.as_deref()), (4, Some("the store is full")));
    assert_eq!(place.count().await, 0);
}
