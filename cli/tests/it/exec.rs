//! `exec` against a stand-in service: what it sends, survives, prints and exits with.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::standin::{Ended, Reply, Standin, bare, json_reply, problem, request};
use serde_json::{Value, json};

const SUBMIT: &str = "POST /v1/requests";
const LOOK: &str = "GET /v1/requests/req_1";
const RUN: &str = "POST /v1/requests/req_1/run";
const OUTPUT: &str = "GET /v1/requests/req_1/output";

/// A service where the request is approved and runs at once.
fn smooth(call: &str) -> Reply {
    match call {
        SUBMIT => json_reply(201, &request(1, "PENDING")),
        LOOK => json_reply(200, &request(2, "APPROVED")),
        RUN => json_reply(200, &request(4, "SUCCEEDED")),
        OUTPUT => Reply::Say(200, vec![], b"id\n1\n".to_vec()),
        other => panic!("not expected: {other}"),
    }
}

/// A service where the request ends in that state while it is waited for.
fn ends(request: Value) -> Standin {
    Standin::start(move |seen, _| match seen.call.as_str() {
        LOOK => json_reply(200, &request),
        "GET /v1/requests/req_1/events" => json_reply(
            200,
            &json!({"items": [
            {"type": "request.cancelled", "actor": {"id": "usr_2", "email": "root@example.com"}, "via": "console",
             "at": "2026-11-23T04:10:00Z", "data": {"cause": "revoked"}}]}),
        ),
        other => smooth(other),
    })
}

