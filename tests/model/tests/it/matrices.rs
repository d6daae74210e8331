//! Every membership of up to four people in three groups, against the matcher that tries everything.

use std::collections::BTreeSet;

use countersign_model::matching::most_covered;
use countersign_model::universe::{group, groups, user};
use countersign_rules::quorum::{Candidate, Coverage, coverage, satisfiable};
use countersign_rules::{GroupName, Policy};

fn policy(groups: usize, approvals_per_group: u8, distinct_reviewers: bool) -> Policy {
    Policy {
        version: 1,
        groups: (0..groups).map(group).collect(),
        approvals_per_group,
        distinct_reviewers,
        admin_auto_approve: true,
        exempt_groups: BTreeSet::new(),
        allowed_groups: BTreeSet::new(),
        approvals: true,
        run_within_seconds: 60,
        max_rows: None,
    }
}

/// Calls `check` with every policy and every membership there is, and says how many there were.
fn with_all_memberships(check: impl Fn(&Policy, &[BTreeSet<GroupName>])) -> usize {
    let mut memberships = 0;
    for (group_count, approvals_per_group, distinct) in policies() {
        let policy = policy(group_count, approvals_per_group, distinct);
        for people in 0..=4 {
            let bits_each = 1_usize << group_count;
            for mut matrix in 0..bits_each.pow(people) {
                let mut voters = Vec::new();
                for _ in 0..people {
                    voters.push(groups(u8::try_from(matrix % bits_each).unwrap()));
                    matrix /= bits_each;
                }
                check(&policy, &voters);
                memberships += 1;
            }
        }
    }
    memberships
}

fn policies() -> impl Iterator<Item = (usize, u8, bool)> {
    (1..=3).flat_map(|groups| {
        [(1, true), (1, false), (2, true), (2, false)].map(|(share, distinct)| (groups, share, distinct))
    })
}

fn real(policy: &Policy, voters: &[BTreeSet<GroupName>]) -> Coverage {
    coverage(policy, &voters.iter().collect::<Vec<_>>())
}

#[test]
fn as_many_slots_are_covered_as_any_assignment_could_cover() {
    let memberships = with_all_memberships(|policy, voters| {
        let most = most_covered(policy, voters);
        let found = real(policy, voters);
        assert_eq!(found.covered(), most, "{policy:?} {voters:?}");
        assert_eq!(found.is_complete(), most == policy.approvals_needed(), "{policy:?} {voters:?}");
    });
    println!("{memberships} memberships compared with the matcher that tries everything");
    // 12 policies; 1, 2, 4, … memberships for 0 to 4 people in 1, 2 and 3 groups.
    assert_eq!(memberships, 4 * (31 + 341 + 4681));
}

#[test]
fn the_assignment_gives_each_slot_to_a_member_and_no_voter_more_than_their_due() {
    with_all_memberships(|policy, voters| {
        let found = real(policy, voters);
        assert_eq!(found.by_group.len(), policy.groups.len());
        let mut used = BTreeSet::new();
        for (group, holders) in policy.groups.iter().zip(&found.by_group) {
            assert!(holders.len() <= usize::from(policy.approvals_per_group), "{policy:?} {voters:?}");
            let different: BTreeSet<_> = holders.iter().collect();
            assert_eq!(different.len(), holders.len(), "one voter twice in a group: {policy:?} {voters:?}");
            for holder in holders {
                assert!(voters[*holder].contains(group), "no member: {policy:?} {voters:?}");
                let first_slot = used.insert(*holder);
                assert!(first_slot || !policy.distinct_reviewers, "used twice: {policy:?} {voters:?}");
            }
        }
    });
}

#[test]
fn one_more_voter_never_takes_a_slot_from_those_who_came_before() {
    with_all_memberships(|policy, voters| {
        let Some((_, before)) = voters.split_last() else {
            return;
        };
        let holders = |coverage: &Coverage| -> BTreeSet<usize> {
            coverage.by_group.iter().flatten().copied().collect()
        };
        assert!(holders(&real(policy, before)).is_subset(&holders(&real(policy, voters))));
    });
}

#[test]
fn a_rule_is_satisfiable_exactly_if_all_who_may_vote_together_cover_it() {
    with_all_memberships(|policy, people| {
        let candidates: Vec<_> = people
            .iter()
            .enumerate()
            .map(|(index, groups)| Candidate { human: user(index), groups })
            .collect();
        let complete =
            |people: &[BTreeSet<GroupName>]| most_covered(policy, people) == policy.approvals_needed();
        assert_eq!(satisfiable(policy, &candidates, None), complete(people));
        if let Some((_, others)) = people.split_first() {
            assert_eq!(satisfiable(policy, &candidates, Some(user(0))), complete(others));
        }
    });
}
