//! The rules by example, one story each; the laws behind them are tested in `tests/model`.

use crate::story::{Story, at};
use countersign_rules::command::Ending;
use countersign_rules::event::{CancelCause, ExpiryCause, UnknownCause, VoidCause};
use countersign_rules::request::AutoCause;
use countersign_rules::risk::{Block, Verdict};
use countersign_rules::transaction::{Closing, Journal};
use countersign_rules::{Bounds, Effect, Fact, Phase, Refusal, StatementMode, Status, effects};

#[test]
fn one_group_is_content_with_any_one_member() {
    let mut story = Story::new(&["dba"]).person("dana", &["dba"]).submitted_by("alice");
    story.approves("dana").unwrap();
    assert_eq!(story.status(), Status::Approved);
}

#[test]
fn two_groups_need_two_people_even_if_one_is_in_both() {
    let mut story = Story::new(&["dba", "sec"])
        .person("rita", &["dba", "sec"])
        .person("sam", &["sec"])
        .submitted_by("alice");
    story.approves("rita").unwrap();
    assert_eq!(story.status(), Status::Pending);
    assert_eq!(story.waiting(), ["dba", "sec"], "either would free rita for the other");
    story.approves("sam").unwrap();
    assert_eq!(story.status(), Status::Approved);
}

#[test]
fn one_vote_speaks_for_all_groups_where_reviewers_need_not_be_distinct() {
    let mut story = Story::new(&["dba", "sec"]).person("rita", &["dba", "sec"]);
    story.policy.distinct_reviewers = false;
    let mut story = story.submitted_by("alice");
    story.approves("rita").unwrap();
    assert_eq!(story.status(), Status::Approved);
}

#[test]
fn a_second_approval_of_a_group_that_needs_one_is_not_needed() {
    let mut story =
        Story::new(&["dba", "sec"]).person("dana", &["dba"]).person("dora", &["dba"]).submitted_by("alice");
    story.approves("dana").unwrap();
    assert_eq!(story.approves("dora"), Err(Refusal::VoteNotNeeded));
}

#[test]
fn a_member_of_a_group_that_has_approved_can_still_reject() {
    let mut story = Story::new(&["dba", "sec"]).person("dana", &["dba"]).submitted_by("alice");
    story.approves("dana").unwrap();
    story.rejects("dana").unwrap();
    assert_eq!(story.status(), Status::Rejected);
    assert_eq!(story.rejects("dana"), Ok(vec![]), "the same again");
    assert_eq!(story.approves("dana"), Err(Refusal::Wrong(Status::Rejected)));
}

#[test]
fn nobody_decides_their_own_request_not_even_through_their_service_account() {
    let mut story = Story::new(&["dba"])
        .person("alice", &["dba"])
        .person("robot", &["dba"])
        .owned("robot", "alice")
        .submitted_by("alice");
    assert_eq!(story.approves("alice"), Err(Refusal::OwnRequest));
    assert_eq!(story.approves("robot"), Err(Refusal::OwnRequest));
    assert_eq!(story.rejects("robot"), Err(Refusal::OwnRequest));
}

#[test]
fn a_person_and_their_service_account_are_one_of_two_people() {
    let mut story = Story::new(&["dba", "sec"])
        .person("dana", &["dba"])
        .person("robot", &["sec"])
        .owned("robot", "dana")
        .submitted_by("alice");
    story.approves("dana").unwrap();
    assert_eq!(story.approves("robot"), Ok(vec![]), "dana has approved already");
    assert_eq!(story.status(), Status::Pending);
}

#[test]
fn an_admin_in_the_only_group_approves_by_submitting() {
    let story = Story::new(&["dba"]).person("root", &["dba"]).admin("root").submitted_by("root");
    assert_eq!(story.status(), Status::Approved);
    let auto = story.request().auto_approval.clone().unwrap();
    assert_eq!((auto.cause, auto.group.unwrap().as_str()), (AutoCause::Admin, "dba"));
}

#[test]
fn an_admin_with_two_groups_still_needs_another_person() {
    let mut story = Story::new(&["dba", "sec"])
        .person("root", &["dba", "sec"])
        .admin("root")
        .person("sam", &["sec"])
        .submitted_by("root");
    assert_eq!(story.status(), Status::Pending);
    story.approves("sam").unwrap();
    assert_eq!(story.status(), Status::Approved);
    assert_eq!(story.request().auto_approval, None, "somebody else's vote was needed");
}

