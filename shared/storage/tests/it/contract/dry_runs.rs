//! How many dry runs a person had.

use countersign_rules::UserId;

use crate::support::database::Database;
use crate::support::on_every_database;
use crate::support::story::morning;

on_every_database!(
    a_person_has_so_many_dry_runs_a_minute_and_new_ones_in_the_next,
    dry_runs_that_come_together_are_counted_one_by_one,
);

fn human(number: u128) -> UserId {
    UserId::from_parts(morning(), number)
}

async fn a_person_has_so_many_dry_runs_a_minute_and_new_ones_in_the_next(database: &Database) {
    let store = &database.store;
    let count = |who, at| async move { store.count_dry_run(human(who), at, 3).await.unwrap() };
    for _ in 0..3 {
        assert!(count(1, morning()).await);
    }
    assert!(!count(1, morning()).await && !count(1, morning()).await);
    assert!(count(2, morning()).await, "another person");
    assert!(count(1, morning().plus_seconds(60)).await, "another minute");
}

async fn dry_runs_that_come_together_are_counted_one_by_one(database: &Database) {
    let store = &database.store;
    let calls = (0..20).map(|_| store.count_dry_run(human(3), morning(), 5));
    let counted = futures::future::join_all(calls).await;
    assert_eq!(counted.into_iter().filter(|allowed| *allowed.as_ref().unwrap()).count(), 5);
}
