//! Birth and commits of requests, idempotency keys.

use countersign_rules::{Command, RequestId, Status, Via};
use countersign_storage::lists::{Source, Window};
use countersign_storage::requests::{Aside, Idempotency, OutputPiece, Submitted};
use countersign_storage::{Key, StorageError, Store};

use crate::support::database::Database;
use crate::support::on_every_database;
use crate::support::story::{
    Wish, append, approve, asker, cancel, claim, create, dana, group, morning, next, person, reject, sam,
    sound, succeed,
};

on_every_database!(
    a_request_is_stored_with_its_first_events_and_read_back,
    the_commits_of_a_whole_life_stand_in_order_and_replay_to_the_state,
    more_commits_than_one_digit_counts_stand_in_order,
    who_decided_by_an_old_state_gets_a_conflict_and_writes_nothing,
    a_submission_that_is_stored_twice_stands_once,
    another_submission_under_the_same_id_is_a_conflict,
    the_same_key_with_the_same_body_gives_the_first_request,
    the_same_key_with_another_body_is_refused,
    the_same_key_of_another_user_or_route_is_another_key,
    inbox_entries_come_and_go_with_what_is_missing,
    what_waits_for_a_runner_is_found_by_its_connection_while_it_does,
    the_error_text_stands_beside_the_state_and_is_cut,
);

async fn a_request_is_stored_with_its_first_events_and_read_back(database: &Database) {
    let store = &database.store;
    let wish = Wish::new(1);
    let (request, events) = wish.born();
    assert_eq!(store.load(request.id).await.unwrap(), None);
    assert_eq!(store.events(request.id).await.unwrap(), []);
    assert_eq!(store.stored_version(request.id).await.unwrap(), None);
    assert_eq!(store.create(&request, &events, None).await.unwrap(), Submitted::New);
    assert_eq!(sound(store, request.id).await, request);
    assert_eq!(store.events(request.id).await.unwrap(), events);
    let found = store.read("test", &[Key::State(request.id), Key::Created(request.id)]).await.unwrap();
    assert_eq!(found.request(request.id).unwrap(), Some(request.clone()));
    assert_eq!(found.created(request.id).unwrap().unwrap().command, wish.command);
    assert_eq!(found.error_text(request.id), None);
}

async fn the_commits_of_a_whole_life_stand_in_order_and_replay_to_the_state(database: &Database) {
    let store = &database.store;
    let request = create(store, &Wish::new(1)).await;
    let now = morning().plus_seconds(60);
    let request = append(store, &request, &approve(&dana(), &request), now).await;
    assert_eq!(request.status(), Status::Pending);
    let request = append(store, &request, &approve(&sam(), &request), now.plus_seconds(1)).await;
    assert_eq!(request.status(), Status::Approved);
    let people = [&asker(), &dana(), &sam()];
    let claimed = claim("one", &request, &people, now.plus_seconds(90));
    let request = append(store, &request, &claimed, now.plus_seconds(2)).await;
    let request = append(store, &request, &succeed("one"), now.plus_seconds(3)).await;
    assert_eq!(request.status(), Status::Succeeded);
    assert_eq!(sound(store, request.id).await, request);
    let by_commit: Vec<Vec<&str>> = store
        .commits(request.id)
        .await
        .unwrap()
        .iter()
        .map(|events| events.iter().map(|event| event.fact.type_name()).collect())
        .collect();
    let expected: [&[&str]; 5] = [
        &["request.created"],
        &["request.vote"],
        &["request.vote", "request.approved"],
        &["request.running"],
        &["request.succeeded"],
    ];
    assert_eq!(by_commit, expected);
}

async fn more_commits_than_one_digit_counts_stand_in_order(database: &Database) {
    let store = &database.store;
    let groups: Vec<String> = (0..12).map(|number| format!("group-{number}")).collect();
    let names: Vec<&str> = groups.iter().map(String::as_str).collect();
    let mut request = create(store, &Wish::new(1).groups(&names)).await;
    for (number, name) in (10..).zip(&names) {
        let voter = person(number, &[name]);
        request = append(store, &request, &approve(&voter, &request), morning()).await;
    }
    assert_eq!((request.version, request.status()), (13, Status::Approved));
    assert_eq!(sound(store, request.id).await, request);
}

