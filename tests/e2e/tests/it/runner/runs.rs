//! What a runner does while nobody is in its way.

use countersign_e2e::Database;
use serde_json::json;

use crate::runner::scene::{Scene, is_alive, signal};

pub(crate) async fn a_runner_runs_what_was_approved_once_its_requester_asks_for_it(database: Database) {
    let scene = Scene::new(database, json!({}), &[]).await;
    let _runner = scene.runner();
    let command = "read line; echo \"$line\"\nthis is no command but input\necho ann@example.com >&2\n\
                   echo ${COUNTERSIGN_TOKEN:-no token}";
    let request = scene.approved(command, "manual").await;
    let work = scene.call("GET", "/v1/runner/work", None).await;
    assert_eq!(work, (200, json!({ "work": null })), "it is not asked for yet");
    let run = scene.serve.run_to_its_end("alice", &request).await.unwrap();
    assert_eq!(run.state(), "SUCCEEDED", "{run:?}; {}", scene.log());
    let execution = &run.json["execution"];
    assert_eq!((&execution["exit_code"], &execution["reported_by_runner"]), (&json!(0), &json!(true)));
    assert_eq!(execution["masked"], json!({ "EMAIL_ADDRESS": 1 }));
    let output = scene.serve.about("alice", &request, "output?format=csv").await.unwrap();
    let output = output.json.as_str().unwrap();
    for line in ["stdout,this is no command but input", "stderr,<EMAIL_ADDRESS>", "stdout,no token"] {
        assert!(output.contains(line), "{line}: {output}");
    }
    let trail = scene.trail(&request).await;
    let expected = ["request.run_asked", "request.running", "request.succeeded"];
    assert_eq!(trail[trail.len() - 3..], expected);
    let events = scene.serve.about("audra", &request, "events").await.unwrap();
    assert_eq!(events.items().last().unwrap()["actor"]["email"], "robot@example.com");

    let by_itself = scene.approved("echo by itself", "on_approval").await;
    assert_eq!(scene.end(&by_itself).await.state(), "SUCCEEDED");
    assert!(!scene.trail(&by_itself).await.contains(&"request.run_asked".to_owned()));
}

pub(crate) async fn a_program_that_fails_says_so_with_its_exit_code(database: Database) {
    let scene = Scene::new(database, json!({}), &[]).await;
    let _runner = scene.runner();
    let request = scene.approved("echo ann@example.com; exit 3", "on_approval").await;
    let end = scene.end(&request).await;
    assert_eq!((end.state(), &end.json["execution"]["exit_code"]), ("FAILED", &json!(3)), "{end:?}");
    assert_eq!(end.text("/execution/error"), "the program ended with exit code 3");
    let killed = scene.approved("kill -9 $$", "on_approval").await;
    let end = scene.end(&killed).await;
    assert_eq!(
        (end.state(), end.text("/execution/error")),
        ("FAILED", "the program was ended by the signal 9")
    );
    let silent = scene.approved("true", "on_approval").await;
    let end = scene.end(&silent).await;
    assert_eq!(end.state(), "SUCCEEDED");
    let output = scene.serve.about("alice", &silent, "output").await.unwrap();
    assert_eq!(output.json, json!("EXIT 0\n"));
}

pub(crate) async fn output_leaves_the_machine_masked_in_pieces_and_within_its_limits(database: Database) {
    let scene = Scene::new(database, json!({ "max_rows": 30000 }), &[]).await;
    let _runner = scene.runner();
    let command = "for i in $(seq 1 20000); do echo \"row $i of somebody$i@example.com\"; done";
    let request = scene.approved(command, "on_approval").await;
    let end = scene.end(&request).await;
    assert_eq!((end.state(), &end.json["execution"]["rows"]), ("SUCCEEDED", &json!(20000)), "{end:?}");
    assert_eq!(end.json["execution"]["masked"]["EMAIL_ADDRESS"], json!(20000));
    assert_eq!(end.json["execution"]["output_cut"], json!(false));
    let mut rows = 0;
    let mut cursor = String::new();
    loop {
        let page = scene.serve.about("alice", &request, &format!("output?format=csv{cursor}")).await.unwrap();
        let text = page.json.as_str().unwrap();
        assert!(!text.contains("@example.com"));
        rows += text.lines().filter(|line| line.contains("of <EMAIL_ADDRESS>")).count();
        match page.header("countersign-next-cursor") {
            "" => break,
            next => cursor = format!("&cursor={next}"),
        }
    }
    assert_eq!(rows, 20000);

    let trace = scene.trace("done");
    let command = format!("seq 1 40000; echo whole > {}", trace.display());
    let request = scene.approved(&command, "on_approval").await;
    let end = scene.end(&request).await;
    assert_eq!((end.state(), &end.json["execution"]["rows"]), ("SUCCEEDED", &json!(40000)), "{end:?}");
    assert_eq!(end.json["execution"]["output_cut"], json!(true));
    assert_eq!(scene.traced("done"), "whole\n", "the program comes to its end all the same");
}

