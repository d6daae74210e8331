//! What admins administer, checked and stored: connections, accounts, the settings of Slack.
//!
//! `console` stores at once; `execute` stores what a second admin has agreed to ([`crate::four_eyes`]).
//! Both go through here, so that what is stored is the same. Who does it is the store's affair: see
//! [`App::acting`] and [`countersign_storage::Store::carrying_out`].

use std::collections::BTreeSet;

use countersign_http::Problem;
use countersign_notify::SlackSettings;
use countersign_rules::person::Role;
use countersign_rules::{GroupName, UserId};
use countersign_storage::integrations::Integration;
use countersign_storage::items::MAX_GROUPS_OF_USER;
use countersign_storage::people::{Access, Saved, StoredUser};
use countersign_storage::{Connection, StorageError, User};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::{App, errors, losses, submit};

/// How often the disabling of a service account that lost a race is tried again.
const ROUNDS: u32 = 10;

/// Why something was not stored.
#[derive(Debug)]
pub enum NotKept {
    /// Somebody else has changed it, or made it, since it was looked at.
    Changed,
    /// It cannot be.
    Refused(Box<Problem>),
    /// The table says no.
    Storage(StorageError),
}

impl NotKept {
    /// The problem for whoever asked; `changed` where somebody else was first.
    #[must_use]
    pub fn problem(self, changed: Problem) -> Problem {
        match self {
            Self::Changed => changed,
            Self::Refused(problem) => *problem,
            Self::Storage(error) => errors::storage(&error),
        }
    }
}

impl From<StorageError> for NotKept {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Conflict => Self::Changed,
            error => Self::Storage(error),
        }
    }
}

/// An account as an admin wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenUser {
    /// For display and look-up; unique.
    pub email: String,
    /// For display; what stands before the `@` if there is none.
    pub name: Option<String>,
    /// The groups.
    pub groups: BTreeSet<GroupName>,
    /// The roles.
    pub roles: BTreeSet<Role>,
    /// Out at once, with all service accounts of theirs.
    pub disabled: bool,
    /// As it is: it is linked by its owner.
    pub slack_user_id: Option<String>,
    /// The human behind a service account.
    pub owner: Option<UserId>,
}

impl From<&User> for WrittenUser {
    fn from(user: &User) -> Self {
        Self {
            email: user.email.clone(),
            name: Some(user.name.clone()),
            groups: user.groups.clone(),
            roles: user.roles.clone(),
            disabled: user.disabled,
            slack_user_id: user.slack_user_id.clone(),
            owner: user.owner,
        }
    }
}

/// An account that can be, and everybody as they were when that was found out.
#[derive(Debug)]
pub struct CheckedUser {
    /// The account.
    pub user: User,
    people: Vec<User>,
}

impl CheckedUser {
    /// Everybody as they were when it was checked.
    #[must_use]
    pub fn people(&self) -> &[User] {
        &self.people
    }

    /// Everybody as they will be once it is stored.
    #[must_use]
    pub fn people_then(&self) -> Vec<User> {
        losses::then(&self.people, &self.user)
    }
}

impl App {
    /// The next version of a connection. Versions grow over its deletion too, so that a version names one
    /// policy for ever.
    #[must_use]
    pub fn next_version(&self, before: Option<u64>) -> u64 {
        let by_clock = self.now().unix_millis().unsigned_abs();
        before.map_or(by_clock, |before| by_clock.max(before + 1))
    }

