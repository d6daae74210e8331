//! The run of very many deliveries, with few: nothing is lost and no id changes.

use countersign_bench::deliveries::{Options, measure, print};

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_everything_arrives_under_the_id_that_it_had() {
    let report =
        measure(&Options { requests: 40, clients: 8, per_second: None, patience: 120 }).await.unwrap();
    print(&report);
    assert_eq!(report.arrived, report.wanted);
    assert_eq!(report.ids_changed, 0);
    assert!(report.attempts > report.wanted, "some had to be tried again");
}
