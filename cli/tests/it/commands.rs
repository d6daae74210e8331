//! The other commands against a stand-in service.

use std::process::Stdio;

use crate::standin::{Ended, Reply, Standin, bare, json_reply, problem, request};
use serde_json::{Value, json};

#[test]
fn approving_without_a_terminal_needs_the_digest() {
    let service = Standin::start(|_, _| json_reply(200, &request(2, "APPROVED")));
    for args in [&["approve", "req_1"][..], &["reject", "req_1", "--reason", "no"], &["cancel", "req_1"]] {
        let ended = service.run(args);
        assert_eq!(ended.code, Some(2));
        assert!(ended.err.contains("nobody is there to ask") && ended.err.contains("--yes"), "{}", ended.err);
    }
    assert_eq!(service.run(&["approve", "req_1", "--yes"]).code, Some(2));
    assert!(service.seen().is_empty(), "nothing is sent");
}

#[test]
fn a_vote_carries_the_digest_that_was_given() {
    let service = Standin::start(|_, _| json_reply(200, &request(2, "APPROVED")));
    let ended = service.run(&["approve", "req_1", "--yes", "--digest", "sha256:seen", "--comment", "fine"]);
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (Some(0), "7F3K-Q2ZD  approved, not run yet\n"),
        "{}",
        ended.err
    );
    service.run(&["reject", "req_1", "--yes", "--digest", "sha256:seen", "--reason", "no"]);
    service.run(&["cancel", "req_1", "--yes"]);
    service.run(&["settle", "req_1", "--outcome", "failed", "--note", "looked"]);
    let sent: Vec<(String, Value)> = service.seen().into_iter().map(|seen| (seen.call, seen.body)).collect();
    let path = |verb: &str| format!("POST /v1/requests/req_1/{verb}");
    assert_eq!(
        sent,
        [
            (path("approve"), json!({"digest": "sha256:seen", "comment": "fine"})),
            (path("reject"), json!({"digest": "sha256:seen", "reason": "no"})),
            (path("cancel"), Value::Null),
            (path("settle"), json!({"outcome": "failed", "note": "looked"})),
        ]
    );
}

#[test]
fn a_decision_that_comes_too_late_is_exit_code_1() {
    let service = Standin::start(|_, _| problem(409, "already-decided", "The request is decided"));
    let ended = service.run(&["approve", "req_1", "--yes", "--digest", "sha256:seen"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(1), "error: The request is decided: because\n"));
}

#[test]
fn a_vote_whose_answer_was_lost_is_sent_again_and_a_cancel_is_not() {
    let service = Standin::start(|_, before| match before {
        0 => Reply::Vanish,
        _ => json_reply(200, &request(2, "APPROVED")),
    });
    assert_eq!(service.run(&["approve", "req_1", "--yes", "--digest", "sha256:seen"]).code, Some(0));
    assert_eq!(service.run(&["cancel", "req_1", "--yes"]).code, Some(21));
}

/// Two pages of three requests.
fn paged() -> Standin {
    Standin::start(|seen, _| {
        let item = |number: u64, command: &str| {
            let mut item = request(number, "PENDING");
            item["id"] = json!(format!("req_{number}"));
            item["created_at"] = json!("2000-01-01T00:00:00Z");
            item["command_display"] = json!(command);
            item["command"] = json!(command);
            item
        };
        match seen.query.get("cursor").map(String::as_str) {
            None => json_reply(
                200,
                &json!({"items": [item(1, "SELECT 1"), item(2, "a,\"b\"\nc")], "next_cursor": "p2"}),
            ),
            Some("p2") => json_reply(200, &json!({"items": [item(3, "tail\u{202e}")], "next_cursor": null})),
            Some(other) => panic!("not a cursor: {other}"),
        }
    })
}

