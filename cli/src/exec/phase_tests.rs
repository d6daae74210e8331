//! What people read in each phase, at three widths, without colour.

use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::ending::{self, Afterword};
use super::step::{Action, Ending, Input, State, start, step};
use super::view;
use crate::client::{Problem, Request};
use crate::render::Line;

fn base() -> Value {
    json!({
        "id": "req_01JDCK3W8ZQ4T5V6X7Y8Z9A0BC", "status": "PENDING", "version": 1, "connection": "prod-db",
        "kind": "postgres", "code": "7F3K-Q2ZD", "run": "manual", "digest": "sha256:00",
        "requester": {"id": "usr_1", "email": "ann@example.com"},
        "groups": [{"group": "dba-team", "required": 1, "status": "PENDING", "decisions": []}],
        "created_at": "2026-11-23T04:00:00Z", "expires_at": "2026-11-23T04:30:00Z",
        "page": "https://gate.example.com/requests/req_01JDCK3W8ZQ4T5V6X7Y8Z9A0BC",
    })
}

fn vote(who: &str, decision: &str, via: &str, comment: Value) -> Value {
    json!({"user": {"id": "usr_9", "email": who}, "decision": decision, "via": via,
           "at": "2026-11-23T04:05:06Z", "comment": comment})
}

fn two_groups() -> Value {
    let mut request = base();
    request["groups"] = json!([
        {"group": "dba-team", "required": 1, "status": "APPROVED",
         "decisions": [vote("dana@example.com", "approve", "slack", json!("looks right"))]},
        {"group": "security-team", "required": 2, "status": "PENDING",
         "decisions": [vote("sam@example.com", "approve", "cli", json!(null))]},
    ]);
    request
}

fn state(value: &Value) -> State {
    let now = OffsetDateTime::parse("2026-11-23T04:00:18.5Z", &Rfc3339).unwrap();
    start(Duration::ZERO, Request::read(value).unwrap(), now).0
}

fn text(lines: &[Line], columns: usize) -> String {
    assert!(lines.iter().all(|line| line.width() <= columns), "wider than {columns} columns");
    lines.iter().map(|line| line.paint(false) + "\n").collect()
}

fn picture(value: &Value, columns: usize) -> String {
    text(&view::picture(&state(value), Duration::from_millis(500), columns), columns)
}

fn ended(value: &Value, event: Value, columns: usize) -> String {
    let lines = ending::lines(&state(value), &Ending::Settled, &Afterword::read(&[event]), columns);
    text(&lines, columns)
}

fn with(status: &str, members: Value) -> Value {
    let mut request = two_groups();
    request["status"] = json!(status);
    for (name, value) in members.as_object().unwrap() {
        request[name.as_str()] = value.clone();
    }
    request
}

