//! The known people, for warnings: never for a decision.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use countersign_rules::quorum::{Candidate, satisfiable};
use countersign_rules::{GroupName, Policy, Timestamp, UserId};
use countersign_storage::{StorageError, User};

use crate::App;

/// How long the people of a moment ago are good enough for a warning.
const FRESH_MILLIS: i64 = 30_000;

/// Humans and the groups of all their enabled accounts.
pub type Humans = BTreeMap<UserId, BTreeSet<GroupName>>;

/// When they were read, and who they were.
type Cached = (Timestamp, Arc<Humans>);

/// A cache of [`Humans`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Directory {
    cached: Arc<Mutex<Option<Cached>>>,
}

impl App {
    /// The known, enabled people, at most half a minute old.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub async fn humans(&self) -> Result<Arc<Humans>, StorageError> {
        let now = self.now();
        if let Some(fresh) = self.directory.fresh(now) {
            return Ok(fresh);
        }
        let humans = Arc::new(humans_of(&self.store.all_users().await?));
        self.directory.keep(now, Arc::clone(&humans));
        Ok(humans)
    }

    /// What is wrong with a policy, in words, given the known people; `requester` never counts.
    /// Empty if the people cannot be read: a warning is not worth an error.
    pub async fn warnings(&self, policy: &Policy, requester: Option<UserId>) -> Vec<String> {
        match self.humans().await {
            Ok(humans) => warnings(policy, &humans, requester),
            Err(error) => {
                tracing::warn!(%error, "the directory cannot be read");
                Vec::new()
            }
        }
    }

    /// Forgets what is cached: somebody was just changed here.
    pub fn forget_directory(&self) {
        self.directory.forget();
    }
}

impl Directory {
    fn fresh(&self, now: Timestamp) -> Option<Arc<Humans>> {
        let cached = self.cached.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (at, humans) = cached.as_ref()?;
        (now.millis_since(*at) < FRESH_MILLIS).then(|| Arc::clone(humans))
    }

    fn keep(&self, at: Timestamp, humans: Arc<Humans>) {
        *self.cached.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some((at, humans));
    }

    fn forget(&self) {
        *self.cached.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
    }
}

/// Humans and the groups of all their enabled accounts.
#[must_use]
pub fn humans_of(users: &[User]) -> Humans {
    let mut humans = Humans::new();
    for user in users.iter().filter(|user| !user.disabled) {
        let human = user.owner.unwrap_or(user.id);
        humans.entry(human).or_default().extend(user.groups.iter().cloned());
    }
    humans
}

fn warnings(policy: &Policy, humans: &Humans, requester: Option<UserId>) -> Vec<String> {
    if !policy.approvals {
        return Vec::new();
    }
    let others = || humans.iter().filter(|(human, _)| Some(**human) != requester);
    let mut warnings = Vec::new();
    for group in &policy.groups {
        let members = others().filter(|(_, groups)| groups.contains(group)).count();
        let needed = usize::from(policy.approvals_per_group);
        if members < needed {
            let besides = if requester.is_some() { " besides the requester" } else { "" };
            warnings.push(format!(
                "nobody can satisfy this rule: `{group}` must give {needed}, and has {members} enabled member(s){besides}"
            ));
        }
    }
    let candidates: Vec<_> =
        humans.iter().map(|(human, groups)| Candidate { human: *human, groups }).collect();
    if warnings.is_empty() && !satisfiable(policy, &candidates, requester) {
        warnings.push(format!(
            "nobody can satisfy this rule: it needs {} different people, and too many of its groups' members are the same",
            policy.approvals_needed()
        ));
    }
    warnings
}
