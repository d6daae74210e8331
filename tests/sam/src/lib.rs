//! The people and the connection that the events of `infra/events` are about.
//!
//! `dana` reviews for `dba-team`, `root` is an admin, `alice` and `bob` are in no group. The connection
//! is `prod-db`, as `submit.json` names it.

use anyhow::{Context as _, bail};
use countersign_app::App;
use countersign_app::app::random;
use countersign_identity::token::Token;
use countersign_masking::MaskingPolicy;
use countersign_rules::person::Role;
use countersign_rules::{Timestamp, TokenId, UserId};
use countersign_storage::people::{Access, Saved};
use countersign_storage::{Connection, Store, User};
use serde_json::{Map, Value, json};

/// Who is made, in which groups, with which roles.
const PEOPLE: [(&str, &[&str], &[Role]); 4] =
    [("alice", &[], &[]), ("bob", &[], &[]), ("dana", &["dba-team"], &[]), ("root", &[], &[Role::Admin])];

/// Fills an empty table. Gives `{"alice": {"id", "token"}, …}`.
///
/// # Errors
/// If the table is not empty, or not there.
pub async fn seed(app: &App) -> anyhow::Result<Map<String, Value>> {
    let mut people = Map::new();
    for (name, groups, roles) in PEOPLE {
        people.insert(name.to_owned(), person(&app.store, app.now(), name, groups, roles).await?);
    }
    app.store.put_connection(None, &connection(app.now())?).await?;
    Ok(people)
}

/// Stores a person with a token; gives what the caller of the API needs.
async fn person(
    store: &Store,
    now: Timestamp,
    name: &str,
    groups: &[&str],
    roles: &[Role],
) -> anyhow::Result<Value> {
    let id = UserId::from_parts(now, random()?);
    let token = Token::random(id)?;
    let stored = token.stored(TokenId::from_parts(now, random()?), "sam".to_owned(), now, None, id);
    let user = User {
        id,
        email: format!("{name}@example.com"),
        name: name.to_owned(),
        groups: groups.iter().map(|group| group.parse()).collect::<Result<_, _>>()?,
        roles: roles.iter().copied().collect(),
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

/// `prod-db`, reviewed by `dba-team`.
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
        max_rows: None,
        require_reason: false,
        masking: MaskingPolicy::default(),
        masking_key: None,
        read_secret: None,
        estimate_secret: None,
        guardrails: Vec::new(),
        auto_approve: None,
        notify: [].into(),
        slack_channels: Vec::new(),
        created_at: now,
        version: 1,
    })
}
