//! Runners that die with SIGKILL, and networks that break, at each point of a command's way.

use countersign_e2e::tamper::{Tamper, Trick};
use countersign_e2e::{Answer, Database};
use serde_json::json;

use crate::runner::scene::Scene;

const OPTIONS: [&str; 4] = ["--program", "ops=bash -s", "--grace", "200ms"];
/// A runner that is silent for so long counts as dead.
const QUICK: [(&str, &str); 1] = [("COUNTERSIGN_LEASE_MARGIN_SEC", "8")];

fn address(scene: &Scene) -> String {
    scene.serve.url().trim_start_matches("http://").to_owned()
}

/// A command that leaves a line each time it runs.
fn leaving_a_trace(scene: &Scene, more: &str) -> String {
    format!("echo ran >> {}; {more}", scene.trace("ran").display())
}

/// Another runner, with work after this one's, so that it certainly had its chance.
async fn nobody_runs_it_again(scene: &Scene, request: &Answer) {
    let _another = scene.runner();
    let later = scene.approved("echo later", "on_approval").await;
    assert_eq!(scene.end(&later).await.state(), "SUCCEEDED");
    assert_eq!(scene.serve.show("alice", request).await.unwrap().state(), "UNKNOWN");
}

pub(crate) async fn killed_before_the_claim_another_runner_takes_it(database: Database) {
    let scene = Scene::new(database, json!({}), &QUICK).await;
    let held = Tamper::with(&address(&scene), Trick::HoldCalls("/claim ")).await.unwrap();
    let mut runner = scene.runner_at(&format!("http://{}", held.address()), &OPTIONS);
    let request = scene.approved(&leaving_a_trace(&scene, "true"), "on_approval").await;
    scene.wait_until(|| held.tricked() > 0).await;
    runner.kill().await.unwrap();
    assert_eq!(scene.serve.show("alice", &request).await.unwrap().state(), "APPROVED");
    let _another = scene.runner();
    assert_eq!(scene.end(&request).await.state(), "SUCCEEDED");
    assert_eq!(scene.traced("ran"), "ran\n");
}

pub(crate) async fn killed_after_the_claim_nobody_runs_it(database: Database) {
    let scene = Scene::new(database, json!({}), &QUICK).await;
    let held = Tamper::with(&address(&scene), Trick::HoldAnswers("/claim ")).await.unwrap();
    let mut runner = scene.runner_at(&format!("http://{}", held.address()), &OPTIONS);
    let request = scene.approved(&leaving_a_trace(&scene, "true"), "on_approval").await;
    scene.wait_until(|| held.tricked() > 0).await;
    runner.kill().await.unwrap();
    let end = scene.end(&request).await;
    assert_eq!((end.state(), end.text("/cause")), ("UNKNOWN", "lease_lapsed"), "{end:?}");
    nobody_runs_it_again(&scene, &request).await;
    assert_eq!(scene.traced("ran"), "");
}

pub(crate) async fn killed_during_the_program_it_is_unknown_and_not_run_again(database: Database) {
    let scene = Scene::new(database, json!({}), &QUICK).await;
    let mut runner = scene.runner();
    let request = scene.approved(&leaving_a_trace(&scene, "sleep 10"), "on_approval").await;
    scene.wait_for_trace("ran").await;
    runner.kill().await.unwrap();
    let end = scene.end(&request).await;
    assert_eq!((end.state(), end.text("/cause")), ("UNKNOWN", "lease_lapsed"), "{end:?}");
    nobody_runs_it_again(&scene, &request).await;
    assert_eq!(scene.traced("ran"), "ran\n");
}

pub(crate) async fn killed_before_the_report_it_is_unknown_and_not_run_again(database: Database) {
    let scene = Scene::new(database, json!({}), &QUICK).await;
    let held = Tamper::with(&address(&scene), Trick::HoldCalls("/complete ")).await.unwrap();
    let mut runner = scene.runner_at(&format!("http://{}", held.address()), &OPTIONS);
    let request = scene.approved(&leaving_a_trace(&scene, "true"), "on_approval").await;
    scene.wait_until(|| held.tricked() > 0).await;
    runner.kill().await.unwrap();
    let end = scene.end(&request).await;
    assert_eq!((end.state(), end.text("/cause")), ("UNKNOWN", "lease_lapsed"), "{end:?}");
    nobody_runs_it_again(&scene, &request).await;
    assert_eq!(scene.traced("ran"), "ran\n");
}

pub(crate) async fn a_network_that_is_lost_in_the_middle_runs_nothing_twice(database: Database) {
    let scene = Scene::new(database, json!({}), &[]).await;
    let line = Tamper::with(&address(&scene), Trick::None).await.unwrap();
    let _runner = scene.runner_at(&format!("http://{}", line.address()), &OPTIONS);
    // More output than a piece holds, so that some is on its way when the line breaks.
    let much = "for i in $(seq 1 30); do seq 1 2000; sleep 0.1; done";
    let request = scene.approved(&leaving_a_trace(&scene, much), "on_approval").await;
    scene.wait_for_trace("ran").await;
    for _ in 0..3 {
        line.cut();
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        line.mend();
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    let end = scene.end(&request).await;
    assert_eq!((end.state(), &end.json["execution"]["rows"]), ("SUCCEEDED", &json!(60_000)), "{end:?}");
    assert_eq!(scene.traced("ran"), "ran\n");
}

pub(crate) async fn a_claim_whose_answer_is_lost_is_the_same_claim_again(database: Database) {
    let scene = Scene::new(database, json!({}), &[]).await;
    for call in ["/claim ", "/output?", "/complete "] {
        let broken = Tamper::with(&address(&scene), Trick::LoseFirstAnswer(call)).await.unwrap();
        let mut runner = scene.runner_at(&format!("http://{}", broken.address()), &OPTIONS);
        let request = scene.approved(&leaving_a_trace(&scene, "echo out"), "on_approval").await;
        let end = scene.end(&request).await;
        assert_eq!(
            (end.state(), &end.json["execution"]["rows"]),
            ("SUCCEEDED", &json!(1)),
            "{call}: {end:?}"
        );
        scene.wait_until(|| broken.tricked() > 1).await;
        runner.kill().await.unwrap();
    }
    assert_eq!(scene.traced("ran"), "ran\nran\nran\n");
}
