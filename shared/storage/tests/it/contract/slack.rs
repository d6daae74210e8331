//! Who is who in Slack, and who wants to be told there.

use countersign_rules::UserId;
use countersign_storage::people::Access;
use countersign_storage::slack::{LinkCode, Redeemed, SlackLink, Subscription};
use countersign_storage::{StorageError, Store};

use crate::contract::people::user;
use crate::support::database::Database;
use crate::support::on_every_database;
use crate::support::story::morning;

on_every_database!(
    a_code_makes_a_slack_user_an_accounts_once,
    a_slack_user_belongs_to_one_account_and_an_account_has_one,
    a_subscription_is_changed_by_its_row_and_goes_with_the_link,
);

fn code(user: UserId, slack_user: &str) -> LinkCode {
    let expires_at = morning().plus_seconds(600);
    LinkCode { user, slack_user: slack_user.to_owned(), team: "T1".to_owned(), expires_at }
}

fn link(user: UserId, slack_user: &str) -> SlackLink {
    SlackLink { slack_user: slack_user.to_owned(), team: "T1".to_owned(), user, at: morning() }
}

/// Makes the account, or finds it.
async fn account(store: &Store, number: u32) -> countersign_storage::people::StoredUser {
    let wanted = user(number, &["dba-team"]);
    if store.user(wanted.id).await.unwrap().is_none() {
        store.put_user(None, &wanted, Access::Changed, None).await.unwrap();
    }
    store.user(wanted.id).await.unwrap().unwrap()
}

async fn redeem(store: &Store, number: u32, slack_user: &str) -> Redeemed {
    let account = account(store, number).await;
    let hash = format!("{number}-{slack_user}");
    store.put_link_code(&hash, &code(account.user.id, slack_user)).await.unwrap();
    store.redeem(&hash, &link(account.user.id, slack_user), &account).await.unwrap()
}

async fn a_code_makes_a_slack_user_an_accounts_once(database: &Database) {
    let store = &database.store;
    let dana = account(store, 1).await;
    let made = code(dana.user.id, "U1");
    store.put_link_code("hash", &made).await.unwrap();
    assert_eq!(store.link_code("hash").await.unwrap(), Some(made));
    assert_eq!(store.link_code("other").await.unwrap(), None);
    let wanted = link(dana.user.id, "U1");
    assert_eq!(store.redeem("hash", &wanted, &dana).await.unwrap(), Redeemed::Yes);
    assert_eq!(store.slack_link("U1").await.unwrap(), Some(wanted.clone()));
    let now = store.user(dana.user.id).await.unwrap().unwrap();
    assert_eq!((now.user.slack_user_id.as_deref(), now.user.version), (Some("U1"), 2));
    assert_eq!(store.redeem("hash", &wanted, &now).await.unwrap(), Redeemed::Used);
    assert_eq!(store.link_code("hash").await.unwrap(), None);
    // By an old state of the account nothing is changed.
    store.put_link_code("next", &code(dana.user.id, "U2")).await.unwrap();
    let stale = store.redeem("next", &link(dana.user.id, "U2"), &dana).await;
    assert!(matches!(stale, Err(StorageError::Conflict)), "{stale:?}");
    assert!(store.link_code("next").await.unwrap().is_some(), "it can still be redeemed");
}

async fn a_slack_user_belongs_to_one_account_and_an_account_has_one(database: &Database) {
    let store = &database.store;
    assert_eq!(redeem(store, 1, "U1").await, Redeemed::Yes);
    assert_eq!(redeem(store, 2, "U1").await, Redeemed::Taken);
    assert_eq!(account(store, 2).await.user.slack_user_id, None);
    assert_eq!(redeem(store, 1, "U1").await, Redeemed::Yes, "the same again");
    assert_eq!(redeem(store, 1, "U2").await, Redeemed::Yes, "another one takes its place");
    assert_eq!(store.slack_link("U1").await.unwrap(), None);
    assert_eq!(redeem(store, 2, "U1").await, Redeemed::Yes, "it is free now");
    store.unlink(&account(store, 2).await).await.unwrap();
    assert_eq!(store.slack_link("U1").await.unwrap(), None);
    assert_eq!(account(store, 2).await.user.slack_user_id, None);
}

async fn a_subscription_is_changed_by_its_row_and_goes_with_the_link(database: &Database) {
    let store = &database.store;
    redeem(store, 1, "U1").await;
    let id = account(store, 1).await.user.id;
    let mut wanted = Subscription {
        user: id,
        slack_user: "U1".to_owned(),
        connections: ["prod-db".parse().unwrap()].into(),
        row: 1,
    };
    store.put_subscription(&wanted).await.unwrap();
    let again = store.put_subscription(&wanted).await;
    assert!(matches!(again, Err(StorageError::Conflict)), "{again:?}");
    wanted.connections.clear();
    wanted.row = 2;
    store.put_subscription(&wanted).await.unwrap();
    assert_eq!(store.subscription(id).await.unwrap(), Some(wanted.clone()));
    assert_eq!(store.subscriptions().await.unwrap(), [wanted]);
    store.unlink(&account(store, 1).await).await.unwrap();
    assert_eq!(store.subscriptions().await.unwrap(), []);
    store.delete_subscription(id).await.unwrap();
}
