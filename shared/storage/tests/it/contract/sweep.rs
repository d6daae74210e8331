//! What is overdue.

use std::collections::BTreeSet;

use countersign_rules::effects::sweep_at;
use countersign_rules::request::RunMode;
use countersign_rules::{Command, Request, RequestId, Status, Timestamp};
use countersign_storage::{Store, keys};

use crate::support::database::Database;
use crate::support::on_every_database;
use crate::support::story::{
    Wish, append, approve, asker, claim, create, dana, morning, reject, sam, succeed,
};

on_every_database!(
    exactly_what_is_due_is_found_from_its_very_millisecond_on,
    no_entry_of_an_open_request_is_later_than_its_deadline,
);

/// Everything overdue, over all shards, page by page.
async fn overdue(store: &Store, now: Timestamp, limit: usize) -> BTreeSet<RequestId> {
    let mut all = Vec::new();
    for shard in 0..keys::OPEN_SHARDS {
        let mut start = None;
        loop {
            let page = store.overdue(shard, now, start, limit).await.unwrap();
            assert!(page.ids.len() <= limit);
            all.extend(page.ids);
            start = page.next;
            if start.is_none() {
                break;
            }
        }
    }
    let found: BTreeSet<RequestId> = all.iter().copied().collect();
    assert_eq!(found.len(), all.len(), "nothing twice");
    found
}

async fn exactly_what_is_due_is_found_from_its_very_millisecond_on(database: &Database) {
    let store = &database.store;
    let mut requests = Vec::new();
    for number in 0..24u32 {
        let wish = Wish { timeout_seconds: 60 + number * 60, ..Wish::new(number).groups(&["dba-team"]) };
        let born = create(store, &wish).await;
        requests.push(match number % 3 {
            0 => born,
            1 => append(store, &born, &reject(&dana(), &born), morning()).await,
            _ => {
                let approved = append(store, &born, &approve(&dana(), &born), morning()).await;
                let lease = morning().plus_seconds(90 + number);
                let claimed = claim("one", &approved, &[&asker(), &dana()], lease);
                append(store, &approved, &claimed, morning()).await
            }
        });
    }
    let moments: BTreeSet<Timestamp> = requests.iter().filter_map(sweep_at).collect();
    for moment in moments {
        for now in [moment.plus_millis(-1), moment] {
            let is_due = |request: &&Request| sweep_at(request).is_some_and(|at| at <= now);
            let expected: BTreeSet<RequestId> =
                requests.iter().filter(is_due).map(|request| request.id).collect();
            assert_eq!(overdue(store, now, 2).await, expected, "at {now}");
        }
    }
}

/// Where the status index keeps a request: partition and sort key.
async fn entry(database: &Database, id: RequestId) -> (String, String) {
    let item = database.raw(&format!("R#{}", id.ulid()), "S").await.unwrap();
    (item["spk"].as_s().unwrap().clone(), item["ssk"].as_s().unwrap().clone())
}

async fn no_entry_of_an_open_request_is_later_than_its_deadline(database: &Database) {
    let store = &database.store;
    // Votes may come longer than a claim, and the other way round; started by hand, and at once.
    let kinds = [(7200, 60), (60, 7200), (600, 600)];
    let wishes = kinds.into_iter().flat_map(|kind| [(kind, RunMode::Manual), (kind, RunMode::OnApproval)]);
    for (number, ((timeout_seconds, run_within_seconds), run)) in (0..).zip(wishes) {
        let wish = Wish { timeout_seconds, run_within_seconds, run, ..Wish::new(number) };
        let mut request = create(store, &wish).await;
        check_entry(database, &request).await;
        let now = morning().plus_seconds(10);
        let lease = now.plus_seconds(30);
        let people = [asker(), dana(), sam()];
        let people: Vec<_> = people.iter().collect();
        let steps: [(Command, Timestamp); 4] = [
            (approve(&dana(), &request), now),
            (approve(&sam(), &request), now),
            (claim("one", &request, &people, lease), now),
            (Command::Tick, lease),
        ];
        for (command, now) in steps {
            request = append(store, &request, &command, now).await;
            check_entry(database, &request).await;
        }
        assert_eq!(request.status(), Status::Unknown);
        let (partition, due) = entry(database, request.id).await;
        assert!(partition.starts_with("O#") && due.starts_with("9999"), "UNKNOWN waits for a person: {due}");
    }
    let born = create(store, &Wish::new(99).groups(&["dba-team"])).await;
    let approved = append(store, &born, &approve(&dana(), &born), morning()).await;
    let claimed = claim("one", &approved, &[&asker(), &dana()], morning().plus_seconds(60));
    let running = append(store, &approved, &claimed, morning()).await;
    let ended = append(store, &running, &succeed("one"), morning()).await;
    let expected = ("T#SUCCEEDED#2026-11".to_owned(), ended.id.ulid());
    assert_eq!(entry(database, ended.id).await, expected);
}

async fn check_entry(database: &Database, request: &Request) {
    let Some(due) = sweep_at(request) else { return };
    let (partition, entry) = entry(database, request.id).await;
    assert!(partition.starts_with("O#"), "{partition}");
    let (at, whose) = entry.split_once('#').unwrap();
    assert_eq!(whose, format!("{}#{}", request.id.ulid(), request.requester.user.ulid()));
    assert!(at <= due.rfc3339().as_str(), "{} is kept for {at}, due {due}", request.status());
    assert!(overdue(&database.store, due, 10).await.contains(&request.id));
}