#[test]
fn an_admin_in_no_reviewer_group_waits_like_everybody() {
    let story = Story::new(&["dba"]).person("root", &[]).admin("root").submitted_by("root");
    assert_eq!(story.status(), Status::Pending);
}

#[test]
fn members_of_an_exempt_group_and_everybody_where_approvals_are_off_need_nobody() {
    let mut exempt = Story::new(&["dba"]).person("ops", &["oncall"]);
    exempt.policy.exempt_groups.insert("oncall".parse().unwrap());
    let exempt = exempt.submitted_by("ops");
    assert_eq!(exempt.status(), Status::Approved);
    assert_eq!(exempt.request().auto_approval.clone().unwrap().cause, AutoCause::Exempt);

    let mut open = Story::new(&[]);
    open.policy.approvals = false;
    let open = open.submitted_by("alice");
    assert_eq!(open.request().auto_approval.clone().unwrap().cause, AutoCause::ApprovalsDisabled);
}

#[test]
fn what_nobody_decides_is_expired_from_the_very_instant_on() {
    let mut story = Story::new(&["dba"]).person("dana", &["dba"]).submitted_by("alice");
    story.now = at(story.timeout_seconds).plus_millis(-1);
    assert_eq!(story.status(), Status::Pending);
    story.now = at(story.timeout_seconds);
    assert_eq!(story.status(), Status::Expired);
    assert_eq!(story.approves("dana"), Err(Refusal::Wrong(Status::Expired)));
    assert_eq!(story.tick().unwrap(), [Fact::Expired { cause: ExpiryCause::ReviewTimeout }]);
}

#[test]
fn an_approval_counts_on_after_the_time_for_votes_until_run_by() {
    let mut story = Story::new(&["dba"]).person("dana", &["dba"]).submitted_by("alice");
    story.now = at(story.timeout_seconds).plus_millis(-1);
    story.approves("dana").unwrap();
    let run_by = story.request().approval().unwrap().run_by;
    assert_eq!(run_by, story.now.plus_seconds(story.policy.run_within_seconds));
    story.now = run_by;
    assert_eq!(story.claims("x1"), Err(Refusal::Wrong(Status::Expired)));
    assert_eq!(story.tick().unwrap(), [Fact::Expired { cause: ExpiryCause::RunTimeout }]);
}

#[test]
fn the_first_executor_wins_and_only_it_may_report() {
    let mut story = Story::approved();
    story.claims("x1").unwrap();
    assert_eq!(story.claims("x2"), Err(Refusal::AlreadyClaimed));
    assert_eq!(story.claims("x1"), Ok(vec![]), "its answer was lost");
    assert_eq!(story.succeeds("x2"), Err(Refusal::NotTheClaimant));
    story.succeeds("x1").unwrap();
    assert_eq!(story.status(), Status::Succeeded);
}

#[test]
fn an_executor_whose_lease_is_over_must_not_begin() {
    let mut story = Story::approved();
    story.claims("x1").unwrap();
    story.now = story.request().claim().unwrap().lease_until;
    assert_eq!(story.claims("x1"), Err(Refusal::LeaseOver));
    assert_eq!(
        story.tick().unwrap(),
        [Fact::Unknown { cause: UnknownCause::LeaseLapsed, transaction: None }]
    );
    assert_eq!(story.succeeds("x1"), Err(Refusal::Wrong(Status::Unknown)));
}

#[test]
fn what_is_unknown_is_settled_by_an_admin_who_is_not_the_requester() {
    let mut story = Story::approved();
    story.claims("x1").unwrap();
    story.now = story.request().claim().unwrap().lease_until;
    story.tick().unwrap();
    assert_eq!(story.settles("dana"), Err(Refusal::MayNotSettle));
    story.settles("root").unwrap();
    assert_eq!(story.status(), Status::Failed);
}

#[test]
fn a_voter_who_left_the_group_makes_the_request_pending_again() {
    let mut story = Story::approved();
    story.leaves("dana", "dba");
    let facts = story.claims("x1").unwrap();
    let Fact::Reopened { void, standing } = &facts[0] else { panic!("{facts:?}") };
    assert_eq!((void[0].cause, standing.len()), (VoidCause::LeftGroup, 0));
    assert_eq!((story.status(), story.request().votes.len()), (Status::Pending, 0));
    story.joins("dana", "dba");
    story.approves("dana").unwrap();
    assert_eq!(story.status(), Status::Approved);
}

#[test]
fn a_void_vote_after_the_time_for_votes_ends_the_request() {
    let mut story = Story::approved();
    story.disables("dana");
    story.now = at(story.timeout_seconds);
    assert_eq!(story.claims("x1").unwrap(), [Fact::Expired { cause: ExpiryCause::VoteVoid }]);
}

