//! Deliveries, endpoints and the feed.

use std::collections::BTreeSet;

use countersign_notify::delivery::{Delivery, EventRef, State};
use countersign_notify::endpoint::Disabled;
use countersign_notify::sign::SigningSecret;
use countersign_notify::{Attempt, EndpointId, Health, Outcome, Schedule, Webhook};
use countersign_rules::{RequestId, Timestamp, UserId, WebhookId};
use countersign_storage::commits::CommitRef;
use countersign_storage::deliveries::Write;
use countersign_storage::meter::total;
use countersign_storage::people::Saved;
use countersign_storage::webhooks::StoredWebhook;
use countersign_storage::{StorageError, Store};

use crate::support::database::{Database, Kind};
use crate::support::on_every_database;
use crate::support::story::{Wish, append, approve, create, dana, morning};

on_every_database!(
    a_delivery_that_succeeds_at_once_costs_one_write_unit,
    a_success_is_not_overwritten_by_a_late_failure_and_somebody_may_ask_again,
    what_is_due_is_found_by_endpoint_the_longest_overdue_first,
    the_health_of_an_endpoint_stands_beside_its_settings,
    every_commit_is_found_in_the_feed_by_its_time,
);

fn whe(number: u128) -> WebhookId {
    WebhookId::from_parts(morning(), number)
}

fn delivery(endpoint: &EndpointId, seconds: u32) -> Delivery {
    let at = morning().plus_seconds(seconds);
    let event = EventRef {
        request: RequestId::from_parts(morning(), 7),
        version: 1,
        seq: u64::from(seconds),
        kind: "request.succeeded".to_owned(),
        at,
    };
    Delivery::of_event(endpoint, &event, 1)
}

fn tried(delivery: Delivery, outcome: Outcome, at: Timestamp) -> Delivery {
    let attempt = Attempt {
        outcome,
        status: Some(200),
        answer: "a long answer ".repeat(200),
        duration_millis: 12_345,
        bytes: 123_456,
    };
    delivery.after(&attempt, at, at, &Schedule::default(), 0.0)
}

const FAILED: Outcome = Outcome::Failed { retry_after: None };

async fn a_delivery_that_succeeds_at_once_costs_one_write_unit(database: &Database) {
    let store = database.store.metered();
    let endpoint = EndpointId::Webhook(whe(1));
    let done = tried(delivery(&endpoint, 1), Outcome::Delivered, morning());
    assert!(store.put_delivery(&done, Write::Outcome).await.unwrap());
    let cost = total(&store.meter().take());
    if database.kind == Kind::Embedded {
        assert!((cost.write_units - 1.0).abs() < f64::EPSILON, "{cost:?}");
    }
    assert_eq!(cost.calls, 1);
    assert_eq!(store.delivery(&endpoint, done.id).await.unwrap(), Some(done));
}

async fn a_success_is_not_overwritten_by_a_late_failure_and_somebody_may_ask_again(database: &Database) {
    let (store, endpoint) = (&database.store, EndpointId::Webhook(whe(1)));
    let fresh = delivery(&endpoint, 1);
    let failed = tried(fresh.clone(), FAILED, morning());
    let done = tried(fresh, Outcome::Delivered, morning());
    assert!(store.put_delivery(&failed, Write::Outcome).await.unwrap());
    assert!(store.put_delivery(&done, Write::Outcome).await.unwrap());
    assert!(
        !store.put_delivery(&failed, Write::Outcome).await.unwrap(),
        "of two at once, the success counts"
    );
    let stands = store.delivery(&endpoint, done.id).await.unwrap().unwrap();
    assert_eq!(stands.state, State::Delivered);
    assert!(store.due_deliveries(&endpoint, failed.next_attempt_at.unwrap(), 9).await.unwrap().is_empty());
    let again = done.again(morning());
    assert!(store.put_delivery(&again, Write::Asked).await.unwrap());
    assert_eq!(store.due_deliveries(&endpoint, morning(), 9).await.unwrap(), [again.id]);

    // A state that is newer than the one that was told is told although that succeeded.
    let teams = EndpointId::Teams;
    let event = |version| EventRef {
        request: RequestId::from_parts(morning(), 7),
        version,
        seq: version,
        kind: "request.vote".to_owned(),
        at: morning(),
    };
    let of = |version, outcome| tried(Delivery::of_request(&teams, &event(version)), outcome, morning());
    for (version, outcome, written) in [
        (2, Outcome::Delivered, true),
        (3, FAILED, true),
        (2, Outcome::Delivered, false),
        (3, Outcome::Delivered, true),
        (3, FAILED, false),
    ] {
        let done = store.put_delivery(&of(version, outcome), Write::Outcome).await.unwrap();
        assert_eq!(done, written, "{version} {outcome:?}");
    }
}

