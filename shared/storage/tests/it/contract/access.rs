//! What a claim relies on: nobody's groups, no connection has changed since it looked.

use countersign_rules::Status;
use countersign_storage::people::{Access, Saved};
use countersign_storage::requests::Aside;
use countersign_storage::{Key, StorageError, Store};

use crate::contract::people::{connection, user};
use crate::support::database::Database;
use crate::support::on_every_database;
use crate::support::story::{Wish, append, approve, asker, claim, create, dana, group, morning, next, sound};

on_every_database!(
    a_claim_fails_if_groups_or_connections_changed_since_it_looked,
    a_change_that_matters_to_no_claim_lets_claims_through,
    a_commit_that_failed_on_access_can_be_stored_when_it_looked_again,
);

async fn access_version(store: &Store) -> u64 {
    store.read("test", &[Key::Access]).await.unwrap().access_version().unwrap()
}

async fn approved(store: &Store, number: u32) -> countersign_rules::Request {
    let request = create(store, &Wish::new(number).groups(&["dba-team"])).await;
    let request = append(store, &request, &approve(&dana(), &request), morning()).await;
    assert_eq!(request.status(), Status::Approved);
    request
}

async fn a_claim_fails_if_groups_or_connections_changed_since_it_looked(database: &Database) {
    let store = &database.store;
    let request = approved(store, 1).await;
    let claimed = claim("one", &request, &[&asker(), &dana()], morning().plus_seconds(60));
    let (running, events) = next(&request, &claimed, morning());
    let by = |version| Aside { access_version: Some(version), ..Aside::default() };
    // From nothing to the first change, then from one to the next.
    let before = access_version(store).await;
    assert_eq!(before, 0);
    let mut dana_now = user(1, &["dba-team"]);
    assert_eq!(store.put_user(None, &dana_now, Access::Changed, None).await.unwrap(), Saved::Yes);
    let refused = store.append(&request, &running, &events, &by(before)).await;
    assert!(matches!(refused, Err(StorageError::Conflict)), "{refused:?}");

    let before = access_version(store).await;
    let stored = store.user(dana_now.id).await.unwrap().unwrap();
    dana_now.groups = [group("sales")].into();
    assert_eq!(store.put_user(Some(&stored), &dana_now, Access::Changed, None).await.unwrap(), Saved::Yes);
    let refused = store.append(&request, &running, &events, &by(before)).await;
    assert!(matches!(refused, Err(StorageError::Conflict)), "{refused:?}");

    let before = access_version(store).await;
    store.put_connection(None, &connection("prod-db")).await.unwrap();
    let refused = store.append(&request, &running, &events, &by(before)).await;
    assert!(matches!(refused, Err(StorageError::Conflict)), "{refused:?}");

    let before = access_version(store).await;
    store.delete_connection(&"prod-db".parse().unwrap(), 1).await.unwrap();
    let refused = store.append(&request, &running, &events, &by(before)).await;
    assert!(matches!(refused, Err(StorageError::Conflict)), "{refused:?}");
    assert_eq!(sound(store, request.id).await, request);
}

async fn a_change_that_matters_to_no_claim_lets_claims_through(database: &Database) {
    let store = &database.store;
    let mut sam_now = user(2, &["security-team"]);
    store.put_user(None, &sam_now, Access::Changed, None).await.unwrap();
    let request = approved(store, 1).await;
    let before = access_version(store).await;
    let stored = store.user(sam_now.id).await.unwrap().unwrap();
    sam_now.name = "Samuel".to_owned();
    store.put_user(Some(&stored), &sam_now, Access::Unchanged, None).await.unwrap();
    let claimed = claim("one", &request, &[&asker(), &dana()], morning().plus_seconds(60));
    let (running, events) = next(&request, &claimed, morning());
    let aside = Aside { access_version: Some(before), ..Aside::default() };
    store.append(&request, &running, &events, &aside).await.unwrap();
    assert_eq!(sound(store, request.id).await, running);
}

async fn a_commit_that_failed_on_access_can_be_stored_when_it_looked_again(database: &Database) {
    let store = &database.store;
    let request = approved(store, 1).await;
    store.put_user(None, &user(1, &["dba-team"]), Access::Changed, None).await.unwrap();
    let claimed = claim("one", &request, &[&asker(), &dana()], morning().plus_seconds(60));
    // Within the same millisecond the second round makes the very same events, so the same token.
    let (running, events) = next(&request, &claimed, morning());
    let old = Aside { access_version: Some(0), ..Aside::default() };
    let refused = store.append(&request, &running, &events, &old).await;
    assert!(matches!(refused, Err(StorageError::Conflict)), "{refused:?}");
    let new = Aside { access_version: Some(access_version(store).await), ..Aside::default() };
    store.append(&request, &running, &events, &new).await.unwrap();
    assert_eq!(sound(store, request.id).await, running);
}
