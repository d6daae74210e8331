//! Puts three people and a connection into an empty table, for the life of a request through
//! `sam local invoke`.
//!
//! The table is that of `COUNTERSIGN_TABLE`, the database that of the SDK's own variables. Prints
//! `{"alice": {"id", "token"}, …}`. `dana` reviews for `dba-team`; `alice` and `bob` are in no group.

use anyhow::{Context as _, bail};
use countersign_app::App;
use countersign_app::app::random;
use countersign_app::aws::{Aws, AwsSettings};
use countersign_app::config::Config;
use countersign_identity::token::Token;
use countersign_rules::{Timestamp, TokenId, UserId};
use countersign_storage::people::{Access, Saved};
use countersign_storage::{Connection, Store, User};
use serde_json::{Value, json};

/// Who is made, and in which groups.
const PEOPLE: [(&str, &[&str]); 3] = [("alice", &[]), ("bob", &[]), ("dana", &["dba-team"])];

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let aws = Aws::new(AwsSettings::from_environment()?);
    let app = App::new(Config::from_environment()?, &aws);
    let mut people = serde_json::Map::new();
    for (name, groups) in PEOPLE {
        people.insert(name.to_owned(), person(&app.store, app.now(), name, groups).await?);
    }
    app.store.put_connection(None, &connection(app.now())?).await?;
    println!("{}", Value::Object(people));
    Ok(())
}

/// Stores a person with a token; gives what the caller of the API needs.
async fn person(store: &Store, now: Timestamp, name: &str, groups: &[&str]) -> anyhow::Result<Value> {
    let id = UserId::from_parts(now, random()?);
    let token = Token::random(id)?;
    let stored = token.stored(TokenId::from_parts(now, random()?), "sam".to_owned(), now, None, id);
    let user = User {
        id,
        email: format!("{name}@example.com"),
        name: name.to_owned(),
        groups: groups.iter().map(|group| group.parse()).collect::<Result<_, _>>()?,
        roles: [].into(),
        disabled: false,
        slack_user_id: None,
        owner: None,
        created_at: now,
        version: 1,
        tokens: vec![stored],
    };
    match store.put_user(None, &user, Access::Changed, None).await? {
        Saved::Yes => Ok(json!({"id": id.to_string(), "token": token.reveal()})),
        Saved::EmailTaken | Saved::Before(_) | Saved::KeyReused => {
            bail!("`{}` is in the table already; the table must be empty", user.email)
        }
    }
}

/// `prod-db`, as `infra/events/submit.json` names it, reviewed by `dba-team`.
fn connection(now: Timestamp) -> anyhow::Result<Connection> {
    Ok(Connection {
        name: "prod-db".parse()?,
        kind: "postgres".to_owned(),
        target: json!({}),
        secret: Some("env:PROD_DB_URL".to_owned()),
        reviewers: vec!["dba-team".parse().context("a group's name")?],
        approvals_per_group: 1,
        distinct_reviewers: true,
        exempt_groups: [].into(),
        allowed_groups: [].into(),
        approvals: true,
        admin_auto_approve: true,
        timeout_seconds: None,
        run_within_seconds: 3600,
        require_reason: false,
        masking: countersign_storage::items::Masking::default(),
        notify: [].into(),
        slack_channels: Vec::new(),
        created_at: now,
        version: 1,
    })
}