async fn what_is_due_is_found_by_endpoint_the_longest_overdue_first(database: &Database) {
    let (store, one, other) = (&database.store, EndpointId::Webhook(whe(1)), EndpointId::Webhook(whe(2)));
    let mut waiting = Vec::new();
    for seconds in [3, 1, 2] {
        let failed = tried(delivery(&one, seconds), FAILED, morning().plus_seconds(seconds));
        store.put_delivery(&failed, Write::Outcome).await.unwrap();
        waiting.push(failed);
    }
    let done = tried(delivery(&one, 9), Outcome::Delivered, morning());
    store.put_delivery(&done, Write::Outcome).await.unwrap();
    let at = |seconds: u32| morning().plus_seconds(5 + seconds);
    let ids: Vec<_> = [1, 2, 0].map(|position: usize| waiting[position].id).to_vec();
    assert_eq!(store.due_deliveries(&one, at(3), 9).await.unwrap(), ids);
    assert_eq!(store.due_deliveries(&one, at(2), 9).await.unwrap(), ids[..2]);
    assert_eq!(store.due_deliveries(&one, at(1).plus_millis(-1), 9).await.unwrap().len(), 0);
    assert_eq!(store.due_deliveries(&other, at(3), 9).await.unwrap().len(), 0);

    let (newest, more) = store.deliveries_to(&one, None, 2).await.unwrap();
    assert_eq!((newest[0].id, newest[1].id, more), (done.id, waiting[0].id, true), "newest first");
    let (rest, more) = store.deliveries_to(&one, Some(newest[1].id), 9).await.unwrap();
    assert_eq!((rest.len(), more), (2, false));
    let between = store.deliveries_between(&one, morning().plus_seconds(2), morning().plus_seconds(3)).await;
    assert_eq!(between.unwrap().len(), 2);
}

fn stored(number: u128) -> StoredWebhook {
    let webhook = Webhook {
        id: whe(number),
        name: "ci".to_owned(),
        url: "https://hooks.example.com/".to_owned(),
        events: [].into(),
        connections: [].into(),
        headers: [].into(),
        enabled: true,
        secret: SigningSecret::from_random([1; 32]),
        retiring: None,
        created_at: morning(),
        created_by: UserId::from_parts(morning(), 1),
        version: 1,
    };
    StoredWebhook { webhook, health: Health::default() }
}

async fn well(store: &Store, stored: &StoredWebhook) -> Health {
    let found = store.webhook(stored.webhook.id).await.unwrap().unwrap();
    assert_eq!(found.webhook, stored.webhook);
    found.health
}

