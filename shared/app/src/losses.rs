//! What nobody could approve any more if somebody were out, or in fewer groups: for whoever is about to do it.
//!
//! It is a warning and no decision: what counts is asked again at each vote and each claim.

use std::collections::BTreeSet;

use countersign_rules::{ConnectionName, GroupName, Policy, Request, RequestId, Status};
use countersign_storage::lists::{Source, Window};
use countersign_storage::{Key, StorageError, User};
use futures::future::BoxFuture;

use crate::App;
use crate::administration::CheckedUser;
use crate::directory::Known;

/// More requests than that are not looked at for each group.
const MOST_LOOKED_AT: usize = 100;

/// A connection whose rule nobody could satisfy any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Which.
    pub connection: ConnectionName,
    /// Why, in words.
    pub warnings: Vec<String>,
}

/// What would be lost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Losses {
    /// The connections, by name.
    pub connections: Vec<Lost>,
    /// Requests that wait now, and could not be approved then.
    pub waiting: BTreeSet<RequestId>,
    /// Whether there may be more of those.
    pub more: bool,
}

impl Losses {
    /// Whether nothing is lost.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.connections.is_empty() && self.waiting.is_empty()
    }
}

impl App {
    /// What would be lost if an account were stored as it was checked.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn losses<'a>(&'a self, checked: &'a CheckedUser) -> BoxFuture<'a, Result<Losses, StorageError>> {
        Box::pin(async move {
            let connections = self.store.connections(None, usize::MAX).await?;
            let before = Known::of(checked.people(), &connections);
            let after = Known::of(&checked.people_then(), &connections);
            let groups = fewer(&before, &after);
            if groups.is_empty() {
                return Ok(Losses::default());
            }
            let rules = connections.iter().map(|connection| (&connection.name, connection.policy()));
            let mut losses = Losses { connections: lost(rules, &groups, &after), ..Losses::default() };
            for group in &groups {
                let page = Source::Inbox(group.clone());
                let page = self.store.list(&page, Window::everything(self.now()), MOST_LOOKED_AT).await?;
                losses.more |= page.more_before.is_some();
                let keys: Vec<Key> = page.ids.iter().copied().map(Key::State).collect();
                let found = self.store.read("losses", &keys).await?;
                for id in page.ids {
                    let request = found.request(id)?.filter(|request| self.is_lost(request, &groups, &after));
                    losses.waiting.extend(request.map(|_| id));
                }
            }
            Ok(losses)
        })
    }

    fn is_lost(&self, request: &Request, groups: &BTreeSet<GroupName>, after: &Known) -> bool {
        let waits = request.status_at(self.now()) == Status::Pending;
        waits && is_weakened(&request.policy, groups, after, Some(request.requester.human)).is_some()
    }
}

/// The groups that would have fewer people.
fn fewer(before: &Known, after: &Known) -> BTreeSet<GroupName> {
    let groups: BTreeSet<&GroupName> = before.humans.values().flatten().collect();
    groups.into_iter().filter(|group| after.members(group) < before.members(group)).cloned().collect()
}

/// The rules that nobody could satisfy any more.
fn lost<'a>(
    rules: impl Iterator<Item = (&'a ConnectionName, Policy)>,
    groups: &BTreeSet<GroupName>,
    after: &Known,
) -> Vec<Lost> {
    let lost = |(name, policy): (&ConnectionName, Policy)| {
        let warnings = is_weakened(&policy, groups, after, None)?;
        Some(Lost { connection: name.clone(), warnings })
    };
    rules.filter_map(lost).collect()
}

/// Why a rule that needs one of these groups cannot be satisfied.
fn is_weakened(
    policy: &Policy,
    groups: &BTreeSet<GroupName>,
    after: &Known,
    requester: Option<countersign_rules::UserId>,
) -> Option<Vec<String>> {
    let warnings = after.warnings(policy, requester);
    let concerns = policy.groups.iter().any(|group| groups.contains(group));
    (concerns && !warnings.is_empty()).then_some(warnings)
}