async fn who_decided_by_an_old_state_gets_a_conflict_and_writes_nothing(database: &Database) {
    let store = &database.store;
    let born = create(store, &Wish::new(1)).await;
    let (rejected, events) = next(&born, &reject(&sam(), &born), morning());
    let approved = append(store, &born, &approve(&dana(), &born), morning()).await;
    let late = store.append(&born, &rejected, &events, &Aside::default()).await;
    assert!(matches!(late, Err(StorageError::Conflict)), "{late:?}");
    assert_eq!(sound(store, born.id).await, approved);
    // The inbox is as the vote left it, not as the rejection would have.
    assert_eq!(inbox(store, "security-team").await, [born.id]);
}

async fn a_submission_that_is_stored_twice_stands_once(database: &Database) {
    let store = &database.store;
    let (request, events) = Wish::new(1).born();
    let key = Idempotency::new(asker().user, "POST /v1/requests", "k", b"{}");
    for _ in 0..2 {
        assert_eq!(store.create(&request, &events, Some(&key)).await.unwrap(), Submitted::New);
    }
    assert_eq!(sound(store, request.id).await, request);
}

async fn another_submission_under_the_same_id_is_a_conflict(database: &Database) {
    let store = &database.store;
    let first = create(store, &Wish::new(1)).await;
    let (other, events) = Wish { command: "DROP TABLE customers".to_owned(), ..Wish::new(1) }.born();
    assert_eq!(other.id, first.id);
    let refused = store.create(&other, &events, None).await;
    assert!(matches!(refused, Err(StorageError::Conflict)), "{refused:?}");
    assert_eq!(sound(store, first.id).await, first);
}

async fn the_same_key_with_the_same_body_gives_the_first_request(database: &Database) {
    let store = &database.store;
    let key = Idempotency::new(asker().user, "POST /v1/requests", "k", b"body");
    let (first, events) = Wish::new(1).born();
    assert_eq!(store.create(&first, &events, Some(&key)).await.unwrap(), Submitted::New);
    // Also when the first one has gone on since.
    let first = append(store, &first, &approve(&dana(), &first), morning()).await;
    let (second, events) = Wish::new(2).born();
    assert_eq!(store.create(&second, &events, Some(&key)).await.unwrap(), Submitted::Before(first.id));
    assert_eq!(store.load(second.id).await.unwrap(), None);
    assert_eq!(inbox(store, "security-team").await, [first.id]);
}

async fn the_same_key_with_another_body_is_refused(database: &Database) {
    let store = &database.store;
    let (first, events) = Wish::new(1).born();
    let key = Idempotency::new(asker().user, "POST /v1/requests", "k", b"one");
    store.create(&first, &events, Some(&key)).await.unwrap();
    let (second, events) = Wish::new(2).born();
    let key = Idempotency::new(asker().user, "POST /v1/requests", "k", b"other");
    assert_eq!(store.create(&second, &events, Some(&key)).await.unwrap(), Submitted::KeyReused);
    assert_eq!(store.load(second.id).await.unwrap(), None);
}

async fn the_same_key_of_another_user_or_route_is_another_key(database: &Database) {
    let store = &database.store;
    let keys = [
        Idempotency::new(asker().user, "POST /v1/requests", "k", b"body"),
        Idempotency::new(dana().user, "POST /v1/requests", "k", b"body"),
        Idempotency::new(asker().user, "POST /v1/request", "sk", b"body"),
    ];
    for (number, key) in (1..).zip(&keys) {
        let (request, events) = Wish::new(number).born();
        assert_eq!(store.create(&request, &events, Some(key)).await.unwrap(), Submitted::New, "{key:?}");
    }
}

