//! Who is who, and who is told by direct message.

use countersign_e2e::slack::Message;
use serde_json::json;

use crate::chats::scene::{Scene, user};

fn direct(who: &str) -> String {
    format!("D{}", user(who))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slack_user_is_linked_with_proof_of_both_ends_and_once() {
    let scene = Scene::begin(json!({})).await;
    let ask = async |who: &str, slack_user: &str| {
        scene.serve.post(who, "/v1/me/slack-links", json!({ "slack_user_id": slack_user })).await.unwrap()
    };
    // An attacker's own code in the hands of an approver does nothing, and the other way round.
    let attackers = ask("alice", &user("alice")).await;
    let refused = scene.types("dana", &format!("link {}", attackers.text("/code"))).await;
    assert!(refused.contains("not one for your Slack user"), "{refused}");
    let named = ask("alice", &user("dana")).await;
    let refused = scene.types("alice", &format!("link {}", named.text("/code"))).await;
    assert!(refused.contains("not one for your Slack user"), "{refused}");
    scene.link("dana").await;
    let stolen = scene.types("dana", &format!("link {}", named.text("/code"))).await;
    assert!(stolen.contains("linked to another account"), "{stolen}");
    let me = scene.serve.get("dana", "/v1/me").await.unwrap();
    assert_eq!(me.text("/slack_user_id"), user("dana"));
    let code = ask("dana", &user("dana")).await;
    let link = format!("link {}", code.text("/code").to_lowercase());
    assert!(scene.types("dana", &link).await.contains("from now on"));
    assert!(scene.types("dana", &link).await.contains("it was used"));
    for bad in ["dana", "U0 DANA", "u0dana", ""] {
        assert_eq!(ask("dana", bad).await.status, 422, "{bad}");
    }
    let body = json!({ "slack_user_id": user("dana"), "slack_team_id": "T0OTHER" });
    assert_eq!(scene.serve.post("dana", "/v1/me/slack-links", body).await.unwrap().status, 422);
    for _ in 0..2 {
        let gone = scene.serve.call("dana", "DELETE", "/v1/me/slack-links", None).await.unwrap();
        assert_eq!(gone.status, 204);
    }
    assert!(scene.serve.get("dana", "/v1/me").await.unwrap().json["slack_user_id"].is_null());
    assert!(scene.types("dana", "pending").await.contains("not linked"));
    // A free Slack user may become anybody's again.
    scene.link("dana").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribers_are_told_directly_and_requesters_of_the_outcome() {
    let scene = Scene::begin(json!({})).await;
    for who in ["alice", "dana", "sam"] {
        scene.link(who).await;
    }
    assert!(scene.types("dana", "list").await.contains("not subscribed to anything"));
    assert!(scene.types("dana", "subscribe").await.contains("all connections"));
    assert!(scene.types("sam", "subscribe demo-open").await.contains("demo-open"));
    assert!(scene.types("alice", "subscribe").await.contains("none so far"));
    assert!(scene.types("dana", "nonsense <!channel>").await.starts_with("There is no command"));
    assert!(scene.types("dana", "").await.contains("/countersign pending"));

    let request = scene.submit("demo-db", "DELETE FROM customers WHERE id = 9", json!({})).await;
    let message = scene.told_in(&direct("dana"), &request, "Approval needed").await;
    let pending = scene.types("dana", "pending").await;
    assert!(pending.contains(request.text("/code")) && pending.contains(request.text("/page")), "{pending}");
    assert_eq!(scene.types("alice", "pending").await, "Nothing waits for you.");
    scene.slack.press(&scene.serve, &user("dana"), &message, "approve").await.unwrap();
    let own = scene.told_in(&direct("alice"), &request, "Approved").await;
    assert_eq!(own.buttons().keys().collect::<Vec<_>>(), ["open"]);
    scene.told_in(&direct("dana"), &request, "Approved").await;
    scene.serve.act("alice", "run", &request).await.unwrap();
    scene.told_in(&direct("alice"), &request, "Succeeded").await;
    let below =
        |message: &Message| message.below.is_some() && message.texts().contains("It ran and succeeded");
    scene.slack.message(&direct("alice"), below).await.unwrap();
    assert_eq!(scene.types("dana", "pending").await, "Nothing waits for you.");
    assert!(scene.slack.messages(&direct("sam")).is_empty(), "sam reviews nothing there");

    assert!(scene.types("dana", "unsubscribe demo-db").await.contains("all connections"));
    assert!(scene.types("dana", "unsubscribe").await.contains("no direct messages"));
    assert!(scene.types("dana", "unsubscribe").await.contains("not subscribed"));
    let request = scene.submit("demo-db", "SELECT 2", json!({})).await;
    scene.told(&request, "Approval needed").await;
    scene.serve.reject("dana", &request, "no").await.unwrap();
    let told = scene.told_in(&direct("alice"), &request, "Rejected by dana@example.com: no").await;
    assert_eq!(told.updates, 0, "posted when there was something to say");
    let about = |message: &Message| message.texts().contains(request.text("/code"));
    assert!(!scene.slack.messages(&direct("dana")).iter().any(about), "not subscribed any more");
    assert_eq!(scene.slack.refusals(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reviewers_are_reminded_while_a_request_waits() {
    let reminders = json!({ "reminders": { "demo-db": { "first_seconds": 1, "most": 2 } } });
    let scene = Scene::begin(reminders).await;
    let request = scene.submit("demo-db", "SELECT 1", json!({})).await;
    let message = scene.told(&request, "Approval needed").await;
    let reminders = || {
        let all = scene.slack.messages(&message.channel);
        all.into_iter().filter(|one| one.below.as_ref() == Some(&message.ts)).collect::<Vec<_>>()
    };
    let second = |one: &Message| one.below.as_ref() == Some(&message.ts) && reminders().len() == 2;
    let second = scene.slack.message(&message.channel, second).await.unwrap();
    assert!(second.texts().contains("still waits for dba-team"), "{second:?}");
    scene.serve.approve("dana", &request).await.unwrap();
    scene.told(&request, "Approved").await;
    assert_eq!(reminders().len(), 2, "at most two, and none after the decision");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proposed_change_reaches_subscribed_admins_alone_and_is_approved_there() {
    let mut scene = Scene::begin(json!({})).await;
    let changed = async |scene: &Scene, path: &str, member: &str, value: serde_json::Value| {
        let now = scene.serve.get("root", path).await.unwrap();
        let mut then = now.json.clone();
        then[member] = value;
        let tag = [("if-match", now.header("etag"))];
        scene.serve.call_with("root", "PUT", path, Some(then), &tag).await.unwrap()
    };
    let dana = format!("/v1/users/{}", scene.serve.id("dana"));
    assert_eq!(changed(&scene, &dana, "roles", json!(["admin"])).await.status, 200);
    scene.serve.stop().await.unwrap();
    scene.serve.set("COUNTERSIGN_ADMIN_FOUR_EYES", "on");
    scene.serve.start_again().await.unwrap();
    for who in ["dana", "sam"] {
        scene.link(who).await;
        scene.types(who, "subscribe").await;
    }
    let request = changed(&scene, "/v1/connections/demo-db", "require_reason", json!(true)).await;
    assert_eq!(request.status, 202, "{request:?}");
    let message = scene.told_in(&direct("dana"), &request, "Approval needed").await;
    assert!(message.texts().contains("\"change\": \"connection.update\""), "{}", message.texts());
    assert!(scene.types("dana", "pending").await.contains(request.text("/code")));
    scene.slack.press(&scene.serve, &user("dana"), &message, "approve").await.unwrap();
    scene.serve.wait_for("root", &request, &["SUCCEEDED"]).await.unwrap();
    scene.told_in(&direct("dana"), &request, "Succeeded").await;
    let about = |message: &Message| message.texts().contains(request.text("/code"));
    for elsewhere in [countersign_e2e::slack::CHANNEL.to_owned(), direct("sam")] {
        assert!(!scene.slack.messages(&elsewhere).iter().any(about), "{elsewhere} is not only admins");
    }
}
