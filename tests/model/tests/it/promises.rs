//! The promises of DESIGN section 3, as far as the rules alone can hold them, on random histories.

use std::collections::BTreeSet;

use countersign_model::history::{History, STEP_BYTES};
use countersign_model::matching::{covers_all, most_covered};
use countersign_model::play::{Played, Said, Turn, ask, play};
use countersign_model::universe::UNIVERSE_BYTES;
use countersign_rules::command::{Ballot, Ending};
use countersign_rules::event::Decision;
use countersign_rules::request::{AutoCause, RunMode};
use countersign_rules::risk::Guard;
use countersign_rules::{Bounds, Command, Fact, GroupName, Policy, Refusal, Request, Status, UserId, decide};
use proptest::prelude::*;

/// A history that was played; what could not be submitted is drawn again.
fn played() -> impl Strategy<Value = Played> {
    let steps = prop::collection::vec(any::<[u8; STEP_BYTES]>(), 0..24);
    (any::<[u8; UNIVERSE_BYTES]>(), steps).prop_filter_map("cannot be submitted", |(universe, steps)| {
        play(&History::decode(&universe, &steps)).ok()
    })
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() }
}

/// The groups for which the approvals that stand speak, each with the human.
fn approvals(request: &Request) -> Vec<(UserId, BTreeSet<GroupName>)> {
    request.approvals().map(|vote| (vote.human, vote.groups.clone())).collect()
}

fn spoken_for(approvals: &[(UserId, BTreeSet<GroupName>)]) -> Vec<BTreeSet<GroupName>> {
    approvals.iter().map(|(_, groups)| groups.clone()).collect()
}

fn wrote(turn: &Turn, wanted: impl Fn(&Fact) -> bool) -> bool {
    matches!(&turn.said, Said::Done(events) if events.iter().any(|event| wanted(&event.fact)))
}

fn claimed(turn: &Turn) -> bool {
    wrote(turn, |fact| matches!(fact, Fact::Running { .. }))
}

/// What still stands of the approvals when the claim's people are looked at.
fn standing_at_claim(turn: &Turn) -> Vec<(UserId, BTreeSet<GroupName>)> {
    let Command::Claim { people, .. } = &turn.command else { panic!("no claim: {turn:?}") };
    let votes = turn.before.approvals().filter_map(|vote| {
        let person = people.by_user.get(&vote.user)?;
        let counts = !person.disabled && (!vote.automatic || person.is_admin());
        counts.then(|| (vote.human, vote.groups.intersection(&person.groups).cloned().collect()))
    });
    votes.collect()
}