#[test]
fn who_votes_again_after_joining_another_group_fills_its_slot_too() {
    let mut story = Story::new(&["dba", "sec"]).person("dana", &["dba"]).person("rita", &["dba", "sec"]);
    story.policy.distinct_reviewers = false;
    let mut story = story.submitted_by("alice");
    story.approves("dana").unwrap();
    assert_eq!(story.approves("dana"), Ok(vec![]));
    story.joins("dana", "sec");
    assert_eq!(story.waiting(), ["sec"]);
    story.approves("dana").unwrap();
    assert_eq!((story.status(), story.request().votes.len()), (Status::Approved, 1));
}

#[test]
fn a_changed_connection_or_a_requester_who_may_no_longer_cancels_it_at_the_claim() {
    let mut changed = Story::approved();
    changed.other_digest = true;
    assert_eq!(
        changed.claims("x1").unwrap(),
        [Fact::Cancelled { cause: CancelCause::ConnectionChanged, rule: None, reason: None }]
    );
    let mut disabled = Story::approved();
    disabled.disables("alice");
    assert_eq!(
        disabled.claims("x1").unwrap(),
        [Fact::Cancelled { cause: CancelCause::RequesterNotAllowed, rule: None, reason: None }]
    );
}

#[test]
fn why_it_was_called_off_stands_in_the_event_and_one_without_stays_to_the_letter() {
    let mut story = Story::approved();
    let said = story.cancels_because("root", "wrong table").unwrap();
    let json = serde_json::to_value(&said).unwrap();
    assert_eq!(json[0]["data"], serde_json::json!({ "cause": "revoked", "reason": "wrong table" }));
    let old = r#"{"type":"request.cancelled","data":{"cause":"revoked"}}"#;
    let read: Fact = serde_json::from_str(old).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), old, "its hash is what it was");
}

#[test]
fn the_requester_and_an_admin_may_cancel_until_it_is_claimed() {
    let mut story = Story::approved();
    assert_eq!(story.cancels("dana"), Err(Refusal::MayNotCancel));
    assert_eq!(
        story.cancels("root").unwrap(),
        [Fact::Cancelled { cause: CancelCause::Revoked, rule: None, reason: None }]
    );
    let mut own = Story::approved();
    assert_eq!(
        own.cancels("alice").unwrap(),
        [Fact::Cancelled { cause: CancelCause::Requester, rule: None, reason: None }]
    );
    let mut running = Story::approved();
    running.claims("x1").unwrap();
    assert_eq!(running.cancels("alice"), Err(Refusal::Wrong(Status::Running)));
}

#[test]
fn a_restore_cancels_what_is_pending_and_leaves_the_rest_unknown() {
    let mut pending = Story::new(&["dba"]).submitted_by("alice");
    assert_eq!(
        pending.raises_epoch(2),
        [Fact::Cancelled { cause: CancelCause::Restored, rule: None, reason: None }]
    );
    let mut approved = Story::approved();
    assert_eq!(approved.raises_epoch(1), []);
    assert_eq!(
        approved.raises_epoch(2),
        [Fact::Unknown { cause: UnknownCause::Restored, transaction: None }]
    );
    assert!(matches!(approved.request().phase, Phase::Unknown { claim: None, .. }));
}

#[test]
fn a_restore_leaves_expired_what_everybody_has_seen_expired() {
    let mut story = Story::new(&["dba"]).submitted_by("alice");
    story.now = at(story.timeout_seconds);
    assert_eq!(story.raises_epoch(2), [Fact::Expired { cause: ExpiryCause::ReviewTimeout }]);
}

#[test]
fn who_may_not_vote_learns_nothing_about_digest_or_state() {
    let mut story = Story::new(&["dba"]).person("dana", &["dba"]).person("eve", &[]).submitted_by("alice");
    story.other_digest = true;
    assert_eq!(story.approves("eve"), Err(Refusal::NotReviewer));
    story.now = at(story.timeout_seconds);
    assert_eq!(story.approves("eve"), Err(Refusal::NotReviewer));
    assert_eq!(story.approves("dana"), Err(Refusal::DigestMismatch));
    story.disables("dana");
    assert_eq!(story.approves("dana"), Err(Refusal::Disabled));
}

