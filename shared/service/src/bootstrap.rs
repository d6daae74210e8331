//! The first admin.

use std::collections::BTreeSet;

use countersign_app::aws::{Aws, AwsSettings};
use countersign_app::config::ConfigError;
use countersign_app::{App, Config, app};
use countersign_identity::token::Token;
use countersign_rules::person::Role;
use countersign_rules::{GroupName, TokenId, UserId};
use countersign_storage::people::{Access, Saved};
use countersign_storage::{Key, StorageError, User, inspect};

use crate::ServiceError;

/// Somebody who was just made, with their token.
#[derive(Debug, Clone)]
pub struct Made {
    /// Their account.
    pub id: UserId,
    /// Their token; this is the only time that it is known.
    pub token: Token,
}

/// The use cases on the table of a deployment in AWS. Credentials, region and endpoints come out of
/// `lookup`, by the names of the SDK's own variables.
///
/// # Errors
/// [`ServiceError::Config`] if a variable is missing, [`ServiceError::Table`] if the table is not
/// there, not ours or not for these credentials.
pub async fn deployed(table: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<App, ServiceError> {
    deployed_in_epoch(table, 1, lookup).await
}

/// The same in an epoch, for whoever ends what is older. Everybody else changes no request.
///
/// # Errors
/// As [`deployed`].
pub async fn deployed_in_epoch(
    table: &str,
    epoch: u32,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<App, ServiceError> {
    let aws = Aws::new(AwsSettings::read(lookup).map_err(where_credentials_come_from)?);
    let config = Config::read(&|name| match name {
        "COUNTERSIGN_TABLE" => Some(table.to_owned()),
        "COUNTERSIGN_EPOCH" => Some(epoch.to_string()),
        _ => None,
    })?;
    inspect::check_table(&aws.dynamodb(), table)
        .await
        .map_err(|problem| ServiceError::Table { name: table.to_owned(), problem })?;
    Ok(App::new(config, &aws))
}

/// Whoever has a profile wonders why it is not enough.
fn where_credentials_come_from(error: ConfigError) -> ServiceError {
    match error {
        ConfigError::Missing(name) => ServiceError::Unsuitable(format!(
            "the environment variable `{name}` is missing; credentials and region are taken from the environment \
             and not from profile files: eval \"$(aws configure export-credentials --format env)\" sets the \
             credentials, AWS_REGION is the table's region"
        )),
        error @ ConfigError::Invalid { .. } => error.into(),
    }
}

/// Makes the first admin, only while there is none.
///
/// # Errors
/// [`ServiceError::Unsuitable`] if there is one.
pub async fn bootstrap(app: &App, email: &str, name: &str) -> Result<Made, ServiceError> {
    // The version first: an admin who is made meanwhile moves it on, and the write fails.
    let version = app.store.read("bootstrap", &[Key::Access]).await?.access_version()?;
    let people = app.store.all_users().await?;
    if people.iter().any(|user| user.person().is_admin()) {
        return Err(ServiceError::Unsuitable(
            "there is an admin already; ask them for an account and for the role".to_owned(),
        ));
    }
    let roles = BTreeSet::from([Role::Admin]);
    match make_user(app, email, name, BTreeSet::new(), roles, Access::ChangedSince(version)).await {
        Err(ServiceError::Storage(StorageError::Conflict)) => {
            Err(ServiceError::Unsuitable("people were changed just now; look again".to_owned()))
        }
        made => made,
    }
}

/// Makes a person with one token.
pub(crate) async fn make_user(
    app: &App,
    email: &str,
    name: &str,
    groups: BTreeSet<GroupName>,
    roles: BTreeSet<Role>,
    access: Access,
) -> Result<Made, ServiceError> {
    let now = app.now();
    let id = UserId::from_parts(now, app::random()?);
    let token = Token::random(id)?;
    let token_id = TokenId::from_parts(now, app::random()?);
    let user = User {
        id,
        email: email.to_owned(),
        name: name.to_owned(),
        groups,
        roles,
        disabled: false,
        slack_user_id: None,
        owner: None,
        created_at: now,
        version: 1,
        tokens: vec![token.stored(token_id, "first token".to_owned(), now, None, id)],
    };
    match app.store.put_user(None, &user, access, None).await? {
        Saved::Yes => Ok(Made { id, token }),
        Saved::EmailTaken => Err(ServiceError::Unsuitable(format!("`{email}` has an account already"))),
        Saved::Before(_) | Saved::KeyReused => Err(StorageError::Conflict.into()),
    }
}
