//! What is wrong with a policy, given the people who are known: in words that say why.

use std::collections::BTreeSet;

use countersign_rules::quorum::{Candidate, satisfiable};
use countersign_rules::{GroupName, Policy, UserId};

use crate::directory::{Account, Known};

/// More people than that are counted, not named.
const MOST_NAMED: usize = 3;

impl Known {
    /// What is wrong with a policy, in words; `requester` never counts.
    #[must_use]
    pub fn warnings(&self, policy: &Policy, requester: Option<UserId>) -> Vec<String> {
        if !policy.approvals {
            return Vec::new();
        }
        let short = policy.groups.iter().filter_map(|group| self.too_few(policy, group, requester));
        let mut warnings: Vec<String> = short.collect();
        let candidates: Vec<_> =
            self.humans.iter().map(|(human, groups)| Candidate { human: *human, groups }).collect();
        if warnings.is_empty() && !satisfiable(policy, &candidates, requester) {
            warnings.push(format!(
                "nobody can satisfy this rule: it needs {} different people, and too many of its groups' members are the same",
                policy.approvals_needed()
            ));
        }
        warnings
    }

    /// Why a group cannot give what it must, if it cannot.
    fn too_few(&self, policy: &Policy, group: &GroupName, requester: Option<UserId>) -> Option<String> {
        let needed = usize::from(policy.approvals_per_group);
        let people = self.in_any([group]);
        let others = people.iter().filter(|human| Some(**human) != requester).count();
        if others >= needed {
            return None;
        }
        if *group == GroupName::admins() {
            return Some(
                "nobody can approve this: there is no other admin; a second one comes from the issuer's group of \
                 admins, or is made while `COUNTERSIGN_ADMIN_FOUR_EYES` is off"
                    .to_owned(),
            );
        }
        let mut why = Vec::new();
        if others < people.len() {
            why.push("the requester is in it, and does not count".to_owned());
        }
        let is_member = |account: &&Account| account.groups.contains(group);
        let here: Vec<&Account> = self.accounts.values().filter(is_member).collect();
        if here.len() > people.len() {
            why.push("several of its accounts are one person's".to_owned());
        }
        let disabled: BTreeSet<&str> =
            self.disabled.values().filter(is_member).map(|account| account.email.as_str()).collect();
        if !disabled.is_empty() {
            let verb = if disabled.len() == 1 { "is" } else { "are" };
            why.push(format!("{} {verb} disabled", named(&disabled)));
        }
        let has = match (others, people.is_empty() && disabled.is_empty()) {
            (_, true) => "and has no members".to_owned(),
            (0, false) => "and nobody in it can".to_owned(),
            (count, false) => format!("and only {count} can"),
        };
        let why = if why.is_empty() { String::new() } else { format!(": {}", why.join("; ")) };
        let approvals = if needed == 1 { "1 approval".to_owned() } else { format!("{needed} approvals") };
        Some(format!("nobody can satisfy this rule: `{group}` must give {approvals}, {has}{why}"))
    }
}

/// The first few by name.
fn named(addresses: &BTreeSet<&str>) -> String {
    let first: Vec<&str> = addresses.iter().take(MOST_NAMED).copied().collect();
    match addresses.len().saturating_sub(MOST_NAMED) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use countersign_rules::Timestamp;

    use super::*;

    fn user(number: u8) -> UserId {
        UserId::from_parts(Timestamp::from_unix_millis(1), u128::from(number))
    }

    fn group(name: &str) -> GroupName {
        name.parse().unwrap()
    }

    /// Everybody is in `security-team`; the owner is somebody's number.
    fn known(people: &[(u8, &str, Option<u8>, bool)]) -> Known {
        let mut known = Known::default();
        for (number, email, owner, disabled) in people {
            let human = user(owner.unwrap_or(*number));
            let groups = BTreeSet::from([group("security-team")]);
            let account =
                Account { human, email: (*email).to_owned(), groups: groups.clone(), sees_all: false };
            if *disabled {
                known.disabled.insert(user(*number), account);
            } else {
                known.humans.entry(human).or_default().extend(groups);
                known.accounts.insert(user(*number), account);
            }
        }
        known
    }

    fn said(people: &[(u8, &str, Option<u8>, bool)], needed: u8, requester: Option<u8>) -> Vec<String> {
        let policy = Policy {
            version: 1,
            groups: vec![group("security-team")],
            approvals_per_group: needed,
            distinct_reviewers: true,
            admin_auto_approve: true,
            exempt_groups: BTreeSet::new(),
            allowed_groups: BTreeSet::new(),
            approvals: true,
            run_within_seconds: 3600,
            max_rows: None,
        };
        let prefix = "nobody can satisfy this rule: `security-team` must give ";
        let warnings = known(people).warnings(&policy, requester.map(user));
        warnings.into_iter().map(|text| text.strip_prefix(prefix).unwrap_or(&text).to_owned()).collect()
    }

    #[test]
    fn a_group_that_can_says_nothing() {
        assert_eq!(said(&[(1, "sam@x", None, false)], 1, None), Vec::<String>::new());
        assert_eq!(said(&[(1, "sam@x", None, false)], 1, Some(2)), Vec::<String>::new());
    }

    #[test]
    fn it_is_said_why_a_group_cannot() {
        let sam = (1, "sam@x", None, false);
        assert_eq!(said(&[], 1, None), ["1 approval, and has no members"]);
        assert_eq!(
            said(&[sam], 1, Some(1)),
            ["1 approval, and nobody in it can: the requester is in it, and does not count"]
        );
        assert_eq!(
            said(&[(1, "sam@x", None, true)], 1, None),
            ["1 approval, and nobody in it can: sam@x is disabled"]
        );
        assert_eq!(
            said(&[sam, (2, "bot@x", Some(1), false)], 2, None),
            ["2 approvals, and only 1 can: several of its accounts are one person's"]
        );
    }

    #[test]
    fn many_who_are_disabled_are_counted() {
        let gone = |number, email| (number, email, None, true);
        let people = [gone(1, "a@x"), gone(2, "b@x"), gone(3, "c@x"), gone(4, "d@x"), gone(5, "e@x")];
        assert_eq!(
            said(&people, 1, None),
            ["1 approval, and nobody in it can: a@x, b@x, c@x and 2 more are disabled"]
        );
    }
}
