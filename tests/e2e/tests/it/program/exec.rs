//! `exec` and `run` when all goes well.

use countersign_e2e::{Database, Serve};
use serde_json::json;

use crate::program::{customers, decide, ended, says};

async fn the_output_and_nothing_else_is_on_standard_output(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let command = "SELECT id, name FROM customers WHERE id <= 2";
    let formats = [
        ("table", " id │ name\n────┼──────────\n  1 │ <PERSON>\n  2 │ <PERSON>\n(2 rows)\n"),
        ("csv", "id,name\r\n1,<PERSON>\r\n2,<PERSON>\r\n"),
    ];
    for (number, (format, out)) in formats.into_iter().enumerate() {
        let command = format!("{command} -- {number}");
        let exec = serve.begin("alice", &["exec", "demo-db", &command, "-o", format, "--reason", "why not"]);
        let exec = exec.unwrap();
        let request = serve.find(&command).await.unwrap();
        assert_eq!(request.text("/reason"), "why not");
        let approve = decide(&serve, "dana", "approve", &request, &["--comment", "fine"]).await;
        ended(&approve, 0, &format!("{}  approved, not run yet\n", request.text("/code")));
        let exec = exec.end().await.unwrap();
        ended(&exec, 0, out);
        let code = format!("code {}: waiting for 1 approval", request.text("/code"));
        let review = format!("countersign approve {}", request.text("/id"));
        says(
            &exec,
            &[
                &code,
                "needs 1 approval of dba-team (dana@example.com, rita@example.com or root@example.com) until",
                &review,
                "dana@example.com",
                "“fine”",
                "✔ Succeeded",
            ],
        );
    }
}

async fn json_output_is_json(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let command = "SELECT 1 AS one, NULL AS none, '' AS empty; DELETE FROM customers WHERE id = 1";
    let exec = serve.run("alice", &["exec", "demo-open", command, "-o", "json"]).await.unwrap();
    assert_eq!(exec.code, Some(0), "{}", exec.err);
    says(&exec, &["no approval needed: approvals are switched off"]);
    let output = exec.json().unwrap();
    assert_eq!(output[0]["rows"], json!([{ "one": "1", "none": null, "empty": "" }]));
    assert_eq!(output[1]["tag"], "DELETE 1");
}

async fn two_groups_vote_one_after_the_other(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let exec = serve.begin("alice", &["exec", "demo-dual", "DELETE FROM customers WHERE id = 5"]).unwrap();
    let request = serve.find("DELETE FROM customers WHERE id = 5").await.unwrap();
    let first = decide(&serve, "rita", "approve", &request, &[]).await;
    assert_eq!(first.code, Some(0), "{}", first.err);
    assert!(first.out.contains("waiting for 1 approval"), "{}", first.out);
    let again = decide(&serve, "rita", "approve", &request, &[]).await;
    assert_eq!((again.code, &again.out), (Some(0), &first.out), "the identical vote again: {}", again.err);
    assert_eq!(customers(&serve, "id = 5"), 1, "one of two is not enough");
    let second = decide(&serve, "sam", "approve", &request, &[]).await;
    ended(&second, 0, &format!("{}  approved, not run yet\n", request.text("/code")));
    let exec = exec.end().await.unwrap();
    ended(&exec, 0, "DELETE 1\n");
    says(&exec, &["waiting for 2 approvals", "rita@example.com", "sam@example.com", "✔ Succeeded"]);
    assert_eq!(customers(&serve, "id = 5"), 0);
}

async fn an_admin_an_exempt_person_and_an_open_connection_do_not_wait(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let lax = json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "reviewers": ["dba-team"], "exempt_groups": ["security-team"] });
    serve.connect("lax", lax).await.unwrap();
    for (who, connection, why) in [
        ("root", "demo-db", "approved by itself: root@example.com is an admin in this group"),
        ("sam", "lax", "security-team"),
        ("alice", "demo-open", "no approval needed: approvals are switched off"),
    ] {
        let exec = serve.run(who, &["exec", connection, "SELECT 1 AS one", "-o", "csv"]).await.unwrap();
        ended(&exec, 0, "one\r\n1\r\n");
        says(&exec, &[why]);
    }
    // With two groups, the admin's own approval is one of two.
    let exec = serve.begin("root", &["exec", "demo-dual", "SELECT 2 AS two", "-o", "csv"]).unwrap();
    let request = serve.find("SELECT 2 AS two").await.unwrap();
    let own = decide(&serve, "root", "approve", &request, &[]).await;
    assert_eq!(own.code, Some(20), "nobody approves their own: {}", own.err);
    assert_eq!(decide(&serve, "sam", "approve", &request, &[]).await.code, Some(0));
    ended(&exec.end().await.unwrap(), 0, "two\r\n2\r\n");
}