/// Everybody as they would be.
pub(crate) fn then(people: &[User], changed: &User) -> Vec<User> {
    let others = people.iter().filter(|user| user.id != changed.id).cloned();
    let mut all: Vec<User> = others.chain([changed.clone()]).collect();
    if changed.disabled {
        for program in all.iter_mut().filter(|user| user.owner == Some(changed.id)) {
            program.disabled = true;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_rules::{Timestamp, UserId};

    fn groups(names: &[&str]) -> BTreeSet<GroupName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn user(number: u128, of: &[&str]) -> User {
        User {
            id: UserId::from_parts(Timestamp::from_unix_millis(0), number),
            email: format!("u{number}@example.com"),
            name: String::new(),
            groups: groups(of),
            roles: BTreeSet::new(),
            disabled: false,
            slack_user_id: None,
            owner: None,
            created_at: Timestamp::from_unix_millis(0),
            version: 1,
            tokens: Vec::new(),
        }
    }

    fn policy(of: &[&str], each: u8) -> Policy {
        Policy {
            version: 1,
            groups: of.iter().map(|name| name.parse().unwrap()).collect(),
            approvals_per_group: each,
            distinct_reviewers: true,
            admin_auto_approve: false,
            exempt_groups: BTreeSet::new(),
            allowed_groups: BTreeSet::new(),
            approvals: true,
            run_within_seconds: 60,
            max_rows: None,
        }
    }

    /// The names of the connections that would be lost.
    fn names(people: &[User], changed: &User, rules: &[(&str, Policy)]) -> Vec<String> {
        let (before, after) = (Known::of(people, &[]), Known::of(&then(people, changed), &[]));
        let rules: Vec<(ConnectionName, Policy)> =
            rules.iter().map(|(name, policy)| (name.parse().unwrap(), policy.clone())).collect();
        let rules = rules.iter().map(|(name, policy)| (name, policy.clone()));
        let lost = lost(rules, &fewer(&before, &after), &after);
        lost.into_iter().map(|lost| lost.connection.to_string()).collect()
    }

    #[test]
    fn the_last_who_can_approve_is_missed_and_one_of_many_is_not() {
        let people = [user(1, &["dba", "security"]), user(2, &["dba"]), user(3, &["ops"])];
        let rules = [
            ("one", policy(&["dba"], 1)),
            ("two", policy(&["dba"], 2)),
            ("both", policy(&["dba", "security"], 1)),
            ("ops", policy(&["ops"], 1)),
            // Nobody can satisfy it in any case.
            ("nobody", policy(&["nobody"], 1)),
        ];
        let out = User { disabled: true, ..people[0].clone() };
        assert_eq!(names(&people, &out, &rules), ["two", "both"]);
        let left = User { groups: groups(&["dba"]), ..people[0].clone() };
        assert_eq!(names(&people, &left, &rules), ["both"]);
        let joined = User { groups: groups(&["dba", "security", "ops"]), ..people[0].clone() };
        assert!(names(&people, &joined, &rules).is_empty());
        let renamed = User { name: "Ann".to_owned(), ..people[0].clone() };
        assert!(names(&people, &renamed, &rules).is_empty());
    }

    #[test]
    fn who_is_out_is_out_with_their_programs_and_their_programs_count_for_them() {
        let mut program = user(2, &["dba"]);
        let owner = user(1, &["dba"]);
        program.owner = Some(owner.id);
        let people = [owner.clone(), program];
        let rules = [("one", policy(&["dba"], 1))];
        let left = User { groups: groups(&[]), ..owner.clone() };
        assert!(names(&people, &left, &rules).is_empty(), "through their program they are still in it");
        assert_eq!(names(&people, &User { disabled: true, ..owner }, &rules), ["one"]);
    }
}
