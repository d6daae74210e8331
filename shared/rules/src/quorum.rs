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
    let voters: Vec<Groups> = voters.iter().map(|groups| Groups::of(policy, groups)).collect();
    let share = usize::from(policy.approvals_per_group);
    let by_group = if policy.distinct_reviewers {
        distinct(&voters, policy.groups.len(), share)
    } else {
        shared(&voters, policy.groups.len(), share)
    };
    Coverage { by_group, needed: policy.approvals_needed() }
}

/// Some groups of a policy, as bits by their position: names are compared once, not once a step.
/// A policy has at most 25 groups; what lies beyond 32 would not be seen.
#[derive(Debug, Clone, Copy)]
struct Groups(u32);

impl Groups {
    fn of(policy: &Policy, groups: &BTreeSet<GroupName>) -> Self {
        let positions = (0u32..).zip(&policy.groups).filter(|(_, group)| groups.contains(*group));
        Self(positions.fold(0, |bits, (position, _)| bits | bit(position)))
    }

    fn positions(self) -> impl Iterator<Item = u32> {
        (0..u32::BITS).filter(move |position| self.0 & bit(*position) != 0)
    }
}

fn bit(position: u32) -> u32 {
    1u32.checked_shl(position).unwrap_or(0)
}

/// One vote covers all the voter's groups.
fn shared(voters: &[Groups], groups: usize, share: usize) -> Vec<Vec<usize>> {
    let covering = |group: u32| {
        let members = voters.iter().enumerate().filter(|(_, voter)| voter.0 & bit(group) != 0);
        members.map(|(voter, _)| voter).take(share).collect()
    };
    (0u32..).take(groups).map(covering).collect()
}

/// Each voter covers one slot; slots of one group are alike, so a group is a node with a capacity.
fn distinct(voters: &[Groups], groups: usize, share: usize) -> Vec<Vec<usize>> {
    let mut holders: Vec<Vec<usize>> = vec![Vec::with_capacity(share); groups];
    let mut open = groups.saturating_mul(share);
    for voter in 0..voters.len() {
        if open == 0 {
            break;
        }
        if place(voter, voters, share, &mut 0, &mut holders) {
            open = open.saturating_sub(1);
        }
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
    voters: &[Groups],
    share: usize,
    visited: &mut u32,
    holders: &mut [Vec<usize>],
) -> bool {
    let Some(groups) = voters.get(voter) else {
        return false;
    };
    for (position, index) in groups.positions().filter_map(|at| Some((at, usize::try_from(at).ok()?))) {
        if *visited & bit(position) != 0 {
            continue;
        }
        *visited |= bit(position);
        let Some(held) = holders.get_mut(index) else {
            continue;
        };
        if held.len() < share {
            held.push(voter);
            return true;
        }
        for slot in 0..share {
            // Whoever moves away goes to a group not visited yet, so this one stays as it is.
            let Some(other) = holders.get(index).and_then(|held| held.get(slot)).copied() else {
                continue;
            };
            if place(other, voters, share, visited, holders) {
                if let Some(freed) = holders.get_mut(index).and_then(|held| held.get_mut(slot)) {
                    *freed = voter;
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