#[test]
fn what_a_guardrail_blocks_is_asked_of_nobody_and_run_for_nobody() {
    let mut story = Story::new(&["dba"]).person("dana", &["dba"]);
    story.policy.approvals = false;
    story.verdict.block =
        Some(Block { rule: "no-drop".to_owned(), message: "tables are dropped by migrations".to_owned() });
    let mut story = story.submitted_by("alice");
    assert_eq!(story.status(), Status::Blocked);
    assert!(story.waiting().is_empty());
    assert_eq!(story.approves("dana"), Err(Refusal::Wrong(Status::Blocked)));
    assert_eq!(story.cancels("alice"), Err(Refusal::Wrong(Status::Blocked)));
    assert_eq!(story.claims("x1"), Err(Refusal::Wrong(Status::Blocked)));
    assert_eq!(story.tick(), Ok(Vec::new()));
}

#[test]
fn a_rule_lets_a_request_through_as_long_as_it_holds() {
    let mut story = Story::new(&["dba"]).person("dana", &["dba"]);
    story.verdict.ease = Some("reads".to_owned());
    let mut story = story.submitted_by("alice");
    assert_eq!(story.status(), Status::Approved);
    assert!(story.request().read_only);
    let auto = story.request().auto_approval.clone().unwrap();
    assert_eq!((auto.cause, auto.rule.as_deref()), (AutoCause::Rule, Some("reads")));
    story.guard.eased = false;
    story.claims("x1").unwrap();
    assert_eq!(story.status(), Status::Pending, "now somebody must look at it");
    story.approves("dana").unwrap();
    story.claims("x2").unwrap();
    assert_eq!(story.status(), Status::Running);
}

#[test]
fn a_guardrail_that_came_later_stops_an_approved_request() {
    let mut story = Story::approved();
    story.guard.blocked_by = Some("no-drop".to_owned());
    let rule = Some("no-drop".to_owned());
    assert_eq!(
        story.claims("x1").unwrap(),
        [Fact::Cancelled { cause: CancelCause::ConnectionChanged, rule, reason: None }]
    );
}

#[test]
fn the_strictest_bound_of_all_approvals_holds() {
    let mut story =
        Story::new(&["dba", "sec"]).person("dana", &["dba"]).person("sam", &["sec"]).submitted_by("alice");
    let until = |seconds, rows| Bounds { max_rows: rows, not_after: Some(at(seconds)) };
    assert_eq!(story.approves_within("dana", until(0, None)), Err(Refusal::BoundPassed));
    story.approves_within("dana", until(50, Some(10))).unwrap();
    assert_eq!(story.approves_within("dana", until(50, Some(10))), Ok(Vec::new()), "the identical vote");
    assert_eq!(story.approves_within("dana", until(50, Some(11))), Err(Refusal::OtherBounds));
    assert_eq!(story.approves("dana"), Err(Refusal::OtherBounds));
    story.approves_within("sam", until(40, None)).unwrap();
    assert_eq!(story.request().bounds(), until(40, Some(10)));
    assert_eq!(story.request().approval().unwrap().run_by, at(40));
    story.now = at(40);
    assert_eq!(story.claims("x1"), Err(Refusal::Wrong(Status::Expired)));
    assert_eq!(story.tick().unwrap(), [Fact::Expired { cause: ExpiryCause::RunTimeout }]);
}

#[test]
fn a_runner_comes_when_it_is_asked_for_and_lives_as_long_as_it_says_so() {
    let mut story = Story::new(&["dba"]).person("dana", &["dba"]).person("robot", &[]);
    story.kind = "runner".to_owned();
    let mut story = story.submitted_by("alice");
    assert_eq!(story.asks_for_the_run("alice"), Err(Refusal::Wrong(Status::Pending)));
    story.approves("dana").unwrap();
    assert_eq!(story.claims("x0"), Err(Refusal::OtherExecutor("by runners")));
    let runner = story.by_runner(1);
    assert_eq!(story.claims("x1"), Err(Refusal::NotAsked));
    assert_eq!(story.asks_for_the_run("dana"), Err(Refusal::MayNotRun));
    assert_eq!(story.asks_for_the_run("alice").unwrap(), [Fact::RunAsked {}]);
    assert_eq!(story.asks_for_the_run("alice"), Ok(Vec::new()), "once is enough");
    assert!(story.request().waits_for_runner());
    story.claims("x1").unwrap();
    assert_eq!(story.request().claim().unwrap().lease_until, at(10), "as long as it may be silent");
    story.now = at(8);
    assert_eq!(story.renews("x1", runner.clone()).unwrap(), [Fact::LeaseRenewed { lease_until: at(18) }]);
    let other = story.by_runner(2);
    assert_eq!(story.renews("x1", other), Err(Refusal::NotTheClaimant), "the name alone is no secret");
    assert_eq!(story.succeeds("x1"), Err(Refusal::NotTheClaimant));
    assert_eq!(story.claims("x1"), Err(Refusal::AlreadyClaimed));
    for (now, until) in [(17, 27), (26, 30)] {
        story.now = at(now);
        story.renews("x1", runner.clone()).unwrap();
        assert_eq!(story.request().claim().unwrap().lease_until, at(until));
    }
    story.now = at(29);
    assert_eq!(story.renews("x1", runner.clone()), Ok(Vec::new()), "not beyond the time limit");
    story.now = at(30);
    assert_eq!(story.renews("x1", runner), Err(Refusal::LeaseOver));
    assert_eq!(
        story.tick().unwrap(),
        [Fact::Unknown { cause: UnknownCause::LeaseLapsed, transaction: None }]
    );
}