/// What the guardrails said when it was claimed.
fn guard_at_claim(turn: &Turn) -> &Guard {
    let Command::Claim { guard, .. } = &turn.command else { panic!("no claim: {turn:?}") };
    guard
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn p1_nothing_is_claimed_that_a_guardrail_blocks_at_that_moment(played in played()) {
        for turn in played.turns.iter().filter(|turn| claimed(turn)) {
            prop_assert_eq!(&guard_at_claim(turn).blocked_by, &None);
        }
    }

    #[test]
    fn an_estimate_is_made_once_and_decides_nothing(played in played()) {
        let estimates = played.events().into_iter().filter(|event| matches!(event.fact, Fact::Estimated { .. }));
        prop_assert!(estimates.count() <= 1);
        // A vote that raced with it is as good as before: without it, everything is answered alike.
        let mut without = played.born.clone();
        for turn in &played.turns {
            if let Command::Estimate { .. } = turn.command {
                continue;
            }
            let said = ask(&mut without, &turn.command, turn.now);
            let facts = |said: &Said| match said {
                Said::Done(events) => Some(events.iter().map(|event| event.fact.clone()).collect::<Vec<_>>()),
                Said::AlreadyDone | Said::Refused(_) => None,
            };
            prop_assert_eq!(facts(&said), facts(&turn.said));
            if let (Said::Refused(one), Said::Refused(other)) = (&said, &turn.said) {
                prop_assert_eq!(one, other);
            }
            prop_assert_eq!(without.status(), turn.after.status());
            prop_assert_eq!(&without.votes, &turn.after.votes);
        }
    }

    #[test]
    fn p1_nothing_is_claimed_unless_members_cover_every_slot_at_that_moment(played in played()) {
        for turn in played.turns.iter().filter(|turn| claimed(turn)) {
            let cause = turn.before.auto_approval.as_ref().map(|auto| auto.cause);
            if cause == Some(AutoCause::Rule) {
                prop_assert!(guard_at_claim(turn).eased && turn.before.read_only);
            } else if !matches!(cause, Some(AutoCause::Exempt | AutoCause::ApprovalsDisabled)) {
                let standing = standing_at_claim(turn);
                prop_assert!(covers_all(&turn.before.policy, &spoken_for(&standing)));
            }
        }
    }

    #[test]
    fn p1_nothing_is_claimed_after_a_rejection(played in played()) {
        let mut rejected = false;
        for turn in &played.turns {
            prop_assert!(!(rejected && claimed(turn)));
            rejected |= wrote(turn, |fact| matches!(fact, Fact::Rejected { .. }));
        }
    }

    #[test]
    fn p1_a_vote_or_a_claim_on_another_digest_never_counts(played in played()) {
        for turn in &played.turns {
            let fits = match &turn.command {
                Command::Vote { digest, .. } => *digest == turn.before.digest,
                Command::Claim { digest, .. } => *digest == Some(turn.before.digest),
                _ => true,
            };
            let counted = wrote(turn, |fact| matches!(fact, Fact::Vote(_))) || claimed(turn);
            prop_assert!(fits || !counted);
        }
        for event in played.events() {
            if let Fact::Vote(cast) = event.fact {
                prop_assert_eq!(cast.digest, played.request.digest);
            }
        }
    }

    #[test]
    fn p2_the_approvals_that_stand_are_of_different_people(played in played()) {
        for turn in &played.turns {
            let humans: BTreeSet<_> = turn.after.approvals().map(|vote| vote.human).collect();
            prop_assert_eq!(humans.len(), turn.after.approvals().count());
        }
    }

    #[test]
    fn p2_a_claim_with_distinct_reviewers_rests_on_as_many_people_as_approvals_are_needed(played in played()) {
        let Policy { distinct_reviewers, approvals, .. } = played.request.policy;
        for turn in played.turns.iter().filter(|turn| claimed(turn)) {
            let cause = turn.before.auto_approval.as_ref().map(|auto| auto.cause);
            let exempt = matches!(cause, Some(AutoCause::Exempt | AutoCause::Rule));
            if distinct_reviewers && approvals && !exempt {
                let humans: BTreeSet<_> = standing_at_claim(turn).into_iter().map(|(human, _)| human).collect();
                prop_assert!(humans.len() >= turn.before.policy.approvals_needed());
            }
        }
    }

    #[test]
    fn p2_the_requester_never_votes_save_as_an_admin_by_submitting(played in played()) {
        for (index, event) in played.events().into_iter().enumerate() {
            if let Fact::Vote(cast) = &event.fact && cast.human == played.request.requester.human {
                prop_assert!(cast.automatic && index == 1 && played.request.policy.admin_auto_approve);
            }
        }
    }

    #[test]
    fn p3_there_is_at_most_one_claim_and_one_end(played in played()) {
        let count = |wanted: fn(&Fact) -> bool| played.events().iter().filter(|e| wanted(&e.fact)).count();
        let claims = count(|fact| matches!(fact, Fact::Running { .. }));
        prop_assert!(claims <= 1);
        let ends = count(|fact| matches!(
            fact,
            Fact::Blocked(_) | Fact::Rejected { .. } | Fact::Expired { .. } | Fact::Cancelled { .. }
                | Fact::Succeeded(_) | Fact::Failed(_)
        ));
        prop_assert!(ends <= 1);
        prop_assert_eq!(ends == 1, played.request.status().is_terminal());
    }

    #[test]
    fn p3_an_ended_request_never_changes_again(played in played()) {
        for turn in &played.turns {
            if turn.before.status().is_terminal() {
                prop_assert!(!matches!(turn.said, Said::Done(_)));
                prop_assert_eq!(&turn.before, &turn.after);
            }
        }
    }

    #[test]
    fn p3_what_a_reader_saw_as_the_end_stays_the_end(played in played()) {
        for turn in &played.turns {
            let seen = turn.before.status_at(turn.now);
            // A restored table may have forgotten a claim: EXPIRED would say that nothing ran.
            let restored = matches!(turn.command, Command::RaiseEpoch { .. })
                && turn.before.status() == Status::Approved;
            if seen.is_terminal() && !restored {
                prop_assert_eq!(turn.after.status_at(turn.now), seen);
            }
        }
    }

    #[test]
    fn p4_an_executor_that_is_dead_begins_nothing_and_nobody_claims_after_it(played in played()) {
        let mut was_claimed = false;
        for turn in &played.turns {
            if let Command::Claim { nonce, .. } = &turn.command {
                let held = turn.before.claim().filter(|claim| claim.nonce == *nonce);
                if turn.said == Said::AlreadyDone {
                    prop_assert!(held.is_some_and(|claim| turn.now < claim.lease_until));
                }
                prop_assert!(!(was_claimed && claimed(turn)));
            }
            was_claimed |= claimed(turn);
        }
    }

    #[test]
    fn p1_a_runner_claims_only_what_runners_execute_and_never_before_it_was_asked_to(played in played()) {
        let mut asked = false;
        for turn in &played.turns {
            asked &= turn.before.status() != Status::Pending;
            if claimed(turn) {
                let Command::Claim { executor, .. } = &turn.command else { panic!("no claim: {turn:?}") };
                prop_assert_eq!(executor.token().is_some(), turn.before.is_for_runners());
                let by_itself = turn.before.run == RunMode::OnApproval;
                prop_assert!(asked || by_itself || !turn.before.is_for_runners());
            }
            asked |= wrote(turn, |fact| matches!(fact, Fact::RunAsked {}));
        }
    }

    #[test]
    fn p4_a_lease_is_renewed_by_its_holder_alone_while_it_runs_and_never_beyond_its_limit(played in played()) {
        for turn in &played.turns {
            if wrote(turn, |fact| matches!(fact, Fact::LeaseRenewed { .. })) {
                let Command::Renew { nonce, runner } = &turn.command else { panic!("by {:?}", turn.command) };
                let (before, after) = (turn.before.claim().unwrap(), turn.after.claim().unwrap());
                prop_assert!(turn.now < before.lease_until && before.lease_until < after.lease_until);
                prop_assert!(before.nonce == *nonce && before.runner.unwrap().token == runner.token);
                prop_assert!(after.lease_until <= before.runner.unwrap().limit);
                prop_assert_eq!(after.runner, before.runner);
            }
        }
    }

    #[test]
    fn p4_a_lapsed_lease_and_a_restore_leave_unknown_which_only_an_admin_settles(played in played()) {
        for turn in &played.turns {
            let lapsed = turn.before.claim().is_some_and(|claim| turn.now >= claim.lease_until);
            if turn.command == Command::Tick && turn.before.status() == Status::Running && lapsed {
                prop_assert_eq!(turn.after.status(), Status::Unknown);
            }
            if turn.before.status() == Status::Unknown && turn.after.status() != Status::Unknown {
                let Command::Settle { by, .. } = &turn.command else { panic!("settled by {:?}", turn.command) };
                prop_assert!(by.is_admin() && by.human != turn.before.requester.human);
            }
        }
    }

    #[test]
    fn p4_nothing_of_an_older_epoch_is_claimed_or_waits_on_once_the_epoch_has_reached_it(played in played()) {
        for turn in &played.turns {
            match &turn.command {
                Command::Claim { epoch, .. } if *epoch != turn.before.epoch => prop_assert!(!claimed(turn)),
                Command::RaiseEpoch { epoch } if *epoch > turn.before.epoch => {
                    let left = turn.after.status();
                    prop_assert!(!matches!(left, Status::Pending | Status::Approved | Status::Running));
                }
                _ => {}
            }
        }
    }

    #[test]
    fn p5_no_vote_is_recorded_at_or_after_expires_at_and_no_claim_at_or_after_run_by(played in played()) {
        for turn in &played.turns {
            if wrote(turn, |fact| matches!(fact, Fact::Vote(_))) {
                prop_assert!(turn.now < turn.before.expires_at);
            }
            if claimed(turn) {
                prop_assert!(turn.now < turn.before.approval().unwrap().run_by);
            }
        }
    }

    #[test]
    fn p5_readers_see_expired_from_the_very_instant_on_and_for_ever(played in played()) {
        for request in played.turns.iter().map(|turn| &turn.after) {
            let over = match request.status() {
                Status::Pending => request.expires_at,
                Status::Approved => request.approval().unwrap().run_by,
                _ => continue,
            };
            prop_assert_eq!(request.deadline(), Some(over));
            prop_assert_eq!(request.status_at(over.plus_millis(-1)), request.status());
            for later in [0, 1, 1000, 10_000_000] {
                prop_assert_eq!(request.status_at(over.plus_millis(later)), Status::Expired);
            }
        }
    }

    #[test]
    fn p5_a_timer_that_is_early_or_fires_twice_changes_nothing(played in played()) {
        for turn in &played.turns {
            let early = turn.before.deadline().is_none_or(|deadline| turn.now < deadline);
            let facts = decide(&turn.before, &Command::Tick, turn.now).unwrap();
            prop_assert_eq!(facts.is_empty(), early);
            if turn.command == Command::Tick {
                prop_assert_eq!(decide(&turn.after, &Command::Tick, turn.now), Ok(Vec::new()));
            }
        }
    }

    #[test]
    fn p10_what_is_refused_or_done_already_changes_nothing_and_what_is_done_is_one_version_more(played in played()) {
        for turn in &played.turns {
            match &turn.said {
                Said::Refused(_) | Said::AlreadyDone => prop_assert_eq!(&turn.before, &turn.after),
                Said::Done(events) => {
                    prop_assert_eq!(turn.after.version, turn.before.version + 1);
                    prop_assert_eq!(turn.after.seq, turn.before.seq + events.len() as u64);
                }
            }
        }
    }

    #[test]
    fn a_vote_is_accepted_exactly_if_it_enlarges_the_matching(played in played()) {
        for turn in &played.turns {
            let Command::Vote { voter, ballot: Ballot::Approve { bounds, .. }, digest, .. } = &turn.command else { continue };
            let policy = &turn.before.policy;
            let mut after = approvals(&turn.before);
            let before = most_covered(policy, &spoken_for(&after));
            after.retain(|(human, _)| *human != voter.human);
            after.push((voter.human, voter.groups.clone()));
            let entitled = !voter.disabled && voter.human != turn.before.requester.human;
            let pending = turn.before.status_at(turn.now) == Status::Pending;
            let enlarges = most_covered(policy, &spoken_for(&after)) > before;
            let standing = turn.before.approvals().find(|vote| vote.human == voter.human);
            let bounded = standing.is_none_or(|vote| vote.bounds == *bounds)
                && (standing.is_some() || bounds.not_after.is_none_or(|end| turn.now < end));
            let wanted = entitled && pending && *digest == turn.before.digest && enlarges && bounded;
            prop_assert_eq!(matches!(turn.said, Said::Done(_)), wanted);
        }
    }

    #[test]
    fn an_identical_vote_again_is_accepted_unchanged_whatever_has_become_of_the_request(played in played()) {
        let voted: Vec<_> = played.turns.iter().filter(|turn| {
            matches!(turn.command, Command::Vote { .. }) && matches!(turn.said, Said::Done(_))
        }).collect();
        for turn in voted {
            let Command::Vote { voter, ballot, .. } = &turn.command else { continue };
            let (decision, bounds) = match ballot {
                Ballot::Approve { bounds, .. } => (Decision::Approve, *bounds),
                Ballot::Reject { .. } => (Decision::Reject, Bounds::default()),
            };
            for later in &played.turns {
                let stands = later.after.votes.iter().any(|vote| {
                    vote.human == voter.human && vote.decision == decision && vote.bounds == bounds && voter.groups.is_superset(&vote.groups)
                        && turn.after.policy.groups.iter().all(|g| !voter.groups.contains(g) || vote.groups.contains(g))
                });
                if stands {
                    prop_assert_eq!(decide(&later.after, &turn.command, later.now), Ok(Vec::new()));
                }
            }
        }
    }

    #[test]
    fn a_claim_comes_within_the_bounds_of_every_standing_approval(played in played()) {
        for turn in &played.turns {
            if !matches!(turn.command, Command::Claim { .. }) || turn.after.status() != Status::Running {
                continue;
            }
            for vote in turn.after.approvals() {
                let claimed_at = turn.after.claim().map(|claim| claim.at);
                let in_time = vote.bounds.not_after.is_none_or(|end| claimed_at.is_some_and(|at| at < end));
                prop_assert!(in_time, "{:?} at {:?}", vote.bounds, claimed_at);
            }
        }
    }

    #[test]
    fn the_row_bound_is_the_strictest_of_the_policy_and_every_standing_approval(played in played()) {
        for turn in &played.turns {
            let standing = turn.after.approvals().filter_map(|vote| vote.bounds.max_rows);
            let strictest = standing.chain(turn.after.policy.max_rows).min();
            prop_assert_eq!(turn.after.bounds().max_rows, strictest);
        }
    }

    #[test]
    fn what_a_guardrail_blocked_stays_blocked(played in played()) {
        for turn in played.turns.iter().filter(|turn| turn.before.status() == Status::Blocked) {
            prop_assert_eq!(&turn.before, &turn.after);
            prop_assert!(turn.before.votes.is_empty() && turn.before.approval().is_none());
        }
    }

    #[test]
    fn the_order_of_the_votes_makes_no_difference_to_what_is_covered(
        played in played(), order in any::<prop::sample::Index>()
    ) {
        for request in played.turns.iter().map(|turn| &turn.after) {
            let mut turned = request.clone();
            if !turned.votes.is_empty() {
                let by = order.index(turned.votes.len());
                turned.votes.rotate_left(by);
                turned.votes.reverse();
            }
            prop_assert_eq!(turned.coverage().covered(), request.coverage().covered());
            prop_assert_eq!(turned.coverage().is_complete(), request.coverage().is_complete());
            prop_assert_eq!(turned.groups_waiting(), request.groups_waiting());
        }
    }

    #[test]
    fn a_group_is_waited_for_exactly_if_a_vote_for_it_alone_would_be_accepted(played in played()) {
        for turn in &played.turns {
            if turn.after.status_at(turn.now) != Status::Pending {
                continue;
            }
            let waiting = turn.after.groups_waiting();
            prop_assert!(!waiting.is_empty());
            for group in &turn.after.policy.groups {
                let stranger = countersign_model::universe::user(99);
                let mut voter = played.world.people[0].clone();
                (voter.user, voter.human, voter.disabled) = (stranger, stranger, false);
                voter.groups = BTreeSet::from([group.clone()]);
                let (digest, via) = (turn.after.digest, countersign_rules::Via::Api);
                let vote = Command::Vote { voter, ballot: Ballot::Approve { comment: None, bounds: Bounds::default() }, digest, via };
                let refused = decide(&turn.after, &vote, turn.now) == Err(Refusal::VoteNotNeeded);
                prop_assert_eq!(waiting.contains(group), !refused);
            }
        }
    }

    #[test]
    fn an_end_can_be_reported_again_by_the_executor_that_reported_it_and_by_nobody_else(played in played()) {
        for turn in &played.turns {
            let Command::Complete { nonce, ending, executor } = &turn.command else { continue };
            if matches!(turn.said, Said::Done(_)) {
                prop_assert_eq!(decide(&turn.after, &turn.command, turn.now), Ok(Vec::new()));
                let executor = executor.clone();
                let stranger = Command::Complete {
                    nonce: format!("not {nonce}"),
                    ending: ending.clone(),
                    executor: executor.clone(),
                };
                prop_assert_eq!(decide(&turn.after, &stranger, turn.now), Err(Refusal::NotTheClaimant));
                let lost = Command::Complete { nonce: nonce.clone(), ending: Ending::Lost(None), executor };
                let said = decide(&turn.after, &lost, turn.now);
                prop_assert!(*ending == Ending::Lost(None) || said == Err(Refusal::Wrong(turn.after.status())));
            }
        }
    }
}
