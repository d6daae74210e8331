//! The state machine, step by step, without a network or a clock.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;
use time::OffsetDateTime;

use super::ending;
use super::step::{Action, Contact, Ending, Input, State, Wait, start, step};
use crate::client::{Problem, Request};
use crate::error::exit;

/// The service's clock when each story begins.
const NOON: i64 = 1_700_000_000;

fn at(second: u64) -> Duration {
    Duration::from_secs(second)
}

fn server(second: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOON + i64::try_from(second).unwrap()).unwrap()
}

fn rfc3339(second: u64) -> String {
    server(second).format(&time::format_description::well_known::Rfc3339).unwrap()
}

fn request(version: u64, status: &str, run: &str) -> Request {
    Request::read(&json!({
        "id": "req_1", "status": status, "version": version, "run": run,
        "expires_at": rfc3339(600),
        "run_by": if status == "PENDING" { json!(null) } else { json!(rfc3339(4200)) },
    }))
    .unwrap()
}

fn answer(version: u64, status: &str, run: &str, second: u64) -> Input {
    Input::Answer {
        request: Box::new(request(version, status, run)),
        server_now: server(second),
        retry_after: None,
    }
}

fn lost() -> Input {
    Input::Lost { why: "connection refused".to_owned(), retry_after: None }
}

fn refused(status: u16) -> Input {
    Input::Refused(Box::new(Problem::read(status, b"{}")))
}

fn begin(status: &str, run: &str) -> (State, Action) {
    start(at(0), request(1, status, run), server(0))
}

fn waits(seconds: u64, since_version: u64) -> Action {
    Action::Look { after: Duration::ZERO, wait: Some(Wait { seconds, since_version }) }
}

#[test]
fn a_pending_request_is_waited_for_at_the_service() {
    let (state, action) = begin("PENDING", "manual");
    assert_eq!(action, waits(20, 1));
    let (_, action) = step(state, at(20), answer(1, "PENDING", "manual", 20));
    assert_eq!(action, waits(20, 1));
}

#[test]
fn near_the_end_it_does_not_wait_beyond_it() {
    let (state, _) = begin("PENDING", "manual");
    let (state, action) = step(state, at(595), answer(1, "PENDING", "manual", 595));
    assert_eq!(action, waits(6, 1));
    let (state, action) = step(state, at(601), answer(1, "EXPIRED", "manual", 601));
    assert_eq!(action, Action::End(Ending::Settled));
    assert_eq!(ending::exit_code(&state, &Ending::Settled), exit::EXPIRED);
}

#[test]
fn a_service_that_answers_at_once_does_not_make_it_spin() {
    let (state, _) = begin("PENDING", "manual");
    let (_, action) = step(state, at(0), answer(1, "PENDING", "manual", 0));
    assert_eq!(action, Action::Look { after: at(1), wait: Some(Wait { seconds: 20, since_version: 1 }) });
}

#[test]
fn an_approved_request_is_run_and_run_again_only_if_nothing_comes_of_it() {
    let (state, _) = begin("PENDING", "manual");
    let (state, action) = step(state, at(30), answer(2, "APPROVED", "manual", 30));
    assert_eq!(action, Action::Run { after: Duration::ZERO });
    let (state, action) = step(state, at(31), answer(2, "APPROVED", "manual", 31));
    assert_eq!(action, Action::Look { after: at(1), wait: None });
    let (state, action) = step(state, at(34), answer(2, "APPROVED", "manual", 34));
    assert_eq!(action, Action::Look { after: at(1), wait: None });
    let (state, action) = step(state, at(35), answer(2, "APPROVED", "manual", 35));
    assert_eq!(action, Action::Run { after: Duration::ZERO });
    let (state, action) = step(state, at(36), answer(3, "RUNNING", "manual", 36));
    assert_eq!(action, waits(20, 3));
    let (state, action) = step(state, at(37), answer(4, "SUCCEEDED", "manual", 37));
    assert_eq!(action, Action::End(Ending::Settled));
    assert_eq!(ending::exit_code(&state, &Ending::Settled), exit::OK);
}

#[test]
fn what_the_service_runs_by_itself_is_left_to_it_at_first() {
    let (state, action) = begin("APPROVED", "on_approval");
    assert_eq!(action, Action::Look { after: at(1), wait: None });
    let (_, action) = step(state, at(11), answer(1, "APPROVED", "on_approval", 11));
    assert_eq!(action, Action::Run { after: Duration::ZERO });
}

#[test]
fn a_reopened_request_waits_again_and_then_runs_at_once() {
    let (state, _) = begin("APPROVED", "manual");
    let (state, action) = step(state, at(1), answer(2, "PENDING", "manual", 1));
    assert_eq!(action, waits(20, 2));
    let (_, action) = step(state, at(2), answer(3, "APPROVED", "manual", 2));
    assert_eq!(action, Action::Run { after: Duration::ZERO });
}

#[test]
fn an_older_answer_after_a_newer_one_changes_nothing() {
    let (state, _) = begin("PENDING", "manual");
    let (state, _) = step(state, at(1), answer(5, "RUNNING", "manual", 1));
    let (state, action) = step(state, at(9), answer(4, "APPROVED", "manual", 9));
    assert_eq!(state.request.version, 5);
    assert_eq!(action, waits(20, 5));
}

