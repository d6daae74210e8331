//! Sessions, identities, codes that are good once.

use countersign_storage::sign_in::{OneTimeCode, Session};
use countersign_storage::{Key, StorageError};

use crate::contract::people::user;
use crate::support::database::Database;
use crate::support::on_every_database;
use crate::support::story::morning;

on_every_database!(
    a_session_is_found_with_its_user_and_changed_by_one_at_a_time,
    an_ended_session_is_gone_and_does_not_come_back,
    an_identity_is_one_persons_for_ever,
    a_code_is_good_once_for_one_of_many,
);

fn session(secret: &str) -> Session {
    Session {
        how: "oidc".to_owned(),
        browser: "a browser".to_owned(),
        created_at: morning(),
        rotated_at: morning(),
        expires_at: morning().plus_seconds(60),
        secret_sha256: secret.to_owned(),
        previous: None,
    }
}

async fn a_session_is_found_with_its_user_and_changed_by_one_at_a_time(database: &Database) {
    let store = &database.store;
    let ann = user(1, &[]).id;
    store.put_session(ann, "one", None, &session("a")).await.unwrap();
    assert!(matches!(store.put_session(ann, "one", None, &session("b")).await, Err(StorageError::Conflict)));
    let key = Key::Session(ann, "one".to_owned());
    let found = store.read("test", &[Key::User(ann), key]).await.unwrap();
    let stored = found.session(ann, "one").unwrap().unwrap();
    assert_eq!(stored.session, session("a"));
    assert_eq!(found.session(ann, "other").unwrap(), None);
    store.put_session(ann, "one", Some(&stored), &session("c")).await.unwrap();
    let late = store.put_session(ann, "one", Some(&stored), &session("d")).await;
    assert!(matches!(late, Err(StorageError::Conflict)));
    let all = store.sessions(ann).await.unwrap();
    assert_eq!(all.iter().map(|stored| stored.session.secret_sha256.as_str()).collect::<Vec<_>>(), ["c"]);
}

async fn an_ended_session_is_gone_and_does_not_come_back(database: &Database) {
    let store = &database.store;
    let (ann, bob) = (user(1, &[]).id, user(2, &[]).id);
    for (whose, id) in [(ann, "one"), (ann, "two"), (bob, "one")] {
        store.put_session(whose, id, None, &session(id)).await.unwrap();
    }
    let one = store.sessions(ann).await.unwrap().into_iter().find(|stored| stored.id == "one").unwrap();
    store.end_sessions(ann, &["one".to_owned()]).await.unwrap();
    store.end_sessions(ann, &["one".to_owned(), "never".to_owned()]).await.unwrap();
    // Its secret was about to be changed.
    let late = store.put_session(ann, "one", Some(&one), &session("z")).await;
    assert!(matches!(late, Err(StorageError::Conflict)));
    let left = store.sessions(ann).await.unwrap();
    assert_eq!(left.iter().map(|stored| stored.id.as_str()).collect::<Vec<_>>(), ["two"]);
    assert_eq!(store.sessions(bob).await.unwrap().len(), 1);
}

async fn an_identity_is_one_persons_for_ever(database: &Database) {
    let store = &database.store;
    let (ann, bob) = (user(1, &[]).id, user(2, &[]).id);
    assert_eq!(store.linked("https://issuer", "a").await.unwrap(), None);
    store.link("https://issuer", "a", ann).await.unwrap();
    assert!(matches!(store.link("https://issuer", "a", bob).await, Err(StorageError::Conflict)));
    assert_eq!(store.linked("https://issuer", "a").await.unwrap(), Some(ann));
    // What runs together is not the same: the issuer's length is part of the name.
    assert_eq!(store.linked("https://issuer:a", "").await.unwrap(), None);
    assert_eq!(store.linked("https://issue", "r:a").await.unwrap(), None);
    assert_eq!(store.linked("https://issuer", "A").await.unwrap(), None);
}

async fn a_code_is_good_once_for_one_of_many(database: &Database) {
    let store = &database.store;
    let meaning = OneTimeCode {
        user: user(1, &[]).id,
        challenge: "c".to_owned(),
        expires_at: morning().plus_seconds(60),
    };
    store.keep_code("code", &meaning).await.unwrap();
    assert_eq!(store.take_code("other").await.unwrap(), None);
    let takers = futures::future::join_all((0..8).map(|_| store.take_code("code"))).await;
    let taken: Vec<_> = takers.into_iter().filter_map(|taken| taken.ok().flatten()).collect();
    assert_eq!(taken, [meaning]);
    assert_eq!(store.take_code("code").await.unwrap(), None);
}
