//! Rows 12 to 14 and 30 of the list of cases (issue 12): what a real runner and a real HTTP service get to see.

use super::{blocked, connect, pending};
use crate::runner::scene::Scene;
use countersign_e2e::receiver::{Reaction, Receiver};
use countersign_e2e::{Database, Serve};
use serde_json::json;

/// Ways to run `rm -rf X` in which `rm` is not the first word.
const HIDDEN: [&str; 8] = [
    "time -p rm -rf X",
    "x='$(rm -rf X)'; echo ${x@P}",
    "env -S 'rm -rf X'",
    "zsh -c 'rm -rf X'",
    "runuser -u root -- rm -rf X",
    "flock l -c 'rm -rf X'",
    "tar cf /dev/null --checkpoint=1 --checkpoint-action=exec='rm -rf X' f",
    "git -c alias.x='!rm -rf X' x",
];
/// Of these, those that need no program that a machine may lack.
const ALWAYS_THERE: [&str; 4] = [HIDDEN[0], HIDDEN[1], HIDDEN[2], HIDDEN[6]];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_12_to_14_a_denied_program_is_found_wherever_it_runs() {
    let scene = Scene::new(Database::Embedded, json!({}), &[]).await;
    let _runner = scene.runner_for_both();
    let (victim, folder) = (scene.trace("X"), scene.trace("."));
    std::fs::write(scene.trace("f"), "a file to pack").unwrap();
    let in_folder = |command: &str| format!("cd {}\n{command}", folder.display());

    // Without the rule, these remove it: the cases are real.
    for command in ALWAYS_THERE {
        std::fs::create_dir_all(&victim).unwrap();
        let request = scene.approved(&in_folder(command), "on_approval").await;
        let end = scene.end(&request).await;
        assert!(!victim.exists(), "{command}: {end:?}");
    }
    // With it, they get to no runner.
    std::fs::create_dir_all(&victim).unwrap();
    for command in HIDDEN {
        for command in [command.to_owned(), command.replace("rm", "r\"\"m"), format!("ls; {command}")] {
            blocked(&scene.serve, "no-rm", &in_folder(&command)).await;
        }
    }
    // What the rule says nothing of does, after those: the runner has nothing else to run.
    let looks = scene.approved_on("no-rm", &in_folder("ls -l | grep X"), "on_approval").await;
    let end = scene.end(&looks).await;
    assert_eq!(end.state(), "SUCCEEDED", "{end:?}; {}", scene.log());
    assert!(victim.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_30_a_path_that_servers_read_differently_is_refused() {
    let service = Receiver::start(|_, _| Reaction::Answer(200)).await.unwrap();
    let base = service.url().replace("/hook", "/v1");
    let serve = Serve::start(Database::Embedded, &[]).await.unwrap();
    let members = json!({ "kind": "http", "target": { "base_url": base },
        "guardrails": ["read-only"] });
    connect(&serve, "api", &members).await;
    for command in [
        "GET /a%2f..%2f..%2fadmin",
        "GET /%2e%2e/admin",
        "GET /a/..;/admin",
        "GET /a%252e%252e/admin",
        "GET //evil.example.com/x",
        "GET https://evil.example.com/x",
        "GET /a\\..\\admin",
        "GET /x\nx-http-method-override: DELETE",
        "GET /x\ntransfer-encoding: chunked",
        "GET /x\nhost: evil.example.com",
        "GET /x#y",
    ] {
        let answer = blocked(&serve, "api", command).await;
        assert_eq!(answer.text("/rule"), "valid-request", "{command}: {answer:?}");
        assert!(answer.text("/detail").contains("line "), "{command}: {answer:?}");
    }
    for command in [
        "GET /x?_method=DELETE",
        "GET /x?%5Fmethod=delete",
        "GET /x?a=1;_METHOD=put",
        "POST /x\n\n_method=DELETE",
    ] {
        assert_eq!(blocked(&serve, "api", command).await.text("/rule"), "read-only", "{command}");
    }
    // Where no rule forbids it, what may ask for another method waits for reviewers as everything else does.
    connect(&serve, "open-api", &json!({ "kind": "http", "target": { "base_url": base } })).await;
    for (connection, call) in
        [("api", "GET /x?page=2"), ("api", "GET /a/b%20c"), ("open-api", "GET /x?_method=DELETE")]
    {
        let request = pending(&serve, connection, call).await;
        serve.approve("dana", &request).await.unwrap();
        let end = serve.run_to_its_end("alice", &request).await.unwrap();
        assert_eq!(end.state(), "SUCCEEDED", "{call}: {end:?}");
    }
    // What was sent is what was written, and nothing else was.
    let calls: Vec<String> = service.received().into_iter().map(|received| received.call).collect();
    assert_eq!(calls, ["GET /v1/x?page=2", "GET /v1/a/b%20c", "GET /v1/x?_method=DELETE"]);
}