#[test]
fn lost_contact_is_retried_until_the_time_of_the_request_is_over() {
    let (mut state, _) = begin("PENDING", "manual");
    let mut pauses = Vec::new();
    for second in 1..=8 {
        let (next, action) = step(state, at(second), lost());
        state = next;
        let Action::Look { after, wait: None } = action else { panic!("it gave up") };
        pauses.push(after.as_millis());
    }
    assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 5000, 5000, 5000]);
    let (state, action) = step(state, at(629), lost());
    assert!(matches!(action, Action::Look { .. }));
    let (state, action) = step(state, at(630), lost());
    assert_eq!(action, Action::End(Ending::LostContact));
    assert_eq!(ending::exit_code(&state, &Ending::LostContact), exit::UNREACHABLE);
}

#[test]
fn contact_that_comes_back_goes_on_where_it_was() {
    let (state, _) = begin("PENDING", "manual");
    let (state, _) = step(state, at(5), lost());
    assert!(matches!(&state.contact, Contact::Lost { attempts: 1, .. }));
    let (state, action) = step(state, at(7), answer(2, "APPROVED", "manual", 7));
    assert_eq!(state.contact, Contact::Good);
    assert_eq!(action, Action::Run { after: Duration::ZERO });
}

#[test]
fn a_run_whose_answer_is_lost_is_looked_at_before_it_is_asked_for_again() {
    let (state, action) = begin("APPROVED", "manual");
    assert_eq!(action, Action::Run { after: Duration::ZERO });
    let (state, action) = step(state, at(1), lost());
    assert!(matches!(action, Action::Look { wait: None, .. }));
    let (_, action) = step(state, at(2), answer(2, "RUNNING", "manual", 2));
    assert_eq!(action, waits(20, 2));
}

#[test]
fn a_run_that_was_overtaken_looks_what_happened() {
    let (state, _) = begin("APPROVED", "manual");
    let (state, action) = step(state, at(1), refused(409));
    assert!(matches!(action, Action::Look { wait: None, .. }));
    let (state, action) = step(state, at(2), answer(2, "CANCELLED", "manual", 2));
    assert_eq!(action, Action::End(Ending::Settled));
    assert_eq!(ending::exit_code(&state, &Ending::Settled), exit::CANCELLED);
}

#[test]
fn a_refusal_ends_it_with_its_own_exit_code() {
    for (status, code) in [(401, 20), (403, 20), (404, 20), (400, 2), (410, 2)] {
        let (state, _) = begin("PENDING", "manual");
        let (state, action) = step(state, at(1), refused(status));
        assert_eq!(action, Action::End(Ending::Refused));
        assert_eq!(ending::exit_code(&state, &Ending::Refused), code, "{status}");
    }
}

#[test]
fn a_state_of_a_newer_service_is_looked_at_again() {
    let (state, _) = begin("PENDING", "manual");
    let (_, action) = step(state, at(9), answer(2, "ON_HOLD", "manual", 9));
    assert_eq!(action, Action::Look { after: at(1), wait: Some(Wait { seconds: 20, since_version: 2 }) });
}

#[test]
fn a_wrong_clock_of_this_machine_does_not_matter() {
    // The service's clock says that ten minutes are left; ours only counts from there.
    let (state, _) = begin("PENDING", "manual");
    assert_eq!(state.left(at(0)), Some(at(600)));
    assert_eq!(state.left(at(599)), Some(at(1)));
    assert_eq!(state.left(at(700)), Some(at(0)));
}

fn anything() -> impl Strategy<Value = (u64, u8, u64)> {
    (0_u64..12, 0_u8..14, 0_u64..40)
}

proptest! {
    /// Whatever comes, in whatever order: it never asks to run what is not approved as far as it
    /// knows, never asks twice within five seconds, and an ending fits the state.
    #[test]
    fn it_never_runs_what_is_not_approved(story in proptest::collection::vec(anything(), 1..60)) {
        let names = ["PENDING", "APPROVED", "RUNNING", "SUCCEEDED", "FAILED", "REJECTED", "EXPIRED", "CANCELLED", "UNKNOWN", "NEW"];
        let (mut state, mut action) = begin("PENDING", "manual");
        let mut now = 0;
        let mut last_run: Option<u64> = None;
        let mut was_pending = true;
        for (version, kind, pause) in story {
            now += pause;
            let input = match kind {
                0..=9 => answer(version, names[usize::from(kind)], "manual", now),
                10 | 11 => lost(),
                12 => refused(409),
                _ => refused(403),
            };
            (state, action) = step(state, at(now), input);
            was_pending |= state.request.status.name() == "PENDING";
            match &action {
                Action::Run { .. } => {
                    prop_assert_eq!(state.request.status.name(), "APPROVED");
                    if let Some(last) = last_run.filter(|_| !was_pending) {
                        prop_assert!(now - last >= 5);
                    }
                    last_run = Some(now);
                    was_pending = false;
                }
                Action::End(Ending::Settled) => {
                    let open = ["PENDING", "APPROVED", "RUNNING", "NEW"];
                    prop_assert!(!open.contains(&state.request.status.name()));
                    break;
                }
                Action::End(_) => break,
                Action::Look { .. } => {}
            }
        }
        let _ = action;
    }
}
