//! The known people and who reviews what, for warnings and to find things: never for a decision.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use countersign_rules::person::Role;
use countersign_rules::{ConnectionName, GroupName, Policy, Timestamp, UserId};
use countersign_storage::{Connection, StorageError, User};
use futures::future::BoxFuture;

use crate::App;

/// How long what was known a moment ago is good enough.
const FRESH_MILLIS: i64 = 30_000;

/// Humans and the groups of all their enabled accounts.
pub type Humans = BTreeMap<UserId, BTreeSet<GroupName>>;

/// Who is known, and who reviews what.
#[derive(Debug, Default)]
pub struct Known {
    /// For what people can do together.
    pub humans: Humans,
    /// Each enabled account: the human behind it, its address, its groups.
    pub accounts: BTreeMap<UserId, Account>,
    /// Accounts that are disabled, which review nothing.
    pub disabled: BTreeMap<UserId, Account>,
    /// The reviewer groups of each connection.
    pub reviewers: BTreeMap<ConnectionName, Vec<GroupName>>,
}

/// An account.
#[derive(Debug)]
pub struct Account {
    /// The human behind it.
    pub human: UserId,
    /// For display.
    pub email: String,
    /// Its groups.
    pub groups: BTreeSet<GroupName>,
    /// Whether it is an admin's or an auditor's.
    pub sees_all: bool,
}

/// When it was read, and what it was.
type Cached = (Timestamp, Arc<Known>);

/// A cache of [`Known`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Directory {
    cached: Arc<Mutex<Option<Cached>>>,
}

impl App {
    /// The known, enabled people and the connections' reviewers, at most half a minute old.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn known<'a>(&'a self) -> BoxFuture<'a, Result<Arc<Known>, StorageError>> {
        Box::pin(async move {
            let now = self.now();
            if let Some(fresh) = self.directory.fresh(now) {
                return Ok(fresh);
            }
            let (users, connections) =
                tokio::try_join!(self.store.all_users(), self.store.connections(None, usize::MAX))?;
            let known = Arc::new(Known::of(&users, &connections));
            self.directory.keep(now, Arc::clone(&known));
            Ok(known)
        })
    }

    /// The same, for what is only shown; `None` if it cannot be read: that is worth no error.
    pub fn known_for_display<'a>(&'a self) -> BoxFuture<'a, Option<Arc<Known>>> {
        Box::pin(async move {
            self.known()
                .await
                .inspect_err(|error| tracing::warn!(%error, "the directory cannot be read"))
                .ok()
        })
    }

    /// What is wrong with a policy, in words, given the known people.
    pub fn warnings<'a>(&'a self, policy: &'a Policy) -> BoxFuture<'a, Vec<String>> {
        Box::pin(async move {
            let known = self.known_for_display().await;
            known.map(|known| known.warnings(policy, None)).unwrap_or_default()
        })
    }

    /// Forgets what is cached: somebody was just changed here.
    pub fn forget_directory(&self) {
        self.directory.forget();
    }
}

impl Directory {
    fn fresh(&self, now: Timestamp) -> Option<Arc<Known>> {
        let cached = self.cached.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (at, known) = cached.as_ref()?;
        (now.millis_since(*at) < FRESH_MILLIS).then(|| Arc::clone(known))
    }

    fn keep(&self, at: Timestamp, known: Arc<Known>) {
        *self.cached.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some((at, known));
    }

    fn forget(&self) {
        *self.cached.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
    }
}

/// `1 person`, `7 people`.
#[must_use]
pub fn people(count: usize) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{count} people") }
}

impl Known {
    /// The people in any of these groups.
    #[must_use]
    pub fn in_any<'a>(&self, groups: impl IntoIterator<Item = &'a GroupName> + Clone) -> BTreeSet<UserId> {
        let is_in = |of: &BTreeSet<GroupName>| groups.clone().into_iter().any(|group| of.contains(group));
        self.humans.iter().filter(|(_, of)| is_in(of)).map(|(human, _)| *human).collect()
    }

    /// How many people are in a group.
    #[must_use]
    pub fn members(&self, group: &GroupName) -> usize {
        self.humans.values().filter(|groups| groups.contains(group)).count()
    }

    /// Out of everybody, and all connections.
    #[must_use]
    pub fn of(users: &[User], connections: &[Connection]) -> Self {
        let mut known = Self::default();
        for user in users {
            let human = user.owner.unwrap_or(user.id);
            let account = Account {
                human,
                email: user.email.clone(),
                groups: user.all_groups(),
                sees_all: user.roles.contains(&Role::Admin) || user.roles.contains(&Role::Auditor),
            };
            if user.disabled {
                known.disabled.insert(user.id, account);
            } else {
                known.humans.entry(human).or_default().extend(user.all_groups());
                known.accounts.insert(user.id, account);
            }
        }
        let reviewed = connections.iter().filter(|connection| connection.approvals);
        known.reviewers = reviewed.map(|one| (one.name.clone(), one.reviewers.clone())).collect();
        known
    }

    /// The addresses of those who could approve for a group, in alphabetical order; the requester
    /// and their other accounts cannot.
    #[must_use]
    pub fn who_can_approve(&self, group: &GroupName, requester: UserId) -> Vec<&str> {
        let others = self.accounts.values().filter(|account| account.human != requester);
        let members = others.filter(|account| account.groups.contains(group));
        let mut addresses: Vec<&str> = members.map(|account| account.email.as_str()).collect();
        addresses.sort_unstable();
        addresses
    }
}