async fn the_command_comes_from_a_file_or_from_standard_input(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clean-up.sql");
    let command = "-- überfällig\r\nSELECT 'ü' AS u;\n\n";
    std::fs::write(&file, command).unwrap();
    let exec = serve.run("alice", &["exec", "demo-open", "-f", file.to_str().unwrap(), "-o", "csv"]).await;
    ended(&exec.unwrap(), 0, "u\r\nü\r\n");
    let exec = serve.run_with("alice", &["exec", "demo-open", "-", "-o", "csv"], command.as_bytes()).await;
    ended(&exec.unwrap(), 0, "u\r\nü\r\n");
    let kept = serve.get("alice", "/v1/requests").await.unwrap();
    assert!(kept.items().iter().all(|item| item["command"] == command), "byte for byte: {kept:?}");
    assert_eq!(kept.items().len(), 2);
}

async fn without_waiting_it_prints_the_id_and_run_goes_on(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let command = "DELETE FROM customers WHERE id = 8";
    let exec = serve.run("alice", &["exec", "demo-db", command, "--no-wait"]).await.unwrap();
    let request = serve.find(command).await.unwrap();
    let id = request.text("/id");
    ended(&exec, 0, &format!("{id}\n"));
    assert_eq!(decide(&serve, "dana", "approve", &request, &[]).await.code, Some(0));
    assert_eq!(customers(&serve, "id = 8"), 1, "approved is not run");
    let others = serve.run("dana", &["run", id]).await.unwrap();
    ended(&others, 20, "");
    // Twice at once, and once more later: one effect, the same output.
    let again = ["run", id];
    let (one, two) = tokio::join!(serve.run("alice", &again), serve.run("alice", &again));
    for run in [one.unwrap(), two.unwrap(), serve.run("alice", &again).await.unwrap()] {
        ended(&run, 0, "DELETE 1\n");
    }
    let events = serve.run("alice", &["events", id, "-o", "json"]).await.unwrap().json().unwrap();
    let runs = events.as_array().unwrap().iter().filter(|event| event["type"] == "request.running");
    assert_eq!(runs.count(), 1);
    ended(&serve.run("alice", &["output", id]).await.unwrap(), 0, "DELETE 1\n");
    ended(&serve.run("dana", &["output", id]).await.unwrap(), 20, "");
}

async fn it_waits_through_a_restart_of_the_service(database: Database) {
    let mut serve = Serve::start_at_a_fixed_address(database, &[]).await.unwrap();
    let command = "DELETE FROM customers WHERE id = 9";
    let exec = serve.begin("alice", &["exec", "demo-db", command]).unwrap();
    let request = serve.find(command).await.unwrap();
    serve.kill_and_restart().await.unwrap();
    assert_eq!(decide(&serve, "dana", "approve", &request, &[]).await.code, Some(0));
    let exec = exec.end().await.unwrap();
    ended(&exec, 0, "DELETE 1\n");
    says(&exec, &["lost contact, retrying", "contact is back"]);
    assert_eq!(customers(&serve, "1"), 999);
}

async fn interrupted_it_leaves_the_request_as_it_is(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let mut exec = serve.begin("alice", &["exec", "demo-db", "SELECT 'later' AS it", "-o", "csv"]).unwrap();
    // It waits now: the request is made before its id has come back.
    assert!(exec.complaint().await.unwrap().starts_with("request req_"));
    let request = serve.find("SELECT 'later' AS it").await.unwrap();
    exec.stop().await.unwrap();
    let exec = exec.end().await.unwrap();
    ended(&exec, 130, "");
    let go_on = format!("countersign run {}", request.text("/id"));
    says(&exec, &["still waits for approval", &go_on]);
    assert_eq!(decide(&serve, "dana", "approve", &request, &[]).await.code, Some(0));
    let run = serve.run("alice", &["run", request.text("/id"), "-o", "csv"]).await.unwrap();
    ended(&run, 0, "it\r\nlater\r\n");
}

async fn what_runs_on_approval_is_waited_for_as_well(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let command = "DELETE FROM customers WHERE id = 10";
    let exec = serve.begin("alice", &["exec", "demo-db", command, "--run-on-approval"]).unwrap();
    let request = serve.find(command).await.unwrap();
    assert_eq!(request.text("/run"), "on_approval");
    assert_eq!(decide(&serve, "dana", "approve", &request, &[]).await.code, Some(0));
    ended(&exec.end().await.unwrap(), 0, "DELETE 1\n");
    assert_eq!(customers(&serve, "id = 10"), 0);
}

countersign_e2e::on_every_database! {
    the_output_and_nothing_else_is_on_standard_output,
    json_output_is_json,
    two_groups_vote_one_after_the_other,
    an_admin_an_exempt_person_and_an_open_connection_do_not_wait,
    the_command_comes_from_a_file_or_from_standard_input,
    without_waiting_it_prints_the_id_and_run_goes_on,
    it_waits_through_a_restart_of_the_service,
    interrupted_it_leaves_the_request_as_it_is,
    what_runs_on_approval_is_waited_for_as_well,
}
