//! Users, e-mail addresses, connections.

use std::collections::BTreeSet;

use countersign_masking::MaskingPolicy;
use countersign_storage::items::StoredToken;
use countersign_storage::people::{Access, Remember, Saved};
use countersign_storage::requests::Idempotency;
use countersign_storage::{Connection, Key, StorageError, User};

use crate::support::database::Database;
use crate::support::on_every_database;
use crate::support::story::{asker, group, morning, person};

on_every_database!(
    a_user_is_found_by_id_and_by_address_in_any_case,
    an_address_belongs_to_one_user_until_they_leave_it,
    who_changes_a_user_by_an_old_state_gets_a_conflict,
    an_admin_who_decided_by_old_roles_gets_a_conflict,
    a_user_that_is_made_twice_under_one_key_is_made_once,
    users_come_page_by_page_in_the_order_of_their_making,
    nothing_happened_before_the_day_before_the_first_user,
    connections_are_made_changed_and_deleted_by_version,
    connections_come_page_by_page_in_the_order_of_their_names,
);

pub(crate) fn user(number: u32, groups: &[&str]) -> User {
    let person = person(number, groups);
    User {
        id: person.user,
        email: person.email,
        name: format!("Person {number}"),
        groups: person.groups,
        roles: BTreeSet::new(),
        disabled: false,
        slack_user_id: None,
        owner: None,
        created_at: person.user.made_at(),
        version: 1,
        tokens: Vec::new(),
    }
}

pub(crate) fn connection(name: &str) -> Connection {
    Connection {
        name: name.parse().unwrap(),
        kind: "postgres".to_owned(),
        target: serde_json::json!({ "database": "shop" }),
        secret: Some("env:PROD_DB_URL".to_owned()),
        reviewers: vec![group("dba-team"), group("security-team")],
        approvals_per_group: 1,
        distinct_reviewers: true,
        exempt_groups: BTreeSet::new(),
        allowed_groups: BTreeSet::new(),
        approvals: true,
        admin_auto_approve: true,
        timeout_seconds: None,
        run_within_seconds: 3600,
        max_rows: None,
        require_reason: false,
        masking: MaskingPolicy::default(),
        masking_key: None,
        read_secret: None,
        estimate_secret: None,
        guardrails: Vec::new(),
        auto_approve: None,
        notify: BTreeSet::new(),
        slack_channels: Vec::new(),
        created_at: morning(),
        version: 1,
    }
}

async fn a_user_is_found_by_id_and_by_address_in_any_case(database: &Database) {
    let store = &database.store;
    let mut dana = user(1, &["dba-team"]);
    dana.email = "Dana@Example.com".to_owned();
    dana.tokens.push(StoredToken {
        id: "tok_01JD0000000000000000000000".parse().unwrap(),
        name: "laptop".to_owned(),
        secret_sha256: "0".repeat(64),
        created_at: morning(),
        expires_at: None,
        created_by: dana.id,
        runner_connections: None,
        scopes: None,
    });
    assert_eq!(store.put_user(None, &dana, Access::Changed, None).await.unwrap(), Saved::Yes);
    assert_eq!(store.user(dana.id).await.unwrap().unwrap().user, dana);
    for address in ["Dana@Example.com", "dana@example.com", "DANA@EXAMPLE.COM"] {
        assert_eq!(store.user_by_email(address).await.unwrap().unwrap().user, dana, "{address}");
    }
    let found = store.read("test", &[Key::User(dana.id)]).await.unwrap();
    assert_eq!(found.user(dana.id).unwrap(), Some(dana));
    assert_eq!(store.user_by_email("sam@example.com").await.unwrap(), None);
    assert_eq!(store.user(asker().user).await.unwrap(), None);
}