    /// Stores a connection over the version that it was written against, none if it is new.
    ///
    /// # Errors
    /// [`NotKept`].
    pub fn keep_connection<'a>(
        &'a self,
        before: Option<u64>,
        connection: &'a Connection,
    ) -> BoxFuture<'a, Result<(), NotKept>> {
        Box::pin(async move {
            self.store.put_connection(before, connection).await?;
            self.forget_directory();
            Ok(())
        })
    }

    /// Stores settings of Slack over the version that they were written against, none if they are the
    /// first.
    ///
    /// # Errors
    /// [`NotKept`].
    pub fn keep_slack<'a>(
        &'a self,
        before: Option<u64>,
        version: u64,
        settings: &'a SlackSettings,
    ) -> BoxFuture<'a, Result<(), NotKept>> {
        Box::pin(async move {
            match self.store.put_integration(Integration::Slack, before, version, settings).await {
                Err(StorageError::Conflict) => {
                    // An answer may have been lost of the very write that is repeated.
                    let now = self.store.integrations().await?.slack;
                    let ours = now.is_some_and(|(now, at)| at == version && now == *settings);
                    if ours { Ok(()) } else { Err(NotKept::Changed) }
                }
                done => Ok(done?),
            }
        })
    }

    /// The account that would be stored.
    ///
    /// # Errors
    /// The contract's problems.
    pub fn check_user<'a>(
        &'a self,
        id: UserId,
        before: Option<&'a StoredUser>,
        written: WrittenUser,
    ) -> BoxFuture<'a, Result<CheckedUser, Problem>> {
        Box::pin(async move {
            let people = self.store.all_users().await.map_err(|error| errors::storage(&error))?;
            let user = self.checked(id, written, before, &people)?;
            Ok(CheckedUser { user, people })
        })
    }

    /// Stores an account; `access_version` was read before anything that it was checked by.
    ///
    /// # Errors
    /// [`NotKept`].
    pub fn keep_user<'a>(
        &'a self,
        before: Option<&'a StoredUser>,
        checked: &'a CheckedUser,
        access_version: u64,
    ) -> BoxFuture<'a, Result<(), NotKept>> {
        Box::pin(async move {
            let user = &checked.user;
            let access =
                if matters(before, user) { Access::ChangedSince(access_version) } else { Access::Unchanged };
            let refused = |problem| Err(NotKept::Refused(Box::new(problem)));
            match self.store.put_user(before, user, access, None).await? {
                Saved::Yes => {}
                Saved::EmailTaken => return refused(email_taken()),
                Saved::Before(_) | Saved::KeyReused => return refused(Problem::internal()),
            }
            if user.disabled {
                self.disable_service_accounts(&checked.people, user.id).await?;
            }
            self.forget_directory();
            Ok(())
        })
    }

    fn checked(
        &self,
        id: UserId,
        written: WrittenUser,
        before: Option<&StoredUser>,
        people: &[User],
    ) -> Result<User, Problem> {
        let was = before.map(|before| &before.user);
        let email = written.email.trim().to_owned();
        let well_formed = email.len() <= 254
            && email.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
            && !email.chars().any(|c| c.is_whitespace() || c.is_control());
        if !well_formed {
            return Err(Problem::invalid("expected an e-mail address").at("/email", "not an address"));
        }
        if written.groups.len() > MAX_GROUPS_OF_USER {
            let detail = format!("at most {MAX_GROUPS_OF_USER} groups a user");
            return Err(Problem::invalid(detail).at("/groups", "too many"));
        }
        check_ordinary("/groups", written.groups.iter())?;
        if written.slack_user_id != was.and_then(|was| was.slack_user_id.clone()) {
            return Err(Problem::invalid("a Slack account is linked by its owner, not by an admin")
                .at("/slack_user_id", "cannot be set here"));
        }
        check_owner(id, written.owner, was, people)?;
        if people.iter().any(|other| other.id != id && is_same_address(&other.email, &email)) {
            return Err(email_taken());
        }
        let name = written.name.filter(|name| !name.trim().is_empty());
        let name = name.unwrap_or_else(|| email.split('@').next().unwrap_or_default().to_owned());
        submit::check_text("/name", &name)?;
        let user = User {
            id,
            email,
            name,
            groups: written.groups,
            roles: written.roles,
            disabled: written.disabled,
            slack_user_id: written.slack_user_id,
            owner: written.owner,
            created_at: was.map_or_else(|| self.now(), |was| was.created_at),
            version: was.map_or(1, |was| was.version + 1),
            tokens: was.map(|was| was.tokens.clone()).unwrap_or_default(),
        };
        let is_admin = |user: &User| user.person().is_admin();
        let others = people.iter().filter(|other| other.id != id).any(is_admin);
        if was.is_some_and(is_admin) && !is_admin(&user) && !others {
            return Err(Problem::conflict("last-admin", "this is the last admin; make another one first"));
        }
        Ok(user)
    }

    /// Whoever is out is out with all their programs.
    async fn disable_service_accounts(&self, people: &[User], owner: UserId) -> Result<(), StorageError> {
        for account in people.iter().filter(|user| user.owner == Some(owner) && !user.disabled) {
            self.disable(account.id).await?;
        }
        Ok(())
    }

    /// Tried again where somebody else has changed the account meanwhile: its owner is out already.
    async fn disable(&self, id: UserId) -> Result<(), StorageError> {
        for _ in 0..ROUNDS {
            let Some(stored) = self.store.user(id).await? else { return Ok(()) };
            let mut user = stored.user.clone();
            user.disabled = true;
            user.version += 1;
            match self.store.put_user(Some(&stored), &user, Access::Changed, None).await {
                Ok(_) => return Ok(()),
                Err(StorageError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Err(StorageError::Contended)
    }
}

/// Refuses the group that follows from a role: it is given to nobody, and names nobody's reviewers.
///
/// # Errors
/// 422.
pub fn check_ordinary<'a>(
    pointer: &str,
    mut groups: impl Iterator<Item = &'a GroupName>,
) -> Result<(), Problem> {
    if groups.any(|group| *group == GroupName::admins()) {
        let detail =
            format!("`{}` is no group to choose: the admins are in it, and nobody else", GroupName::admins());
        return Err(Problem::invalid(detail.clone()).at(pointer, detail));
    }
    Ok(())
}

/// Addresses are told apart as the table does it, where the last word is said.
fn is_same_address(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

fn email_taken() -> Problem {
    Problem::conflict("email-taken", "another user has that e-mail address").at("/email", "taken")
}

/// A service account belongs to one human for ever: were it handed on, one human's two votes could
/// come to count as two people's.
fn check_owner(
    id: UserId,
    owner: Option<UserId>,
    was: Option<&User>,
    people: &[User],
) -> Result<(), Problem> {
    if let Some(was) = was {
        if was.owner != owner {
            return Err(Problem::invalid("the owner of an account cannot be changed; make a new account")
                .at("/owner", "cannot be changed"));
        }
        return Ok(());
    }
    let Some(owner) = owner else {
        return Ok(());
    };
    match people.iter().find(|user| user.id == owner) {
        Some(user) if user.owner.is_none() && user.id != id => Ok(()),
        Some(_) => {
            Err(Problem::invalid("the owner must be a person, not a service account")
                .at("/owner", "no person"))
        }
        None => Err(Problem::invalid("the owner is not known").at("/owner", "unknown user")),
    }
}

/// Whether a change is one that claims must look at.
fn matters(before: Option<&StoredUser>, user: &User) -> bool {
    before.is_none_or(|before| {
        let was = &before.user;
        was.groups != user.groups || was.roles != user.roles || was.disabled != user.disabled
    })
}