#[test]
fn a_whole_life_prints_the_output_and_nothing_else_on_standard_output() {
    let service = Standin::start(|seen, before| match (seen.call.as_str(), before) {
        (LOOK, 0) => json_reply(200, &request(1, "PENDING")),
        (LOOK, 1) => json_reply(200, &request(2, "APPROVED")),
        (LOOK, 2) => json_reply(200, &request(3, "RUNNING")),
        (LOOK, _) => json_reply(200, &request(4, "SUCCEEDED")),
        (RUN, _) => json_reply(202, &request(2, "APPROVED")),
        (OUTPUT, 0) => {
            Reply::Say(200, vec![("countersign-next-cursor", "p2".to_owned())], b"one\x1b[2J\n".to_vec())
        }
        (OUTPUT, _) => Reply::Say(200, vec![], b"two".to_vec()),
        (other, _) => smooth(other),
    });
    let ended = service.run(&["exec", "demo-db", "SELECT 1", "--reason", "why not", "--timeout", "10m"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "one\u{1b}[2J\ntwo"), "{}", ended.err);
    insta::assert_snapshot!(ended.err, @"
    request req_1 on demo-db, code 7F3K-Q2ZD: waiting for 1 approval
    needs 1 approval of dba-team until 2999-01-01 00:00:00 UTC
    review: countersign approve req_1
    page: http://127.0.0.1/requests/req_1
    approved
    running
    ✔ Succeeded
    ");

    let submitted = &service.calls(SUBMIT)[0];
    assert_eq!(
        submitted.body,
        json!({"connection": "demo-db", "command": "SELECT 1", "reason": "why not", "run": "manual", "timeout_seconds": 600})
    );
    assert_eq!(submitted.headers["authorization"], "Bearer cst_test");
    assert_eq!(submitted.headers["countersign-via"], "cli");
    assert_eq!(submitted.headers["user-agent"], concat!("countersign/", env!("CARGO_PKG_VERSION")));
    assert_eq!(submitted.headers["idempotency-key"].len(), 32);
    let look = &service.calls(LOOK)[0];
    assert_eq!((look.query["wait_seconds"].as_str(), look.query["since_version"].as_str()), ("20", "1"));
    let pages = service.calls(OUTPUT);
    assert_eq!(pages.len(), 2);
    assert_eq!((pages[0].query["format"].as_str(), pages[1].query["cursor"].as_str()), ("text", "p2"));
    assert_eq!(service.calls(RUN).len(), 1);
}

#[test]
fn the_format_of_the_output_is_the_one_asked_for() {
    for (option, format) in [("json", "json"), ("csv", "csv"), ("table", "text")] {
        let service = Standin::start(|seen, _| smooth(&seen.call));
        let ended = service.run(&["exec", "demo-db", "SELECT 1", "-o", option]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert_eq!(service.calls(OUTPUT)[0].query["format"], format);
    }
}

#[test]
fn as_json_lines_each_statement_is_one() {
    let pages = |seen: &crate::standin::Seen, _: usize| match (seen.call.as_str(), seen.query.get("cursor")) {
        (OUTPUT, None) => {
            let next = vec![("countersign-next-cursor", "2".to_owned())];
            Reply::Say(200, next, br#"[{"tag": "A"}, {"tag": "B"}]"#.to_vec())
        }
        (OUTPUT, Some(_)) => Reply::Say(200, Vec::new(), br#"[{"tag": "C"}]"#.to_vec()),
        (call, _) => smooth(call),
    };
    let ended = Standin::start(pages).run(&["exec", "demo-db", "SELECT 1", "-o", "jsonl"]);
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (Some(0), "{\"tag\":\"A\"}\n{\"tag\":\"B\"}\n{\"tag\":\"C\"}\n")
    );
}

#[test]
fn a_lost_answer_or_a_busy_service_is_met_with_the_same_key_again() {
    let service = Standin::start(|seen, before| match (seen.call.as_str(), before) {
        (SUBMIT, 0) => Reply::Vanish,
        (SUBMIT, 1) => Reply::Say(503, vec![("retry-after", "0".to_owned())], Vec::new()),
        (SUBMIT, 2) => problem(409, "idempotency-key-in-flight", "The first call is still at work"),
        (SUBMIT, 3) => Reply::Say(429, vec![("retry-after", "0".to_owned())], Vec::new()),
        (other, _) => smooth(other),
    });
    let ended = service.run(&["exec", "demo-db", "SELECT 1"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let submitted = service.calls(SUBMIT);
    assert_eq!(submitted.len(), 5);
    assert!(
        submitted
            .iter()
            .all(|call| call.headers["idempotency-key"] == submitted[0].headers["idempotency-key"])
    );
    assert!(submitted.iter().all(|call| call.body == submitted[0].body));
}

#[test]
fn two_runs_of_the_program_have_two_keys() {
    let service = Standin::start(|seen, _| smooth(&seen.call));
    for _ in 0..2 {
        assert_eq!(service.run(&["exec", "demo-db", "SELECT 1"]).code, Some(0));
    }
    let submitted = service.calls(SUBMIT);
    assert_ne!(submitted[0].headers["idempotency-key"], submitted[1].headers["idempotency-key"]);
}

#[test]
fn each_ending_has_its_exit_code_and_says_what_happened() {
    let mut rejected = request(2, "REJECTED");
    rejected["groups"][0]["decisions"] = json!([{"user": {"id": "usr_3", "email": "dana@example.com"},
        "decision": "reject", "via": "slack", "at": "2026-11-23T04:05:06Z", "comment": "not today"}]);
    let mut late = request(3, "EXPIRED");
    late["run_by"] = json!("2026-11-23T05:00:00Z");
    let mut failed = request(4, "FAILED");
    failed["execution"]["error"] = json!("no such table: nope");
    let story = [
        (rejected, 10, "Rejected by dana@example.com (dba-team) via slack at 2026-11-23 04:05:06 UTC"),
        (request(2, "EXPIRED"), 11, "The command was not run. To run it, submit it again."),
        (late, 11, "it was approved, but not run before 2026-11-23 05:00:00 UTC"),
        (request(2, "BLOCKED"), 12, "Blocked by a guardrail"),
        (request(2, "CANCELLED"), 13, "Revoked by root@example.com via console"),
        (request(4, "UNKNOWN"), 14, "countersign settle req_1"),
        (failed, 1, "no such table: nope"),
    ];
    for (request, code, words) in story {
        let ended = ends(request.clone()).run(&["exec", "demo-db", "SELECT 1"]);
        assert_eq!(ended.code, Some(code), "{}: {}", request["status"], ended.err);
        assert!(ended.err.contains(words), "{}: {}", request["status"], ended.err);
        assert_eq!(ended.out, "", "{}", request["status"]);
    }
}

#[test]
fn each_refusal_has_its_exit_code() {
    let story = [
        (401, "unauthenticated", 20),
        (403, "not-allowed", 20),
        (404, "not-found", 20),
        (400, "bad-request", 2),
        (413, "too-large", 2),
        (422, "invalid", 2),
        (409, "conflict", 2),
        (403, "guardrail-blocked", 12),
        (500, "internal", 21),
    ];
    for (status, slug, code) in story {
        let service = Standin::start(move |_, _| problem(status, slug, "No"));
        let ended = service.run(&["exec", "demo-db", "SELECT 1"]);
        assert_eq!((ended.code, ended.out.as_str()), (Some(code), ""), "{slug}: {}", ended.err);
        assert!(ended.err.contains("because"), "{slug}: {}", ended.err);
        assert_eq!(service.seen().len(), 1, "{slug} is not tried again");
    }
}

#[test]
fn an_address_where_nobody_listens_is_exit_code_21() {
    // Bound, so that nobody else gets the port, and not listening.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let ended = Ended::from(bare(&["exec", "demo-db", "SELECT 1", "--url", &url]).output().unwrap());
    assert_eq!((ended.code, ended.out.as_str()), (Some(21), ""));
    assert!(ended.err.contains("cannot reach the service") && ended.err.contains("refused"), "{}", ended.err);
}

#[test]
fn contact_that_is_lost_while_waiting_is_found_again() {
    let service = Standin::start(|seen, before| match (seen.call.as_str(), before) {
        (LOOK, 0) => json_reply(200, &request(1, "PENDING")),
        (LOOK, 1 | 2) => Reply::Vanish,
        (LOOK, 3) => problem(503, "unavailable", "Try again"),
        (RUN, 0) => Reply::Vanish,
        // The run whose answer was lost did begin.
        (LOOK, 5) => json_reply(200, &request(3, "RUNNING")),
        (LOOK, 6..) => json_reply(200, &request(4, "SUCCEEDED")),
        (other, _) => smooth(other),
    });
    let ended = service.run(&["exec", "demo-db", "SELECT 1"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "id\n1\n"), "{}", ended.err);
    assert_eq!(ended.err.matches("lost contact, retrying").count(), 2, "{}", ended.err);
    assert_eq!(ended.err.matches("contact is back").count(), 2, "{}", ended.err);
    assert_eq!((service.calls(SUBMIT).len(), service.calls(RUN).len()), (1, 1), "nothing is asked for twice");
}

#[test]
fn output_that_is_lost_on_its_way_is_fetched_again_without_doubling() {
    let service = Standin::start(|seen, before| match (seen.call.as_str(), before) {
        (OUTPUT, 0) => Reply::Say(200, vec![("countersign-next-cursor", "p2".to_owned())], b"one\n".to_vec()),
        (OUTPUT, 1) => Reply::Vanish,
        (OUTPUT, _) => Reply::Say(200, vec![], b"two\n".to_vec()),
        (other, _) => smooth(other),
    });
    let ended = service.run(&["exec", "demo-db", "SELECT 1"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "one\ntwo\n"), "{}", ended.err);
}

#[test]
fn output_that_cannot_be_had_does_not_look_like_a_failed_command() {
    for (status, code) in [(409, 74), (403, 20)] {
        let service = Standin::start(move |seen, _| match seen.call.as_str() {
            OUTPUT => problem(status, "no-output", "No output"),
            other => smooth(other),
        });
        let ended = service.run(&["exec", "demo-db", "SELECT 1"]);
        assert_eq!((ended.code, ended.out.as_str()), (Some(code), ""), "{}", ended.err);
        assert!(ended.err.contains("Do not submit it again"), "{}", ended.err);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let service = Standin::start(|seen, _| match seen.call.as_str() {
        OUTPUT => Reply::Say(200, vec![], vec![b'x'; 1 << 20]),
        other => smooth(other),
    });
    let mut child = service
        .program(&["exec", "demo-db", "SELECT 1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(!ended.err.contains("rror"), "{}", ended.err);
}

#[test]
fn without_waiting_the_id_or_the_request_is_printed() {
    let service = Standin::start(|seen, _| smooth(&seen.call));
    let ended = service.run(&["exec", "demo-db", "SELECT 1", "--no-wait"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "req_1\n"));
    let ended = service.run(&["exec", "demo-db", "SELECT 1", "--no-wait", "-o", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&ended.out).unwrap(), request(1, "PENDING"));
    assert!(service.calls(LOOK).is_empty());
}

#[test]
fn the_command_comes_from_an_argument_a_file_or_standard_input_byte_for_byte() {
    let service = Standin::start(|seen, _| smooth(&seen.call));
    let command = "SELECT 1;\r\n-- ünïcode\n\n";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("command.sql");
    std::fs::write(&file, command).unwrap();
    service.run(&["exec", "demo-db", "--no-wait", "-f", file.to_str().unwrap()]);
    let mut child = service
        .program(&["exec", "demo-db", "-", "--no-wait"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(command.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    service.run(&["exec", "demo-db", "--no-wait", "-- starts with dashes"]);
    let commands: Vec<Value> =
        service.calls(SUBMIT).iter().map(|call| call.body["command"].clone()).collect();
    assert_eq!(commands, [command, command, "-- starts with dashes"]);

    std::fs::write(&file, b"SELECT '\xff'").unwrap();
    let ended = service.run(&["exec", "demo-db", "-f", file.to_str().unwrap()]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("is no UTF-8 text: byte 9"), "{}", ended.err);
    assert_eq!(service.run(&["exec", "demo-db", "-"]).code, Some(2), "an empty command is refused");
    assert_eq!(service.run(&["exec", "demo-db"]).code, Some(2));
}

/// The program with a signal's disposition set: without, it inherits what the shell of the tests ignores.
#[cfg(target_os = "linux")]
fn with_signals(option: &str, command: &Command) -> Command {
    let mut with = Command::new("/usr/bin/env");
    with.arg(option).arg(command.get_program()).args(command.get_args()).env_clear();
    with.envs(command.get_envs().filter_map(|(name, value)| value.map(|value| (name, value))));
    with.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    with
}

#[cfg(target_os = "linux")]
fn send(signal: &str, child: &std::process::Child) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

#[cfg(target_os = "linux")]
fn pending() -> Standin {
    Standin::start(|seen, _| match seen.call.as_str() {
        LOOK => json_reply(200, &request(1, "PENDING")),
        other => smooth(other),
    })
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_leaves_the_request_and_says_how_to_go_on() {
    let service = pending();
    let program = service.program(&["exec", "demo-db", "SELECT 1"]);
    let child = with_signals("--default-signal=INT", &program).spawn().unwrap();
    service.wait_for(LOOK, 1);
    send("-INT", &child);
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!((ended.code, ended.out.as_str()), (Some(130), ""), "{}", ended.err);
    for words in [
        "still waits for approval",
        "countersign requests show req_1",
        "countersign run req_1",
        "countersign cancel req_1",
    ] {
        assert!(ended.err.contains(words), "{}", ended.err);
    }
}

/// As a shell script and `nohup` start it: Ctrl-C and the end of the terminal are not for it.
#[cfg(target_os = "linux")]
#[test]
fn an_ignored_signal_stays_ignored_and_sigterm_stops_the_program() {
    let service = pending();
    let program = service.program(&["exec", "demo-db", "SELECT 1"]);
    let child = with_signals("--ignore-signal=INT,HUP", &program).spawn().unwrap();
    service.wait_for(LOOK, 1);
    send("-INT", &child);
    send("-HUP", &child);
    // It still asks: it has not stopped.
    service.wait_for(LOOK, service.calls(LOOK).len() + 2);
    send("-TERM", &child);
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!((ended.code, ended.out.as_str()), (Some(130), ""), "{}", ended.err);
}

#[test]
fn run_goes_on_with_a_request_that_exists() {
    let service = Standin::start(|seen, _| smooth(&seen.call));
    let ended = service.run(&["run", "req_1"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "id\n1\n"), "{}", ended.err);
    assert!(service.calls(SUBMIT).is_empty());
}

#[test]
fn members_and_states_of_a_newer_service_do_no_harm() {
    let service = Standin::start(|seen, before| match (seen.call.as_str(), before) {
        (LOOK, 0) => {
            let mut newer = request(2, "ON_HOLD");
            newer["groups"][0]["status"] = json!("SNOOZED");
            newer["auto_approval"] = json!({"cause": "moon_phase", "group": null, "more": [1]});
            newer["new_member"] = json!({"a": [1, 2]});
            json_reply(200, &newer)
        }
        (LOOK, _) => json_reply(200, &request(3, "APPROVED")),
        (other, _) => smooth(other),
    });
    assert_eq!(service.run(&["exec", "demo-db", "SELECT 1"]).code, Some(0));
}

#[test]
fn what_is_no_countersign_service_is_told_apart() {
    let service = Standin::start(|_, _| Reply::Say(200, vec![], b"<html>hello</html>".to_vec()));
    let ended = service.run(&["exec", "demo-db", "SELECT 1"]);
    assert_eq!(ended.code, Some(21));
    assert!(ended.err.contains("is it a Countersign service?"), "{}", ended.err);
}
