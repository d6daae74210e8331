//! What goes wrong in Slack is told in the delivery log, and mended where it can be.

use countersign_e2e::Answer;
use countersign_e2e::slack::{CHANNEL, TOKEN};
use serde_json::json;

use crate::chats::scene::{Scene, user};

/// What the request's notifications say of a place in Slack, once it says that.
async fn log(scene: &Scene, request: &Answer, says: &str) -> String {
    let path = format!("/v1/requests/{}/notifications", request.text("/id"));
    for _ in 0..600 {
        let answer = scene.serve.get("root", &path).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        let text = answer.json.to_string();
        if text.contains(says) {
            return text;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the log never says `{says}`: {:?}", scene.serve.get("root", &path).await.unwrap().json)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_that_the_app_is_not_in_gets_the_message_once_it_is_invited() {
    let scene = Scene::begin(json!({ "default_channels": ["C0NEW"] })).await;
    let request = scene.submit("demo-db", "SELECT 1", json!({})).await;
    log(&scene, &request, "no such channel").await;
    scene.slack.add_channel("C0NEW");
    log(&scene, &request, "/invite @Countersign").await;
    scene.slack.invite("C0NEW");
    scene.told_in("C0NEW", &request, "Approval needed").await;
    let said = log(&scene, &request, "reminder 1 is due").await;
    assert!(!said.contains("the last attempt failed"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archived_channel_is_given_up_and_a_revoked_token_waits_for_another() {
    let scene = Scene::begin(json!({})).await;
    scene.slack.revoke("xoxb-new");
    let request = scene.submit("demo-db", "SELECT 1", json!({})).await;
    let said = log(&scene, &request, "does not take the bot token").await;
    assert!(!said.contains(TOKEN), "the token is in no log");
    scene.slack.revoke(TOKEN);
    scene.told(&request, "Approval needed").await;
    scene.slack.archive(CHANNEL);
    let request = scene.submit("demo-db", "SELECT 2", json!({})).await;
    log(&scene, &request, "archived").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_was_deleted_is_posted_again_while_it_is_needed() {
    let scene = Scene::begin(json!({})).await;
    let request = scene.submit("demo-dual", "SELECT 1", json!({})).await;
    let message = scene.told(&request, "Approval needed").await;
    scene.slack.delete(&message);
    scene.serve.approve("dana", &request).await.unwrap();
    let again = scene.told(&request, "✅ dba-team").await;
    assert_ne!(again.ts, message.ts);
    scene.slack.delete(&again);
    scene.serve.approve("sam", &request).await.unwrap();
    log(&scene, &request, "deleted in Slack").await;
    assert!(scene.slack.messages(CHANNEL).is_empty(), "nobody is asked any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_messages_than_slack_takes_arrive_all_the_same() {
    let scene = Scene::begin(json!({})).await;
    let mut requests = Vec::new();
    for number in 0..12 {
        requests.push(scene.submit("demo-db", &format!("SELECT {number}"), json!({})).await);
    }
    for request in &requests {
        scene.told(request, "Approval needed").await;
    }
    assert!(
        scene.slack.refusals().iter().any(|refusal| refusal.contains("ratelimited")),
        "it was too much at once"
    );
    assert_eq!(scene.slack.messages(CHANNEL).len(), 12, "none twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_still_brought_up_to_date_after_the_service_was_killed() {
    let mut scene = Scene::begin(json!({})).await;
    scene.link("dana").await;
    let request = scene.submit("demo-db", "SELECT 1", json!({})).await;
    let message = scene.told(&request, "Approval needed").await;
    // Killed between Slack's answer and the table's, it would post once more: at least once is what is promised.
    log(&scene, &request, "reminder 1 is due").await;
    scene.serve.kill_and_restart().await.unwrap();
    scene.slack.press(&scene.serve, &user("dana"), &message, "approve").await.unwrap();
    let updated = scene.told(&request, "Approved").await;
    assert_eq!((updated.ts, scene.slack.messages(CHANNEL).len()), (message.ts, 1));
}