pub(crate) async fn a_guardrail_withholds_output(database: Database) {
    let scene = Scene::new(database, json!({}), &[]).await;
    let _runner = scene.runner();
    let tag = scene.serve.get("root", "/v1/connections/ops").await.unwrap().header("etag").to_owned();
    let guarded = json!({ "kind": "runner", "target": { "program": ["bash", "-s"] }, "reviewers": ["dba-team"],
        "guardrails": [{ "name": "stays", "message": "this stays here", "deny": { "output_pattern": "TOP SECRET" } }] });
    let tag = [("if-match", tag.as_str())];
    let put = scene.serve.call_with("root", "PUT", "/v1/connections/ops", Some(guarded), &tag).await.unwrap();
    assert_eq!(put.status, 200, "{put:?}");
    let request = scene.approved("echo fine; echo TOP SECR''ET; echo fine", "on_approval").await;
    let end = scene.end(&request).await;
    assert_eq!(end.state(), "SUCCEEDED");
    assert!(end.text("/execution/error").contains("withheld by the guardrail `stays`"), "{end:?}");
    let output = scene.serve.about("alice", &request, "output").await.unwrap();
    assert_eq!(output.json, json!(""));
}

pub(crate) async fn the_time_limit_ends_the_program_and_all_its_children(database: Database) {
    let scene = Scene::new(database, json!({ "statement_timeout_seconds": 2 }), &[]).await;
    let _runner = scene.runner();
    let (child, deaf) = (scene.trace("child"), scene.trace("deaf"));
    let command = format!(
        "trap '' TERM\nbash -c 'sleep 300 & echo $! > {}; wait' &\necho $$ > {}\necho begun\nwait\nsleep 300",
        child.display(),
        deaf.display()
    );
    let request = scene.approved(&command, "on_approval").await;
    let end = scene.end(&request).await;
    assert_eq!((end.state(), &end.json["execution"]["exit_code"]), ("FAILED", &json!(null)), "{end:?}");
    assert!(end.text("/execution/error").contains("the time limit of 2 s passed"), "{end:?}");
    for name in ["child", "deaf"] {
        let id = scene.traced(name);
        assert!(!id.is_empty() && !is_alive(&id), "{name} {id} lives on");
    }
    let output = scene.serve.about("alice", &request, "output?format=csv").await.unwrap();
    assert!(output.json.as_str().unwrap().contains("begun"), "what it had said is kept: {output:?}");
}

pub(crate) async fn children_that_are_left_behind_end_with_the_program(database: Database) {
    let scene = Scene::new(database, json!({}), &[]).await;
    let _runner = scene.runner();
    let command = format!("sleep 300 & echo $! > {}; echo done", scene.trace("child").display());
    let request = scene.approved(&command, "on_approval").await;
    let end = scene.end(&request).await;
    assert_eq!(end.state(), "SUCCEEDED", "{end:?}");
    assert!(!is_alive(&scene.wait_for_trace("child").await));
}

pub(crate) async fn a_runner_that_is_told_to_stop_finishes_what_it_has_begun(database: Database) {
    let scene = Scene::new(database, json!({}), &[]).await;
    let mut runner = scene.runner();
    let command = format!("echo begun > {}; sleep 1; echo whole", scene.trace("begun").display());
    let request = scene.approved(&command, "on_approval").await;
    let next = scene.approved("echo next", "manual").await;
    scene.wait_for_trace("begun").await;
    signal(&runner, "-TERM").await;
    assert!(runner.wait().await.unwrap().success(), "{}", scene.log());
    assert_eq!(scene.serve.show("alice", &request).await.unwrap().state(), "SUCCEEDED");
    assert_eq!(scene.serve.show("alice", &next).await.unwrap().state(), "APPROVED");
    let mut idle = scene.runner();
    scene.wait_until(|| scene.log().matches("runner for ops").count() > 1).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    signal(&idle, "-TERM").await;
    assert!(idle.wait().await.unwrap().success(), "{}", scene.log());
}

pub(crate) async fn a_runner_that_is_told_twice_ends_the_program_and_reports_it(database: Database) {
    let scene = Scene::new(database, json!({}), &[]).await;
    let mut runner = scene.runner();
    let command = format!("echo $$ > {}; sleep 300", scene.trace("begun").display());
    let request = scene.approved(&command, "on_approval").await;
    let id = scene.wait_for_trace("begun").await;
    signal(&runner, "-TERM").await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    signal(&runner, "-TERM").await;
    assert!(runner.wait().await.unwrap().success(), "{}", scene.log());
    let end = scene.serve.show("alice", &request).await.unwrap();
    assert_eq!(end.state(), "FAILED", "{end:?}");
    assert!(end.text("/execution/error").contains("told to stop"), "{end:?}");
    assert!(!is_alive(&id));
}

pub(crate) async fn a_command_that_outlives_its_first_lease_is_kept_alive(database: Database) {
    let scene = Scene::new(database, json!({}), &[("COUNTERSIGN_LEASE_MARGIN_SEC", "8")]).await;
    let _runner = scene.runner();
    let request = scene.approved("sleep 14; echo awake", "on_approval").await;
    let end = scene.end(&request).await;
    assert_eq!(end.state(), "SUCCEEDED", "{end:?}; {}", scene.log());
    assert!(scene.trail(&request).await.contains(&"request.lease_renewed".to_owned()));
}
