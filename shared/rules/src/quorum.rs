//! Which approvals are still needed: voters against slots.
//!
//! A policy opens `approvals_per_group` slots for each of its groups. With distinct reviewers each
//! voter covers at most one slot of a group that they are in, and which one is chosen so that as
//! many slots as possible are covered: a maximum bipartite matching, by augmenting paths (Kuhn's
//! algorithm; at most 60 slots and as many voters, so its cubic bound is of no concern). Without
//! distinct reviewers one voter covers a slot in each of their groups.

use std::collections::BTreeSet;

use crate::{GroupName, Policy};

/// How the standing approvals cover the slots of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// For each group of the policy, in its order: the voters (by position) that cover its slots.
    pub by_group: Vec<Vec<usize>>,
    needed: usize,
}

impl Coverage {
    /// How many slots are covered.
    #[must_use]
    pub fn covered(&self) -> usize {
        self.by_group.iter().map(Vec::len).sum()
    }

    /// Whether no slot is open.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.covered() == self.needed
    }
}

/// Covers the slots of `policy` with voters, each given by the groups that they vote for.
///
/// Groups that are not in the policy are ignored. The result is deterministic: earlier voters keep
/// a slot, though perhaps not the same one, when later ones arrive.
#[must_use]
pub fn coverage(policy: &Policy, voters: &[&BTreeSet<GroupName>]) -> Coverage {
    let by_group = if policy.distinct_reviewers { distinct(policy, voters) } else { shared(policy, voters) };
    Coverage { by_group, needed: policy.approvals_needed() }
}

/// One vote covers all the voter's groups.
fn shared(policy: &Policy, voters: &[&BTreeSet<GroupName>]) -> Vec<Vec<usize>> {
    let covering = |group: &GroupName| {
        let members = voters.iter().enumerate().filter(|(_, groups)| groups.contains(group));
        members.map(|(voter, _)| voter).take(usize::from(policy.approvals_per_group)).collect()
    };
    policy.groups.iter().map(covering).collect()
}

/// Each voter covers one slot; slots of one group are alike, so a group is a node with a capacity.
fn distinct(policy: &Policy, voters: &[&BTreeSet<GroupName>]) -> Vec<Vec<usize>> {
    let mut holders: Vec<Vec<usize>> = vec![Vec::new(); policy.groups.len()];
    for voter in 0..voters.len() {
        let mut visited = vec![false; policy.groups.len()];
        place(voter, policy, voters, &mut visited, &mut holders);
    }
    for group in &mut holders {
        group.sort_unstable();
    }
    holders
}

/// Finds a slot for `voter`, moving others if that frees one. Recursion is bounded by the groups
/// not yet visited, at most 25.
fn place(
    voter: usize,
    policy: &Policy,
    voters: &[&BTreeSet<GroupName>],
    visited: &mut [bool],
    holders: &mut [Vec<usize>],
) -> bool {
    let Some(groups) = voters.get(voter) else {
        return false;
    };
    for (index, group) in policy.groups.iter().enumerate() {
        let fresh = visited.get(index).is_some_and(|seen| !seen);
        if !fresh || !groups.contains(group) {
            continue;
        }
        if let Some(seen) = visited.get_mut(index) {
            *seen = true;
        }
        let held = holders.get(index).cloned().unwrap_or_default();
        if held.len() < usize::from(policy.approvals_per_group) {
            if let Some(holder) = holders.get_mut(index) {
                holder.push(voter);
            }
            return true;
        }
        for other in held {
            if place(other, policy, voters, visited, holders) {
                if let Some(holder) = holders.get_mut(index) {
                    holder.retain(|held| *held != other);
                    holder.push(voter);
                }
                return true;
            }
        }
    }
    false
}

/// A person who could approve, for [`satisfiable`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// The human, so that two accounts of one count once.
    pub human: crate::UserId,
    /// The groups of all the human's enabled accounts.
    pub groups: &'a BTreeSet<GroupName>,
}

/// Whether some set of the candidates could satisfy `policy`; `except` (the requester) never counts.
#[must_use]
pub fn satisfiable(policy: &Policy, candidates: &[Candidate<'_>], except: Option<crate::UserId>) -> bool {
    let voters: Vec<&BTreeSet<GroupName>> = candidates
        .iter()
        .filter(|candidate| Some(candidate.human) != except)
        .map(|candidate| candidate.groups)
        .collect();
    !policy.approvals || coverage(policy, &voters).is_complete()
}