#[test]
fn a_reopened_request_must_be_asked_for_again() {
    let mut story = Story::new(&["dba"]).person("dana", &["dba"]).person("robot", &[]);
    story.kind = "runner".to_owned();
    let mut story = story.submitted_by("alice");
    story.approves("dana").unwrap();
    story.asks_for_the_run("alice").unwrap();
    let mut story = story.person("dana", &[]).person("drew", &["dba"]);
    story.by_runner(1);
    story.claims("x1").unwrap();
    assert_eq!(story.status(), Status::Pending);
    story.approves("drew").unwrap();
    assert_eq!(story.claims("x2"), Err(Refusal::NotAsked));
}

#[test]
fn an_estimate_is_written_once_for_those_who_still_decide_and_nowhere_else() {
    let mut story = Story::new(&["dba"]).person("dana", &["dba"]);
    story.verdict.estimate = true;
    let mut story = story.submitted_by("alice");
    let digest = story.request().digest;
    assert!(effects(story.request()).contains(&Effect::Estimate));
    assert!(matches!(story.is_estimated(1204).unwrap().as_slice(), [Fact::Estimated { .. }]));
    assert_eq!(
        story.request().estimate.as_ref().unwrap().in_words().unwrap(),
        "about 1,204 rows of sessions"
    );
    assert!(!effects(story.request()).contains(&Effect::Estimate), "it is asked for until it is there");
    assert_eq!(story.is_estimated(7), Ok(Vec::new()), "the first one stands");
    assert_eq!(story.request().digest, digest, "what was seen before it came can still be approved");
    story.approves("dana").unwrap();
    assert_eq!(story.is_estimated(7), Err(Refusal::Wrong(Status::Approved)));

    let mut never = Story::new(&["dba"]).submitted_by("alice");
    assert_eq!(never.is_estimated(7), Ok(Vec::new()), "nobody wanted one");
    assert!(!effects(never.request()).contains(&Effect::Estimate));
}

#[test]
fn statements_that_commit_one_by_one_have_another_digest_and_no_bound_on_rows() {
    let by_statement = |verdict: Verdict| {
        let mut story = Story::new(&["dba"]).person("dana", &["dba"]);
        story.verdict = verdict;
        story.run_mode = StatementMode::StatementByStatement;
        story.submitted_by("alice")
    };
    let mut story = by_statement(Verdict::default());
    let together = Story::new(&["dba"]).person("dana", &["dba"]).submitted_by("alice");
    assert_ne!(story.request().digest, together.request().digest);
    let bound = Bounds { max_rows: Some(10), not_after: None };
    assert_eq!(story.approves_within("dana", bound), Err(Refusal::NoRowBound));
    story.approves("dana").unwrap();
    // What a rule lets through runs in one read-only transaction; so nothing is let through here.
    let eased = Verdict { ease: Some("reads".to_owned()), ..Verdict::default() };
    let story = by_statement(eased);
    assert_eq!((story.status(), story.request().read_only), (Status::Pending, false));
}

#[test]
fn what_is_known_of_a_lost_run_stays_when_it_is_settled() {
    let mut story = Story::approved();
    story.claims("x1").unwrap();
    let mut journal = Journal::new([(1, "UPDATE".to_owned()), (2, "DELETE".to_owned())]);
    journal.begin(1);
    journal.ran(1, Some(1), 1);
    journal.commit();
    journal.begin(2);
    let known = Some(Box::new(journal.close(Closing::Unknown)));
    story.completes("x1", Ending::Lost(known.clone())).unwrap();
    story.settles("root").unwrap();
    let Phase::Finished { outcome, .. } = &story.request().phase else { panic!("it is settled") };
    assert_eq!(outcome.transaction, known);
}