async fn inbox_entries_come_and_go_with_what_is_missing(database: &Database) {
    let store = &database.store;
    let request = create(store, &Wish::new(1)).await;
    let other = create(store, &Wish::new(2).groups(&["dba-team"])).await;
    assert_eq!(sorted(inbox(store, "dba-team").await), sorted(vec![request.id, other.id]));
    assert_eq!(inbox(store, "security-team").await, [request.id]);
    assert_eq!(inbox(store, "engineering").await, []);
    let request = append(store, &request, &approve(&dana(), &request), morning()).await;
    assert_eq!(inbox(store, "dba-team").await, [other.id]);
    assert_eq!(inbox(store, "security-team").await, [request.id]);
    let request = append(store, &request, &approve(&sam(), &request), morning()).await;
    assert_eq!(inbox(store, "security-team").await, []);
    // Dana has left: the claim re-opens the request, and it waits for her group again.
    let elsewhere = person(1, &[]);
    let claimed = claim("one", &request, &[&asker(), &elsewhere, &sam()], morning().plus_seconds(60));
    let request = append(store, &request, &claimed, morning()).await;
    assert_eq!(request.status(), Status::Pending);
    assert_eq!(sorted(inbox(store, "dba-team").await), sorted(vec![request.id, other.id]));
    append(store, &request, &cancel(&asker()), morning()).await;
    append(store, &other, &reject(&dana(), &other), morning()).await;
    assert_eq!(inbox(store, "dba-team").await, []);
}

async fn the_error_text_stands_beside_the_state_and_is_cut(database: &Database) {
    let store = &database.store;
    let request = create(store, &Wish::new(1).groups(&["dba-team"])).await;
    let (after, events) = next(&request, &reject(&dana(), &request), morning());
    let aside = Aside { error: Some("ß".repeat(3000)), ..Aside::default() };
    store.append(&request, &after, &events, &aside).await.unwrap();
    let found = store.read("test", &[Key::State(request.id)]).await.unwrap();
    assert_eq!(found.error_text(request.id), Some("ß".repeat(1000)));
    assert_eq!(sound(store, request.id).await, after);
}

async fn inbox(store: &Store, name: &str) -> Vec<RequestId> {
    let page = store.list(&Source::Inbox(group(name)), Window::everything(morning()), 100).await.unwrap();
    assert_eq!(page.more_before, None);
    page.ids
}

fn sorted(mut ids: Vec<RequestId>) -> Vec<RequestId> {
    ids.sort_unstable();
    ids
}

async fn what_waits_for_a_runner_is_found_by_its_connection_while_it_does(database: &Database) {
    let store = &database.store;
    let name = "ops".parse().unwrap();
    let wish = |number| Wish { kind: "runner".to_owned(), connection: "ops".to_owned(), ..Wish::new(number) };
    let mut asked = Vec::new();
    for number in [1, 2] {
        let request = create(store, &wish(number).groups(&["dba-team"])).await;
        let request = append(store, &request, &approve(&dana(), &request), morning()).await;
        assert!(!store.work(&name, 10).await.unwrap().contains(&request.id));
        let ask = Command::AskRun { by: asker(), via: Via::Cli };
        asked.push(append(store, &request, &ask, morning()).await);
    }
    let mut ids: Vec<RequestId> = asked.iter().map(|request| request.id).collect();
    ids.sort();
    assert_eq!(store.work(&name, 10).await.unwrap(), ids);
    assert_eq!(store.work(&name, 1).await.unwrap(), ids[..1]);
    assert_eq!(store.work(&"prod-db".parse().unwrap(), 10).await.unwrap(), []);
    append(store, &asked[0], &cancel(&asker()), morning()).await;
    assert_eq!(store.work(&name, 10).await.unwrap(), [asked[1].id]);
    // Output comes in while the request is as it was looked at, and not later.
    let piece = OutputPiece { bytes: b"out".to_vec(), ..OutputPiece::default() };
    let version = asked[1].version;
    store.put_output_while(asked[1].id, 1, &piece, version).await.unwrap();
    let late = store.put_output_while(asked[1].id, 1, &piece, version - 1).await;
    assert!(matches!(late, Err(StorageError::Conflict)), "{late:?}");
}