async fn the_health_of_an_endpoint_stands_beside_its_settings(database: &Database) {
    let (store, mut one) = (&database.store, stored(1));
    let endpoint = EndpointId::Webhook(one.webhook.id);
    let later = |seconds| morning().plus_seconds(seconds);
    store.endpoint_failed(&endpoint, morning(), morning(), later(30)).await.unwrap();
    assert_eq!(store.webhook(one.webhook.id).await.unwrap(), None, "its health makes no webhook");
    assert_eq!(store.put_webhook(None, &one, None).await.unwrap(), Saved::Yes);
    assert!(matches!(store.put_webhook(None, &one, None).await, Err(StorageError::Conflict)));
    assert_eq!(well(store, &one).await, Health::default());

    store.endpoint_failed(&endpoint, morning(), morning(), later(30)).await.unwrap();
    store.endpoint_failed(&endpoint, later(1), later(1), later(31)).await.unwrap();
    let failing =
        Health { failing_since: Some(morning()), failures: 2, probe_at: Some(later(31)), disabled: None };
    assert_eq!(well(store, &one).await, failing);
    assert!(!store.claim_probe(&endpoint, later(30), later(60)).await.unwrap(), "not yet");
    assert!(store.claim_probe(&endpoint, later(31), later(61)).await.unwrap());
    assert!(!store.claim_probe(&endpoint, later(31), later(61)).await.unwrap(), "one wins");
    store.endpoint_recovered(&endpoint, later(5)).await.unwrap();
    assert_eq!(well(store, &one).await, Health::default());
    let late = store.endpoint_failed(&endpoint, later(4), later(9), later(39)).await.unwrap();
    assert!(!late, "it began before the endpoint recovered and says nothing of it now");
    assert_eq!(well(store, &one).await, Health::default());

    let disabled = Disabled { at: later(5), why: "it answered 410 Gone".to_owned() };
    assert!(store.disable_endpoint(&endpoint, &disabled).await.unwrap());
    assert!(!store.disable_endpoint(&endpoint, &disabled).await.unwrap());
    one.health.disabled = Some(disabled);
    assert_eq!(well(store, &one).await, one.health);
    let all = store.endpoints().await.unwrap();
    assert_eq!((all.webhooks.len(), all.webhooks[0].is_enabled()), (1, false));
    // A rotated secret leaves it as it is; a change by an admin starts it again.
    one.webhook.version = 2;
    store.put_webhook(Some(1), &one, None).await.unwrap();
    assert_eq!(well(store, &one).await, one.health);
    one.webhook.version = 3;
    one.health = Health::default();
    store.put_webhook(Some(2), &one, None).await.unwrap();
    assert_eq!(well(store, &one).await, Health::default());

    store.endpoint_failed(&EndpointId::Teams, morning(), morning(), later(30)).await.unwrap();
    let all = store.endpoints().await.unwrap();
    assert_eq!((all.webhooks.len(), all.health(&EndpointId::Teams).failures), (1, 1));
    assert!(matches!(store.delete_webhook(one.webhook.id, 2).await, Err(StorageError::Conflict)));
    store.delete_webhook(one.webhook.id, 3).await.unwrap();
    assert!(store.endpoints().await.unwrap().webhooks.is_empty());
}

async fn every_commit_is_found_in_the_feed_by_its_time(database: &Database) {
    let store = &database.store;
    let request = create(store, &Wish::new(1)).await;
    let voted = append(store, &request, &approve(&dana(), &request), morning().plus_seconds(1)).await;
    let found: BTreeSet<CommitRef> =
        store.commits_between(morning(), morning().plus_seconds(600)).await.unwrap().into_iter().collect();
    let commit = |version| CommitRef { request: request.id, version };
    assert_eq!(found, BTreeSet::from([commit(1), commit(voted.version)]));
    let later = morning().plus_seconds(600);
    assert!(store.commits_between(later, later.plus_seconds(90_000)).await.unwrap().is_empty());
    let events = store.events_of_commits(&[commit(2), commit(9)]).await.unwrap();
    assert_eq!((events.len(), events[0].0), (1, commit(2)));
    assert_eq!(events[0].1[0].fact.type_name(), "request.vote");

    assert_eq!(store.notified_until().await.unwrap(), None);
    store.set_notified_until(morning()).await.unwrap();
    assert_eq!(store.notified_until().await.unwrap(), Some(morning()));
}