async fn an_address_belongs_to_one_user_until_they_leave_it(database: &Database) {
    let store = &database.store;
    let mut first = user(1, &[]);
    let mut second = user(2, &[]);
    store.put_user(None, &first, Access::Changed, None).await.unwrap();
    second.email = first.email.to_uppercase();
    assert_eq!(store.put_user(None, &second, Access::Changed, None).await.unwrap(), Saved::EmailTaken);
    assert_eq!(store.user(second.id).await.unwrap(), None);
    // To take it by a change of address is no better.
    second.email = "second@example.com".to_owned();
    store.put_user(None, &second, Access::Changed, None).await.unwrap();
    let stored = store.user(second.id).await.unwrap().unwrap();
    let thief = User { email: first.email.clone(), ..second.clone() };
    assert_eq!(
        store.put_user(Some(&stored), &thief, Access::Unchanged, None).await.unwrap(),
        Saved::EmailTaken
    );
    assert_eq!(store.user(second.id).await.unwrap().unwrap(), stored);
    // Left behind, it is free.
    let left = first.email.clone();
    let stored_first = store.user(first.id).await.unwrap().unwrap();
    first.email = "first@example.com".to_owned();
    store.put_user(Some(&stored_first), &first, Access::Unchanged, None).await.unwrap();
    assert_eq!(store.user_by_email(&left).await.unwrap(), None);
    assert_eq!(store.put_user(Some(&stored), &thief, Access::Unchanged, None).await.unwrap(), Saved::Yes);
    assert_eq!(store.user_by_email(&left).await.unwrap().unwrap().user, thief);
}

async fn who_changes_a_user_by_an_old_state_gets_a_conflict(database: &Database) {
    let store = &database.store;
    let dana = user(1, &["dba-team"]);
    store.put_user(None, &dana, Access::Changed, None).await.unwrap();
    let stored = store.user(dana.id).await.unwrap().unwrap();
    let one = User { name: "One".to_owned(), ..dana.clone() };
    let other = User { name: "Other".to_owned(), ..dana.clone() };
    assert_eq!(store.put_user(Some(&stored), &one, Access::Unchanged, None).await.unwrap(), Saved::Yes);
    let late = store.put_user(Some(&stored), &other, Access::Unchanged, None).await;
    assert!(matches!(late, Err(StorageError::Conflict)), "{late:?}");
    let again = User { email: "new@example.com".to_owned(), ..dana };
    let again = store.put_user(None, &again, Access::Changed, None).await;
    assert!(matches!(again, Err(StorageError::Conflict)), "{again:?}");
    assert_eq!(store.user(one.id).await.unwrap().unwrap().user, one);
    assert_eq!(store.user_by_email("new@example.com").await.unwrap(), None);
}

async fn an_admin_who_decided_by_old_roles_gets_a_conflict(database: &Database) {
    let store = &database.store;
    let since = |version| Access::ChangedSince(version);
    assert_eq!(store.put_user(None, &user(1, &[]), since(0), None).await.unwrap(), Saved::Yes);
    let late = store.put_user(None, &user(2, &[]), since(0), None).await;
    assert!(matches!(late, Err(StorageError::Conflict)), "{late:?}");
    assert_eq!(store.put_user(None, &user(2, &[]), since(1), None).await.unwrap(), Saved::Yes);
    let late = store.put_user(None, &user(3, &[]), since(1), None).await;
    assert!(matches!(late, Err(StorageError::Conflict)), "{late:?}");
    assert_eq!(store.user(user(3, &[]).id).await.unwrap(), None);
    let found = store.read("test", &[Key::Access]).await.unwrap();
    assert_eq!(found.access_version().unwrap(), 2);
}

