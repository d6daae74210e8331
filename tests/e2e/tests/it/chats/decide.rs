//! Decisions in Slack.

use countersign_e2e::slack::{APP, CHANNEL, Message, SECRET, TEAM, form, now};
use serde_json::json;

use crate::chats::scene::{Scene, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn posted_approved_by_button_run_and_the_message_shows_each_state() {
    let scene = Scene::begin(json!({})).await;
    scene.link("dana").await;
    let command = "DELETE FROM customers WHERE id = 7 AND name <> '<!channel> *x*'";
    let request = scene.submit("demo-db", command, json!({ "reason": "INC-1 <@U0123>" })).await;
    let message = scene.told(&request, "Approval needed").await;
    assert!(message.texts().contains(command), "whole, and as it is: {}", message.texts());
    assert_eq!(message.buttons().keys().collect::<Vec<_>>(), ["approve", "open", "reject"]);
    assert_eq!(
        message.buttons()["approve"],
        format!("{} {}", request.text("/id"), request.text("/digest")),
        "nothing else"
    );
    let pressed = scene.slack.press(&scene.serve, &user("dana"), &message, "approve").await.unwrap();
    assert_eq!((pressed.status, pressed.json.as_str()), (200, Some("")), "{pressed:?}");
    let approved = scene.state(&request).await;
    assert_eq!((approved.state(), approved.text("/groups/0/decisions/0/via")), ("APPROVED", "slack"));
    assert_eq!(approved.text("/groups/0/decisions/0/user/email"), "dana@example.com");
    let message = scene.told(&request, "Approved").await;
    assert_eq!(message.buttons().keys().collect::<Vec<_>>(), ["open"]);
    assert!(message.texts().contains("approved by dana@example.com"));
    // The same press again, as Slack or a replay may do it.
    let again = scene.slack.pressed(
        &user("dana"),
        &message,
        "approve",
        &format!("{} {}", request.text("/id"), request.text("/digest")),
    );
    assert_eq!(scene.slack.interact(&scene.serve, again).await.unwrap().status, 200);
    assert_eq!(scene.state(&request).await.json["version"], approved.json["version"]);
    assert_eq!(scene.serve.act("alice", "run", &request).await.unwrap().state(), "SUCCEEDED");
    let message = scene.told(&request, "Succeeded").await;
    assert!(message.texts().contains("1 row") && message.updates >= 2, "{message:?}");
    let all: Vec<Message> = scene.slack.messages(CHANNEL);
    assert_eq!(all.len(), 1, "one message, brought up to date: {all:#?}");
    assert_eq!(scene.slack.refusals(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejected_with_a_reason_by_the_dialog() {
    let scene = Scene::begin(json!({})).await;
    scene.link("sam").await;
    let request = scene.submit("demo-dual", "DROP TABLE customers", json!({})).await;
    let message = scene.told(&request, "Approval needed").await;
    let pressed = scene.slack.press(&scene.serve, &user("sam"), &message, "reject").await.unwrap();
    assert_eq!((pressed.status, pressed.json.as_str()), (200, Some("")), "{pressed:?}");
    assert_eq!(scene.slack.views().len(), 1);
    assert_eq!(scene.state(&request).await.state(), "PENDING", "a dialog decides nothing");
    let silent = scene.slack.submit_view(&scene.serve, &user("sam"), "  ").await.unwrap();
    assert_eq!(silent.text("/response_action"), "errors");
    let sent =
        scene.slack.submit_view(&scene.serve, &user("sam"), "We need that *table* <!here>.").await.unwrap();
    assert_eq!((sent.status, sent.json.as_str()), (200, Some("")), "{sent:?}");
    let rejected = scene.state(&request).await;
    assert_eq!((rejected.state(), rejected.text("/groups/1/decisions/0/via")), ("REJECTED", "slack"));
    assert_eq!(rejected.text("/groups/1/decisions/0/comment"), "We need that *table* <!here>.");
    let message = scene.told(&request, "Rejected").await;
    assert!(message.texts().contains("Rejected by sam@example.com: We need that *table* <!here>."));
    scene.link("dana").await;
    let late = scene.slack.submit_view(&scene.serve, &user("dana"), "And again.").await.unwrap();
    assert_eq!(late.text("/response_action"), "errors");
    assert!(late.text("/errors/reason").contains("REJECTED already"), "{late:?}");
    assert_eq!(scene.slack.refusals(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_decides_is_shown_as_expired_and_a_late_press_changes_nothing() {
    let scene = Scene::begin(json!({})).await;
    scene.link("dana").await;
    let request = scene.submit("demo-db", "SELECT 1", json!({ "timeout_seconds": 3 })).await;
    let message = scene.told(&request, "Approval needed").await;
    let expired = scene.told(&request, "Expired").await;
    assert!(expired.texts().contains("It must be submitted again."));
    assert_eq!(expired.buttons().keys().collect::<Vec<_>>(), ["open"]);
    let late = scene.slack.press(&scene.serve, &user("dana"), &message, "approve").await.unwrap();
    assert_eq!((late.status, late.text("/response_type")), (200, "ephemeral"));
    assert!(late.text("/blocks/0/text/text").contains("EXPIRED already"), "{late:?}");
    assert_eq!(
        scene.slack.answers(),
        std::slice::from_ref(&late.json),
        "Slack shows what came to the response_url"
    );
    assert_eq!(scene.state(&request).await.state(), "EXPIRED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_five_groups_fit_and_each_vote_shows() {
    let scene = Scene::begin(json!({})).await;
    scene.link("dana").await;
    let mut groups: Vec<String> = (0..24).map(|number| format!("{number:02}-{}", "g".repeat(61))).collect();
    groups.push("dba-team".to_owned());
    let connection = json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "reviewers": groups });
    scene.serve.connect("crowd", connection).await.unwrap();
    let request = scene.submit("crowd", "SELECT 1", json!({ "reason": "r".repeat(2000) })).await;
    let message = scene.told(&request, "Approval needed").await;
    for group in &groups {
        assert!(message.texts().contains(&format!("⏳ {group}")), "{group}");
    }
    let pressed = scene.slack.press(&scene.serve, &user("dana"), &message, "approve").await.unwrap();
    assert_eq!(pressed.status, 200);
    let message = scene.told(&request, "✅ dba-team").await;
    assert!(message.buttons().contains_key("approve"), "24 are still to come");
    assert_eq!(scene.slack.refusals(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_deceive_the_eye_is_not_approved_in_a_message() {
    let scene = Scene::begin(json!({})).await;
    for command in ["SELECT '\u{202E}txt'", "DELETE FROM u\u{455}ers", &"SELECT 1;\n".repeat(900)] {
        let request = scene.submit("demo-db", command, json!({})).await;
        let message = scene.told(&request, "Approval needed").await;
        assert_eq!(message.buttons().keys().collect::<Vec<_>>(), ["open", "reject"], "{}", message.texts());
        assert!(message.texts().contains("It cannot be approved from a message"));
        assert!(!message.texts().contains('\u{202E}'));
    }
    assert_eq!(scene.slack.refusals(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_not_from_slack_or_not_from_here_changes_nothing() {
    let scene = Scene::begin(json!({})).await;
    scene.link("dana").await;
    let request = scene.submit("demo-db", "SELECT 1", json!({})).await;
    let message = scene.told(&request, "Approval needed").await;
    let value = message.buttons()["approve"].clone();
    let press = || scene.slack.pressed(&user("dana"), &message, "approve", &value);
    let body = form(&[("payload", &press().to_string())]).unwrap();
    let send = async |second, secret| {
        scene
            .slack
            .send(&scene.serve, "/slack/interactions", body.clone(), second, secret)
            .await
            .unwrap()
            .status
    };
    assert_eq!(send(now(), "another secret").await, 401);
    assert_eq!(send(now() - 301, SECRET).await, 401, "too old");
    assert_eq!(send(now() + 310, SECRET).await, 401, "from the future");
    let unsigned = scene.serve.call("dana", "POST", "/slack/interactions", Some(press())).await.unwrap();
    assert_eq!(unsigned.status, 401, "a token of ours is none of Slack's");
    for (pointer, wrong, why) in [
        ("/api_app_id", "A0OTHER", "another Slack app"),
        ("/user/team_id", "T0GUEST", "another Slack workspace"),
        ("/team/id", "T0OTHER", "another Slack workspace"),
        ("/user/id", "U0NOBODY", "not linked"),
    ] {
        let mut payload = press();
        *payload.pointer_mut(pointer).unwrap() = json!(wrong);
        let answer = scene.slack.interact(&scene.serve, payload).await.unwrap();
        assert_eq!((answer.status, answer.text("/response_type")), (200, "ephemeral"), "{pointer}");
        assert!(answer.text("/text").contains(why), "{pointer}: {answer:?}");
    }
    for bad in ["payload=%7B", "x=1", "payload=%7B%22type%22%3A%22block_actions%22%7D"] {
        let answer = scene
            .slack
            .send(&scene.serve, "/slack/interactions", bad.to_owned(), now(), SECRET)
            .await
            .unwrap();
        assert_eq!(answer.status, 400, "{bad}");
    }
    for path in ["/slack/interactions", "/slack/commands"] {
        assert_eq!(scene.serve.get("dana", path).await.unwrap().status, 405, "GET changes nothing");
    }
    // Another digest, a value of nobody's, and somebody in none of the groups.
    let other = format!("{} sha256:{}", request.text("/id"), "0".repeat(64));
    for value in [other.as_str(), "approve it", ""] {
        let payload = scene.slack.pressed(&user("dana"), &message, "approve", value);
        let answer = scene.slack.interact(&scene.serve, payload).await.unwrap();
        assert_eq!((answer.status, answer.text("/response_type")), (200, "ephemeral"), "{value}");
    }
    scene.link("sam").await;
    let stranger = scene.slack.press(&scene.serve, &user("sam"), &message, "approve").await.unwrap();
    assert!(stranger.text("/text").contains("you may not see it"), "{stranger:?}");
    scene.link("alice").await;
    let own = scene.slack.press(&scene.serve, &user("alice"), &message, "approve").await.unwrap();
    assert!(own.text("/text").contains("nobody decides their own request"), "{own:?}");
    let state = scene.state(&request).await;
    assert_eq!((state.state(), state.json["version"].as_u64()), ("PENDING", Some(1)));
    assert_eq!((APP, TEAM), ("A0COUNTER", "T0DEMO"));
}