#[test]
fn a_list_is_read_page_by_page_in_every_format() {
    let ended = paged().run(&["requests", "list", "-o", "json"]);
    let items: Vec<Value> = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(
        items.iter().map(|item| item["id"].as_str().unwrap()).collect::<Vec<_>>(),
        ["req_1", "req_2", "req_3"]
    );
    let ended = paged().run(&["requests", "list", "-o", "jsonl"]);
    assert_eq!(ended.out.lines().count(), 3);
    assert!(ended.out.contains("tail\\u202e"), "nothing in it turns a terminal round");
    let ended = paged().run(&["requests", "list", "-o", "csv"]);
    insta::assert_snapshot!(ended.out.replace('\u{202e}', "(RLO)"), @r#"
    id,code,status,connection,kind,requester.email,requester.id,created_at,expires_at,decided_at,run_by,command,reason,digest
    req_1,7F3K-Q2ZD,PENDING,demo-db,sqlite,alice@example.com,usr_1,2000-01-01T00:00:00Z,2999-01-01T00:00:00Z,,,SELECT 1,,sha256:abc
    req_2,7F3K-Q2ZD,PENDING,demo-db,sqlite,alice@example.com,usr_1,2000-01-01T00:00:00Z,2999-01-01T00:00:00Z,,,"a,""b""
    c",,sha256:abc
    req_3,7F3K-Q2ZD,PENDING,demo-db,sqlite,alice@example.com,usr_1,2000-01-01T00:00:00Z,2999-01-01T00:00:00Z,,,tail(RLO),,sha256:abc
    "#);
    let ended = paged().run(&["requests", "list"]);
    let years =
        ended.out.lines().nth(1).unwrap().split("  ").find(|cell| cell.ends_with("ago")).unwrap().to_owned();
    insta::assert_snapshot!(ended.out.replace(&years, "long ago"), @r#"
    ID     CODE       STATUS   CONNECTION  REQUESTER          CREATED     COMMAND
    req_1  7F3K-Q2ZD  PENDING  demo-db     alice@example.com  long ago  SELECT 1
    req_2  7F3K-Q2ZD  PENDING  demo-db     alice@example.com  long ago  a,"b" c
    req_3  7F3K-Q2ZD  PENDING  demo-db     alice@example.com  long ago  tail<U+202E>
    "#);
}

#[test]
fn a_limit_ends_the_list_and_says_that_there_is_more() {
    let service = paged();
    let ended = service.run(&["requests", "list", "--limit", "2", "-o", "jsonl"]);
    assert_eq!(ended.out.lines().count(), 2);
    assert!(ended.err.contains("the first 2 are shown"), "{}", ended.err);
    assert_eq!(service.seen().len(), 1);
    assert_eq!(service.seen()[0].query["limit"], "2");
}

#[test]
fn filters_become_parameters() {
    let service = Standin::start(|seen, _| match seen.call.as_str() {
        "GET /v1/me" => json_reply(200, &json!({"id": "usr_7"})),
        _ => json_reply(200, &json!({"items": [], "next_cursor": null})),
    });
    service.run(&["requests", "list", "--status", "pending", "--connection", "prod-db", "--mine"]);
    service.run(&["requests", "list", "--waiting-for-me"]);
    let lists = service.calls("GET /v1/requests");
    let query = |index: usize, name: &str| lists[index].query.get(name).cloned().unwrap_or_default();
    assert_eq!(
        (query(0, "status"), query(0, "connection"), query(0, "requester")),
        ("PENDING".into(), "prod-db".into(), "usr_7".into())
    );
    assert_eq!((query(1, "status"), query(1, "group")), ("PENDING".into(), "mine".into()));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let service = paged();
    let mut child =
        service.program(&["requests", "list"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
}

#[test]
fn a_request_is_shown_whole() {
    let service = Standin::start(|_, _| {
        let mut long = request(1, "PENDING");
        long["command_display"] = json!(format!("BEGIN\n{}\x1b[2J\nEND", "x".repeat(300)));
        long["reason"] = json!("INC-1234");
        long["risk"] =
            json!({"level": "high", "statements": ["DELETE"], "tables": ["sessions"], "notes": ["no index"]});
        json_reply(200, &long)
    });
    let ended = service.run(&["requests", "show", "req_1"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    insta::assert_snapshot!(ended.out, @"
    ╭───────────────╮   demo-db (sqlite)
    │   7F3K-Q2ZD   │   waiting for 1 approval
    ╰───────────────╯   until 2999-01-01 00:00:00 UTC

    1 │ BEGIN
    2 │ xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx<U+001B>[2J
    3 │ END

    ○ dba-team  needs 1 approval

    Requester alice@example.com
    Reason    INC-1234
    Risk      high: DELETE on sessions; no index
    Created   2026-11-23 04:00:00 UTC
    Digest    sha256:abc
    Request   req_1
    Page      http://127.0.0.1/requests/req_1
    ");
}

#[test]
fn a_connection_is_made_without_and_changed_with_its_etag() {
    let service = Standin::start(|seen, _| {
        let reviewers = json!(["dba-team", "security-team"]);
        let body = json!({"name": "prod-db", "kind": "postgres", "target": {}, "secret": "env:URL", "reviewers": reviewers,
            "approvals": true, "masking": {"enabled": true}, "warnings": ["nobody is in security-team"], "version": 3});
        match seen.call.as_str() {
            "GET /v1/connections/prod-db" => {
                Reply::Say(200, vec![("etag", "\"3\"".to_owned())], body.to_string().into_bytes())
            }
            _ => json_reply(200, &body),
        }
    });
    let ended = service.run(&[
        "connections",
        "create",
        "prod-db",
        "--kind",
        "postgres",
        "--secret",
        "env:URL",
        "--reviewers",
        "dba-team,security-team",
        "--timeout",
        "30m",
        "--no-distinct",
        "--approvals",
        "on",
        "--require-reason",
        "--target",
        "schema=x",
        "--statement-timeout",
        "5s",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    insta::assert_snapshot!(ended.err, @"
    ✔ made the connection prod-db
    warning: nobody is in security-team
    ");
    insta::assert_snapshot!(ended.out, @"
    Name        prod-db
    Kind        postgres
    Target      none
    Secret      env:URL
    Approval    dba-team, security-team (1 approval each, distinct people)
    Exempt      nobody
    Allowed     everybody
    Timeout     default
    Run within  default
    Reason      optional
    Row limit   none
    Guardrails  none
    Masking     all entities
    Notifies    nobody
    ");
    let ended = service.run(&[
        "connections",
        "update",
        "prod-db",
        "--remove-reviewers",
        "security-team",
        "--add-reviewers",
        "sre",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(service.run(&["connections", "delete", "prod-db", "--yes"]).code, Some(0));
    let puts = service.calls("PUT /v1/connections/prod-db");
    assert_eq!(puts[0].headers.get("if-match"), None);
    assert_eq!(
        puts[0].body,
        json!({"name": "prod-db", "kind": "postgres", "target": {"schema": "x", "statement_timeout_seconds": 5},
               "secret": "env:URL", "reviewers": ["dba-team", "security-team"], "timeout_seconds": 1800,
               "distinct_reviewers": false, "approvals": true, "require_reason": true})
    );
    assert_eq!(puts[1].headers["if-match"], "\"3\"");
    assert_eq!(
        puts[1].body,
        json!({"name": "prod-db", "kind": "postgres", "target": {}, "secret": "env:URL", "reviewers": ["dba-team", "sre"],
               "approvals": true, "masking": {"enabled": true}}),
        "what was not named stays, what cannot be set is not sent"
    );
    assert_eq!(service.calls("DELETE /v1/connections/prod-db")[0].headers["if-match"], "\"3\"");
}

#[test]
fn a_change_that_somebody_else_overtook_is_not_repeated() {
    let service = Standin::start(|seen, _| match seen.call.as_str() {
        "GET /v1/connections/c" => {
            Reply::Say(200, vec![("etag", "\"1\"".to_owned())], b"{\"name\":\"c\"}".to_vec())
        }
        _ => problem(412, "stale", "The connection has changed"),
    });
    let ended = service.run(&["connections", "update", "c", "--reviewers", "x"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("run this again"), "{}", ended.err);
    assert_eq!(service.calls("PUT /v1/connections/c").len(), 1);
}

#[test]
fn a_user_is_made_under_a_fresh_id_and_found_by_address() {
    let service = Standin::start(|seen, _| match seen.call.as_str() {
        "GET /v1/users" => json_reply(
            200,
            &json!({"items": [{"id": "usr_9", "email": "Dana@example.com"}], "next_cursor": null}),
        ),
        "GET /v1/users/usr_9" => Reply::Say(
            200,
            vec![("etag", "\"4\"".to_owned())],
            b"{\"id\":\"usr_9\",\"groups\":[\"a\"],\"disabled\":false}".to_vec(),
        ),
        _ => json_reply(200, &seen.body),
    });
    let ended = service.run(&[
        "users",
        "create",
        "bot@example.com",
        "--groups",
        "a,b",
        "--owner",
        "dana@example.com",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let made = service.seen().into_iter().find(|seen| seen.call.starts_with("PUT")).unwrap();
    let id = made.call.rsplit('/').next().unwrap().to_owned();
    assert!(id.starts_with("usr_") && id.len() == 30, "{id}");
    assert_eq!(made.headers.get("if-match"), None);
    assert_eq!(
        made.body,
        json!({"id": id, "email": "bot@example.com", "name": "bot@example.com", "groups": ["a", "b"], "roles": [],
               "disabled": false, "slack_user_id": null, "owner": "usr_9"})
    );
    assert_eq!(service.run(&["users", "disable", "dana@example.com"]).code, Some(0));
    let put = &service.calls("PUT /v1/users/usr_9")[0];
    assert_eq!(
        (put.headers["if-match"].as_str(), &put.body),
        ("\"4\"", &json!({"id": "usr_9", "groups": ["a"], "disabled": true}))
    );
    assert_eq!(service.run(&["users", "show", "nobody@example.com"]).code, Some(2));
}

#[test]
fn a_new_token_prints_its_secret_and_nothing_else() {
    let service = Standin::start(|seen, before| match (seen.call.as_str(), before) {
        ("POST /v1/tokens", 0) => Reply::Vanish,
        _ => json_reply(
            201,
            &json!({"id": "tok_1", "name": "ci", "user": "usr_1", "secret": "cst_secret", "created_at": "2026-11-23T04:00:00Z", "expires_at": null}),
        ),
    });
    let ended = service.run(&["tokens", "create", "ci", "--expires-in", "1h"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "cst_secret\n"), "{}", ended.err);
    let sent = service.calls("POST /v1/tokens");
    assert_eq!(sent[0].headers["idempotency-key"], sent[1].headers["idempotency-key"]);
    assert_eq!(sent[0].body, json!({"name": "ci", "expires_in_seconds": 3600}));
}

#[test]
fn the_users_of_a_demo_are_found_in_its_file() {
    let service = Standin::start(|_, _| json_reply(200, &json!({"items": [], "next_cursor": null})));
    let folder = tempfile::tempdir().unwrap();
    let demo = json!({"url": format!("http://{}", service.address), "users": {"alice": {"token": "cst_alice", "id": "usr_1"}}});
    std::fs::create_dir(folder.path().join("countersign-demo")).unwrap();
    std::fs::write(folder.path().join("countersign-demo/demo.json"), demo.to_string()).unwrap();
    let run = |args: &[&str]| Ended::from(bare(args).current_dir(folder.path()).output().unwrap());
    let ended = run(&["--as", "alice", "tokens", "list"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(service.seen()[0].headers["authorization"], "Bearer cst_alice");
    let ended = run(&["--as", "mallory", "tokens", "list"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("expected one of alice"), "{}", ended.err);
}

#[test]
fn a_missing_token_is_told_with_what_to_do() {
    let service = Standin::start(|_, _| problem(401, "unauthenticated", "Not signed in"));
    let ended = service.run(&["connections", "list"]);
    assert_eq!(ended.code, Some(20));
    insta::assert_snapshot!(ended.err, @"
    error: Not signed in: because
      give a token with COUNTERSIGN_TOKEN, --token, or --as NAME for a demo
    ");
}

#[test]
fn an_address_that_is_none_is_refused() {
    let ended = Ended::from(bare(&["connections", "list", "--url", "localhost:8700"]).output().unwrap());
    assert_eq!(ended.code, Some(2));
    insta::assert_snapshot!(ended.err, @"error: `localhost:8700` is not the address of a service: expected something like `http://127.0.0.1:8700`");
}

#[test]
fn events_are_printed_with_who_and_what() {
    let service = Standin::start(|_, _| {
        json_reply(
            200,
            &json!({"items": [
        {"seq": 1, "type": "request.created", "at": "2026-11-23T04:00:00Z", "actor": {"id": "usr_1", "email": "alice@example.com"},
         "via": "cli", "data": {"connection": "demo-db", "reason": "x"}, "prev_hash": "00", "hash": "11"},
        {"seq": 2, "type": "request.expired", "at": "2026-11-23T05:00:00Z", "actor": {"system": "expire"},
         "via": "system", "data": {"cause": "review_timeout"}, "prev_hash": "11", "hash": "22"}]}),
        )
    });
    insta::assert_snapshot!(service.run(&["events", "req_1"]).out, @"
    #  AT                   EVENT            WHO                VIA     WHAT
    1  2026-11-23 04:00:00  request.created  alice@example.com  cli     reason: x, connection: demo-db
    2  2026-11-23 05:00:00  request.expired  expire             system  cause: review_timeout
    ");
}

#[test]
fn watching_tells_each_change_once_and_stops_with_its_reader() {
    let service = Standin::start(|_, before| {
        let status = if before == 0 { "PENDING" } else { "SUCCEEDED" };
        json_reply(200, &json!({"items": [request(1 + u64::from(before > 0), status)], "next_cursor": null}))
    });
    let mut child = service
        .program(&["requests", "watch", "--interval", "1s", "-o", "jsonl"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut reader = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut reader, &mut line).unwrap();
        statuses.push(serde_json::from_str::<Value>(&line).unwrap()["status"].clone());
    }
    assert_eq!(statuses, ["PENDING", "SUCCEEDED"]);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A service that knows one account, and the calls that it got.
fn with_one_account() -> Standin {
    Standin::start(|seen, _| match (seen.call.as_str(), seen.headers.get("authorization")) {
        ("GET /v1/me", Some(_)) => json_reply(
            200,
            &json!({"id": "usr_1", "email": "dana@example.com", "name": "Dana", "groups": ["dba-team"],
                    "roles": [], "disabled": false, "slack_user_id": null, "owner": null, "version": 1}),
        ),
        _ => problem(401, "unauthenticated", "Not signed in"),
    })
}

#[test]
fn whoami_shows_the_account_and_the_origin_of_the_token() {
    let service = with_one_account();
    let url = format!("http://{}", service.address);
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    std::fs::create_dir_all(home.join("countersign")).unwrap();
    let profile = json!({"url": url, "token": "cst_profile", "expires_at": "2026-11-23T18:00:00Z"});
    std::fs::write(home.join("countersign/profile.json"), profile.to_string()).unwrap();
    let demo = json!({"url": url, "users": {"dana": {"token": "cst_dana", "id": "usr_1"}}});
    std::fs::write(folder.path().join("demo.json"), demo.to_string()).unwrap();
    let whoami = |more: &[&str], environment: &[(&str, &str)]| {
        let mut program = bare(&["whoami"]);
        program.args(more).current_dir(folder.path()).envs(environment.iter().copied());
        let ended = Ended::from(program.env("XDG_CONFIG_HOME", &home).output().unwrap());
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        ended.out.replace(&url, "http://HOST").replace(home.to_str().unwrap(), "HOME")
    };
    insta::assert_snapshot!(whoami(&[], &[]), @"
    E-mail   dana@example.com
    Name     Dana
    Id       usr_1
    Groups   dba-team
    Roles    none
    Service  http://HOST
    Token    countersign login (HOME/countersign/profile.json)
    Expires  2026-11-23 18:00:00 UTC
    ");
    let token_line = |out: &str| out.lines().find(|line| line.starts_with("Token")).unwrap().to_owned();
    let by_environment = [("COUNTERSIGN_URL", url.as_str()), ("COUNTERSIGN_TOKEN", "cst_environment")];
    assert_eq!(token_line(&whoami(&[], &by_environment)), "Token    COUNTERSIGN_TOKEN");
    assert_eq!(token_line(&whoami(&["--token", "cst_option"], &by_environment)), "Token    --token");
    let by_demo = ["--as", "dana", "--demo-file", "demo.json"];
    assert_eq!(token_line(&whoami(&by_demo, &by_environment)), "Token    --as dana (demo.json)");
    let sent: Vec<String> =
        service.seen().into_iter().map(|seen| seen.headers["authorization"].clone()).collect();
    assert_eq!(sent, ["profile", "environment", "option", "dana"].map(|name| format!("Bearer cst_{name}")));
    insta::assert_snapshot!(whoami(&["-o", "csv"], &[]), @"
    id,email,name,groups,roles,url,token.source,token.expires_at
    usr_1,dana@example.com,Dana,dba-team,,http://HOST,profile,2026-11-23T18:00:00Z
    ");
    let told: Value = serde_json::from_str(&whoami(&["-o", "json"], &by_environment)).unwrap();
    assert_eq!(told["token"], json!({"source": "environment"}));
    assert_eq!(
        (told["email"].as_str(), told["url"].as_str()),
        (Some("dana@example.com"), Some("http://HOST"))
    );
}

#[test]
fn whoami_without_an_accepted_token_ends_with_20_and_without_a_service_with_21() {
    let service = with_one_account();
    let url = format!("http://{}", service.address);
    let ended = Ended::from(bare(&["whoami", "--url", &url]).output().unwrap());
    assert_eq!((ended.code, ended.out.as_str()), (Some(20), ""), "{}", ended.err);
    drop(service);
    let ended = Ended::from(bare(&["whoami", "--url", &url]).output().unwrap());
    assert_eq!(ended.code, Some(21), "{}", ended.err);
}

#[test]
fn health_asks_without_a_token_and_ends_with_21_if_the_service_does_not_answer() {
    let service = Standin::start(|_, _| json_reply(200, &json!({"status": "ok", "version": "1.2.3"})));
    let url = format!("http://{}", service.address);
    let ended = Ended::from(bare(&["health", "--url", &url]).output().unwrap());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    insta::assert_snapshot!(ended.out.replace(&url, "http://HOST"), @"
    Service  http://HOST
    Status   ok
    Version  1.2.3
    ");
    assert_eq!(service.seen()[0].call, "GET /healthz");
    let broken = Standin::start(|_, _| problem(500, "internal", "Broken"));
    let ended =
        Ended::from(bare(&["health", "--url", &format!("http://{}", broken.address)]).output().unwrap());
    assert_eq!((ended.code, ended.out.as_str()), (Some(21), ""), "{}", ended.err);
}