#[test]
fn pending_with_one_group_at_40_columns() {
    insta::assert_snapshot!(picture(&base(), 40), @"
    ╭───────────────╮
    │   7F3K-Q2ZD   │
    ╰───────────────╯
    prod-db (postgres)
    waiting for 1 approval
    29:41 left

    ○ dba-team  needs 1 approval

    Review  countersign approve
            req_01JDCK3W8ZQ4T5V6X7Y8Z9A0BC
            https://gate.example.com/reque
            sts/req_01JDCK3W8ZQ4T5V6X7Y8Z9
            A0BC
    ");
}

#[test]
fn pending_with_one_group_at_80_columns() {
    insta::assert_snapshot!(picture(&base(), 80), @"
    ╭───────────────╮   prod-db (postgres)
    │   7F3K-Q2ZD   │   waiting for 1 approval
    ╰───────────────╯   29:41 left

    ○ dba-team  needs 1 approval

    Review  countersign approve req_01JDCK3W8ZQ4T5V6X7Y8Z9A0BC
            https://gate.example.com/requests/req_01JDCK3W8ZQ4T5V6X7Y8Z9A0BC
    ");
}

#[test]
fn partly_approved_at_40_columns() {
    insta::assert_snapshot!(picture(&two_groups(), 40), @"
    ╭───────────────╮
    │   7F3K-Q2ZD   │
    ╰───────────────╯
    prod-db (postgres)
    waiting for 1 approval
    29:41 left

    ✔ dba-team       approved by
                     dana@example.com via
                     slack, 04:05:06 UTC
                     “looks right”
    ◐ security-team  needs 1 more of 2
                     approvals
                     approved by
                     sam@example.com via
                     cli, 04:05:06 UTC

    Review  countersign approve
            req_01JDCK3W8ZQ4T5V6X7Y8Z9A0BC
            https://gate.example.com/reque
            sts/req_01JDCK3W8ZQ4T5V6X7Y8Z9
            A0BC
    ");
}

#[test]
fn partly_approved_at_80_columns() {
    insta::assert_snapshot!(picture(&two_groups(), 80), @"
    ╭───────────────╮   prod-db (postgres)
    │   7F3K-Q2ZD   │   waiting for 1 approval
    ╰───────────────╯   29:41 left

    ✔ dba-team       approved by dana@example.com via slack, 04:05:06 UTC
                     “looks right”
    ◐ security-team  needs 1 more of 2 approvals
                     approved by sam@example.com via cli, 04:05:06 UTC

    Review  countersign approve req_01JDCK3W8ZQ4T5V6X7Y8Z9A0BC
            https://gate.example.com/requests/req_01JDCK3W8ZQ4T5V6X7Y8Z9A0BC
    ");
}

#[test]
fn partly_approved_at_120_columns() {
    insta::assert_snapshot!(picture(&two_groups(), 120), @"
    ╭───────────────╮   prod-db (postgres)
    │   7F3K-Q2ZD   │   waiting for 1 approval
    ╰───────────────╯   29:41 left

    ✔ dba-team       approved by dana@example.com via slack, 04:05:06 UTC
                     “looks right”
    ◐ security-team  needs 1 more of 2 approvals
                     approved by sam@example.com via cli, 04:05:06 UTC

    Review  countersign approve req_01JDCK3W8ZQ4T5V6X7Y8Z9A0BC
            https://gate.example.com/requests/req_01JDCK3W8ZQ4T5V6X7Y8Z9A0BC
    ");
}

#[test]
fn approved_and_being_started() {
    let approved = with("APPROVED", json!({"run_by": "2026-11-23T05:05:06Z"}));
    insta::assert_snapshot!(picture(&approved, 80), @"
    ╭───────────────╮   prod-db (postgres)
    │   7F3K-Q2ZD   │   approved, starting it
    ╰───────────────╯   1:04:47 left to run it

    ✔ dba-team       approved by dana@example.com via slack, 04:05:06 UTC
                     “looks right”
    ◐ security-team  gave 1 of 2 approvals
                     approved by sam@example.com via cli, 04:05:06 UTC
    ");
}

#[test]
fn running() {
    insta::assert_snapshot!(picture(&with("RUNNING", json!({"groups": []})), 80), @"
    ╭───────────────╮   prod-db (postgres)
    │   7F3K-Q2ZD   │   running
    ╰───────────────╯   for 0 s
    ");
}

#[test]
fn lost_contact_while_waiting() {
    let lost = Input::Lost { why: "Connection refused (os error 111)".to_owned(), retry_after: None };
    let (state, action) = step(state(&base()), Duration::from_secs(60), lost);
    assert!(matches!(action, Action::Look { .. }));
    insta::assert_snapshot!(text(&view::picture(&state, Duration::from_secs(73), 80), 80), @"
    ╭───────────────╮   prod-db (postgres)
    │   7F3K-Q2ZD   │   waiting for 1 approval
    ╰───────────────╯   28:28 left

    ○ dba-team  needs 1 approval

    Review  countersign approve req_01JDCK3W8ZQ4T5V6X7Y8Z9A0BC
            https://gate.example.com/requests/req_01JDCK3W8ZQ4T5V6X7Y8Z9A0BC

    lost contact, retrying (for 13 s: Connection refused (os error 111))
    ");
}

#[test]
fn automatic_approvals_say_why() {
    let auto = |cause: &str, group: Value| {
        let request =
            with("APPROVED", json!({"groups": [], "auto_approval": {"cause": cause, "group": group}}));
        picture(&request, 80).lines().find(|line| line.contains('✔')).unwrap().trim().to_owned() + "\n"
    };
    let all = auto("admin", json!("dba-team"))
        + &auto("exempt", json!("oncall"))
        + &auto("approvals_disabled", json!(null))
        + &auto("something_new", json!(null));
    insta::assert_snapshot!(all, @"
    ✔ approved by itself: the requester is an admin in dba-team
    ✔ no approval needed: the requester is in the exempt group oncall
    ✔ no approval needed: approvals are switched off for this connection
    ✔ approved by itself (something_new)
    ");
}

#[test]
fn groups_that_nobody_needs_are_not_listed() {
    let exempt = with(
        "APPROVED",
        json!({
        "auto_approval": {"cause": "exempt", "group": "oncall"},
        "groups": [{"group": "dba-team", "required": 1, "status": "NOT_REQUIRED", "decisions": []}]}),
    );
    insta::assert_snapshot!(picture(&exempt, 80), @"
    ╭───────────────╮   prod-db (postgres)
    │   7F3K-Q2ZD   │   approved, starting it
    ╰───────────────╯   29:41 left to run it

    ✔ no approval needed: the requester is in the exempt group oncall
    ");
}

#[test]
fn an_admins_own_vote_is_told_where_it_counts() {
    let mut own = vote("root@example.com", "approve", "cli", json!(null));
    own["automatic"] = json!(true);
    let partly = with(
        "PENDING",
        json!({
        "auto_approval": {"cause": "admin", "group": "dba-team"},
        "groups": [{"group": "dba-team", "required": 1, "status": "APPROVED", "decisions": [own]},
                   {"group": "security-team", "required": 1, "status": "PENDING", "decisions": []}]}),
    );
    insta::assert_snapshot!(picture(&partly, 80), @"
    ╭───────────────╮   prod-db (postgres)
    │   7F3K-Q2ZD   │   waiting for 1 approval
    ╰───────────────╯   29:41 left

    ✔ dba-team       approved by itself: root@example.com is an admin in this
                     group
    ○ security-team  needs 1 approval

    Review  countersign approve req_01JDCK3W8ZQ4T5V6X7Y8Z9A0BC
            https://gate.example.com/requests/req_01JDCK3W8ZQ4T5V6X7Y8Z9A0BC
    ");
}

#[test]
fn expired_with_a_void_vote_says_so() {
    let expired = with("EXPIRED", json!({"run_by": "2026-11-23T05:05:06Z", "cause": "vote_void"}));
    insta::assert_snapshot!(ended(&expired, json!({}), 80), @"
    ✘ Timed out: an approval became void, and the time for approvals was over.
      The command was not run. To run it, submit it again.
    ");
}

#[test]
fn rejected_says_by_whom_and_why() {
    let rejected = with(
        "REJECTED",
        json!({"groups": [
            {"group": "dba-team", "required": 1, "status": "REJECTED",
             "decisions": [vote("dana@example.com", "reject", "slack", json!("not on a Friday\nask Sam\u{1b}[1m"))]},
            {"group": "security-team", "required": 1, "status": "PENDING", "decisions": []},
        ]}),
    );
    insta::assert_snapshot!(picture(&rejected, 80), @"
    ╭───────────────╮   prod-db (postgres)
    │   7F3K-Q2ZD   │   rejected
    ╰───────────────╯

    ✘ dba-team       rejected by dana@example.com via slack, 04:05:06 UTC
                     “not on a Friday<U+000A>ask Sam<U+001B>[1m”
    ○ security-team  gave no approval
    ");
    insta::assert_snapshot!(ended(&rejected, json!({}), 80), @"
    ✘ Rejected by dana@example.com (dba-team) via slack at 2026-11-23 04:05:06 UTC
      Reason: not on a Friday
              ask Sam<U+001B>[1m
      The command was not run.
    ");
    insta::assert_snapshot!(ended(&rejected, json!({}), 40), @"
    ✘ Rejected by dana@example.com
      (dba-team) via slack at 2026-11-23
      04:05:06 UTC
      Reason: not on a Friday
              ask Sam<U+001B>[1m
      The command was not run.
    ");
}

#[test]
fn expired_while_waiting_says_that_it_was_not_run() {
    insta::assert_snapshot!(ended(&with("EXPIRED", json!({})), json!({}), 80), @"
    ✘ Timed out waiting for the approval of security-team: it did not come before
      2026-11-23 04:30:00 UTC.
      The command was not run. To run it, submit it again.
    ");
}

#[test]
fn expired_after_the_approval_says_that_too() {
    let expired = with("EXPIRED", json!({"run_by": "2026-11-23T05:05:06Z"}));
    insta::assert_snapshot!(ended(&expired, json!({}), 80), @"
    ✘ Timed out: it was approved, but not run before 2026-11-23 05:05:06 UTC.
      The command was not run. To run it, submit it again.
    ");
}

#[test]
fn cancelled_says_by_whom() {
    let event = |cause: &str| {
        json!({"type": "request.cancelled", "actor": {"id": "usr_2", "email": "root@example.com"}, "via": "console",
               "at": "2026-11-23T04:10:00Z", "data": {"cause": cause}})
    };
    let all: String =
        ["requester", "revoked", "connection-changed", "requester-not-allowed", "restored", "new-cause"]
            .map(|cause| ended(&with("CANCELLED", json!({})), event(cause), 100))
            .concat();
    insta::assert_snapshot!(all, @"
    ✘ Cancelled by root@example.com via console at 2026-11-23 04:10:00 UTC.
      The command was not run.
    ✘ Revoked by root@example.com via console at 2026-11-23 04:10:00 UTC: an admin stopped it.
      The command was not run.
    ✘ Cancelled: the connection was changed or deleted after the command was submitted.
      The command was not run.
    ✘ Cancelled: the requester is disabled or may no longer use the connection.
      The command was not run.
    ✘ Cancelled: the service was restored from a backup.
      The command was not run.
    ✘ Cancelled by root@example.com via console at 2026-11-23 04:10:00 UTC.
      The command was not run.
    ");
}

#[test]
fn revoked_says_why_where_the_admin_did() {
    let event = json!({"type": "request.cancelled", "actor": {"id": "usr_2", "email": "root@example.com"}, "via": "cli",
               "at": "2026-11-23T04:10:00Z", "data": {"cause": "revoked", "reason": "wrong\u{1b}[31m table"}});
    insta::assert_snapshot!(ended(&with("CANCELLED", json!({})), event, 100), @r"
    ✘ Revoked by root@example.com via cli at 2026-11-23 04:10:00 UTC: an admin stopped it.
      Reason: wrong<U+001B>[31m table
      The command was not run.
    ");
}

#[test]
fn failed_shows_what_the_database_said() {
    let failed = with(
        "FAILED",
        json!({"execution": {
        "started_at": "2026-11-23T04:10:00Z", "finished_at": "2026-11-23T04:10:00.012Z",
        "error": "ERROR: column \"nope\" does not exist\nLINE 1: SELECT nope\n\u{1b}]0;x\u{7}"}}),
    );
    insta::assert_snapshot!(ended(&failed, json!({}), 80), @r#"
    ✘ Failed after 12 ms
      ERROR: column "nope" does not exist
      LINE 1: SELECT nope
      <U+001B>]0;x<U+0007>
    "#);
}

#[test]
fn succeeded_says_how_much_was_masked() {
    let succeeded = with(
        "SUCCEEDED",
        json!({"execution": {
        "started_at": "2026-11-23T04:10:00Z", "finished_at": "2026-11-23T04:10:01.5Z", "rows": 12, "bytes": 900,
        "masked": {"EMAIL_ADDRESS": 3, "PHONE_NUMBER": 1}}}),
    );
    insta::assert_snapshot!(ended(&succeeded, json!({}), 80), @"✔ Succeeded in 1.5 s, 12 rows, masked: 3 EMAIL_ADDRESS, 1 PHONE_NUMBER");
}

#[test]
fn unknown_says_not_to_run_it_again_blindly() {
    let event =
        json!({"type": "request.unknown", "actor": {"system": "expire"}, "data": {"cause": "lease_lapsed"}});
    insta::assert_snapshot!(ended(&with("UNKNOWN", json!({})), event, 80), @r#"
    ✘ Outcome unknown: the executor stopped answering while the command ran.
      It may have taken effect wholly, partly, or not at all. Look at the target
      before you submit it again.
      Once that is known, an admin settles it with one of:
        countersign settle req_01JDCK3W8ZQ4T5V6X7Y8Z9A0BC \
          --outcome succeeded --note "WHY"
        countersign settle req_01JDCK3W8ZQ4T5V6X7Y8Z9A0BC \
          --outcome failed --note "WHY"
    "#);
}

#[test]
fn blocked_says_that_it_was_not_run() {
    insta::assert_snapshot!(ended(&with("BLOCKED", json!({})), json!({}), 80), @"
    ✘ Blocked by a guardrail.
      The command was not run.
    ");
}

#[test]
fn a_refusal_on_the_way_is_one_clear_line() {
    let problem =
        br#"{"title":"Not found","detail":"there is no such request, or it is not visible to you"}"#;
    let refused = Input::Refused(Box::new(Problem::read(404, problem)));
    let (state, action) = step(state(&base()), Duration::from_secs(1), refused);
    assert_eq!(action, Action::End(Ending::Refused));
    insta::assert_snapshot!(text(&ending::lines(&state, &Ending::Refused, &Afterword::default(), 80), 80), @"
    ✘ Not found: there is no such request, or it is not visible to you
      See how it stands:
        countersign requests show req_01JDCK3W8ZQ4T5V6X7Y8Z9A0BC
    ");
}

#[test]
fn lost_contact_for_good_says_how_to_find_out() {
    let lines = ending::lines(&state(&base()), &Ending::LostContact, &Afterword::default(), 80);
    insta::assert_snapshot!(text(&lines, 80), @"
    ✘ Lost contact with the service, and the time of this request is over.
      What became of it is not known here. Once the service is back, look at it:
        countersign requests show req_01JDCK3W8ZQ4T5V6X7Y8Z9A0BC
    ");
}

#[test]
fn without_a_terminal_it_begins_with_plain_lines() {
    insta::assert_snapshot!(text(&view::opening(&Request::read(&two_groups()).unwrap()), 200), @"
    request req_01JDCK3W8ZQ4T5V6X7Y8Z9A0BC on prod-db, code 7F3K-Q2ZD: waiting for 1 approval
    dba-team: approved by dana@example.com via slack, 04:05:06 UTC
      “looks right”
    security-team: approved by sam@example.com via cli, 04:05:06 UTC (1 of 2)
    needs 1 approval of security-team until 2026-11-23 04:30:00 UTC
    review: countersign approve req_01JDCK3W8ZQ4T5V6X7Y8Z9A0BC
    page: https://gate.example.com/requests/req_01JDCK3W8ZQ4T5V6X7Y8Z9A0BC
    ");
}

#[test]
fn without_a_terminal_each_change_is_a_plain_line() {
    let (before, after) = (Request::read(&base()).unwrap(), Request::read(&two_groups()).unwrap());
    let mut approved = two_groups();
    approved["status"] = json!("APPROVED");
    let approved = Request::read(&approved).unwrap();
    let first = text(&view::changes(&before, &after), 200);
    let second = text(&view::changes(&after, &approved), 200);
    assert_eq!(text(&view::changes(&approved, &approved), 200), "");
    insta::assert_snapshot!(first + "--\n" + &second, @"
    dba-team: approved by dana@example.com via slack, 04:05:06 UTC
      “looks right”
    security-team: approved by sam@example.com via cli, 04:05:06 UTC (1 of 2)
    --
    approved
    ");
}
