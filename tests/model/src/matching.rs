//! Who covers which slot, by trying every assignment there is.

use std::collections::BTreeSet;

use countersign_rules::{GroupName, Policy};

/// The largest number of slots of `policy` that the voters can cover, each given by their groups.
#[must_use]
pub fn most_covered(policy: &Policy, voters: &[BTreeSet<GroupName>]) -> usize {
    let slots = slots(policy);
    if policy.distinct_reviewers {
        best(&slots, voters, &mut vec![false; slots.len()])
    } else {
        // One vote speaks for all the voter's groups, but a group needs no more than its share.
        let wanted = usize::from(policy.approvals_per_group);
        let votes_in = |group: &GroupName| voters.iter().filter(|groups| groups.contains(group)).count();
        policy.groups.iter().map(|group| votes_in(group).min(wanted)).sum()
    }
}

/// Whether the voters cover every slot.
#[must_use]
pub fn covers_all(policy: &Policy, voters: &[BTreeSet<GroupName>]) -> bool {
    most_covered(policy, voters) == slots(policy).len()
}

/// One entry a slot: the group that must give the approval.
fn slots(policy: &Policy) -> Vec<&GroupName> {
    let share = usize::from(policy.approvals_per_group);
    policy.groups.iter().flat_map(|group| std::iter::repeat_n(group, share)).collect()
}

/// The first voter takes no slot or any free one of theirs; the others do their best with the rest.
fn best(slots: &[&GroupName], voters: &[BTreeSet<GroupName>], taken: &mut Vec<bool>) -> usize {
    let Some((first, others)) = voters.split_first() else {
        return 0;
    };
    let mut most = best(slots, others, taken);
    for (index, slot) in slots.iter().enumerate() {
        if !taken[index] && first.contains(*slot) {
            taken[index] = true;
            most = most.max(1 + best(slots, others, taken));
            taken[index] = false;
        }
    }
    most
}