async fn a_user_that_is_made_twice_under_one_key_is_made_once(database: &Database) {
    let store = &database.store;
    let key = Idempotency::new(asker().user, "POST /v1/users", "k", b"body");
    let other_body = Idempotency::new(asker().user, "POST /v1/users", "k", b"other");
    let first = user(1, &[]);
    let made = first.id.to_string();
    let remember = |key| Some(Remember { key, made: &made, now: morning() });
    assert_eq!(store.put_user(None, &first, Access::Changed, remember(&key)).await.unwrap(), Saved::Yes);
    // The second call draws another id, for the same address.
    let second = User { email: first.email.clone(), ..user(2, &[]) };
    let again = store.put_user(None, &second, Access::Changed, remember(&key)).await.unwrap();
    assert_eq!(again, Saved::Before(made.clone()));
    let reused = store.put_user(None, &user(3, &[]), Access::Changed, remember(&other_body)).await.unwrap();
    assert_eq!(reused, Saved::KeyReused);
    assert_eq!(store.all_users().await.unwrap(), [first]);
}

async fn users_come_page_by_page_in_the_order_of_their_making(database: &Database) {
    let store = &database.store;
    let everybody: Vec<User> = (1..=7).map(|number| user(number, &[])).collect();
    for one in everybody.iter().rev() {
        store.put_user(None, one, Access::Changed, None).await.unwrap();
    }
    let mut seen: Vec<User> = Vec::new();
    loop {
        let page = store.users(seen.last().map(|last| last.id), 3).await.unwrap();
        assert!(page.len() <= 3);
        if page.is_empty() {
            break;
        }
        seen.extend(page);
    }
    assert_eq!(seen, everybody);
    assert_eq!(store.all_users().await.unwrap(), everybody);
}

async fn nothing_happened_before_the_day_before_the_first_user(database: &Database) {
    let store = &database.store;
    assert_eq!(store.beginning().await.unwrap().unix_millis(), 0);
    let first = user(1, &[]);
    store.put_user(None, &first, Access::Changed, None).await.unwrap();
    assert_eq!(store.beginning().await.unwrap(), first.id.made_at().plus_millis(-86_400_000));
}

async fn connections_are_made_changed_and_deleted_by_version(database: &Database) {
    let store = &database.store;
    let first = connection("prod-db");
    assert_eq!(store.connection(&first.name).await.unwrap(), None);
    store.put_connection(None, &first).await.unwrap();
    assert_eq!(store.connection(&first.name).await.unwrap(), Some(first.clone()));
    let twice = store.put_connection(None, &first).await;
    assert!(matches!(twice, Err(StorageError::Conflict)), "{twice:?}");
    let second = Connection { version: 2, require_reason: true, ..first.clone() };
    store.put_connection(Some(1), &second).await.unwrap();
    let stale = store.put_connection(Some(1), &Connection { version: 2, ..first.clone() }).await;
    assert!(matches!(stale, Err(StorageError::Conflict)), "{stale:?}");
    let stale = store.delete_connection(&first.name, 1).await;
    assert!(matches!(stale, Err(StorageError::Conflict)), "{stale:?}");
    assert_eq!(store.connection(&first.name).await.unwrap(), Some(second));
    store.delete_connection(&first.name, 2).await.unwrap();
    assert_eq!(store.connection(&first.name).await.unwrap(), None);
    let gone = store.delete_connection(&first.name, 2).await;
    assert!(matches!(gone, Err(StorageError::Conflict)), "{gone:?}");
    // Made again it must not seem to be what it was: that is the caller's to see to.
    store.put_connection(None, &Connection { version: 3, ..first }).await.unwrap();
}

async fn connections_come_page_by_page_in_the_order_of_their_names(database: &Database) {
    let store = &database.store;
    for name in ["b", "d", "a", "e", "c"] {
        store.put_connection(None, &connection(name)).await.unwrap();
    }
    let names = |page: Vec<Connection>| page.into_iter().map(|one| one.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(store.connections(None, 2).await.unwrap()), ["a", "b"]);
    assert_eq!(names(store.connections(Some(&"b".parse().unwrap()), 2).await.unwrap()), ["c", "d"]);
    assert_eq!(names(store.connections(Some(&"d".parse().unwrap()), 2).await.unwrap()), ["e"]);
    assert_eq!(names(store.connections(None, 100).await.unwrap()), ["a", "b", "c", "d", "e"]);
}
