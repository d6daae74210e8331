//! Whoever knew the secret that Slack signs with could vote as anybody: it is not changed by one admin.

use countersign_e2e::Database;
use serde_json::json;

use crate::four_eyes::{agree, change, proposal, two_admins, waits};

async fn whose_calls_are_believed_is_decided_by_two(database: Database) {
    let serve = two_admins(database, &[]).await;
    let path = "/v1/integrations/slack";
    let settings = json!({
        "bot_token": "env:SLACK_BOT", "signing_secret": "env:SLACK_SIGNS", "app_id": "A1", "team_id": "T1", "enabled": false
    });
    let first = serve.call("root", "PUT", path, Some(settings.clone())).await.unwrap();
    waits(&first);
    assert_eq!(serve.get("root", path).await.unwrap().json["version"], 0, "not yet");
    assert_eq!(agree(&serve, "dana", &first).await.state(), "SUCCEEDED");
    let put = async |edit: (&str, serde_json::Value)| {
        let now = serve.get("root", path).await.unwrap();
        let mut then = now.json["settings"].clone();
        then[edit.0] = edit.1;
        serve.call_with("root", "PUT", path, Some(then), &[("if-match", now.header("etag"))]).await.unwrap()
    };
    let told = put(("default_channels", json!(["C1"]))).await;
    assert_eq!(told.status, 200, "{told:?}");
    let known = put(("signing_secret", json!("env:PATH"))).await;
    waits(&known);
    assert_eq!(
        proposal(&known)["difference"],
        json!({ "signing_secret": { "from": "env:SLACK_SIGNS", "to": "env:PATH" } })
    );
    assert_eq!(serve.reject("dana", &known, "everybody knows that").await.unwrap().state(), "REJECTED");
    assert_eq!(serve.get("root", path).await.unwrap().text("/settings/signing_secret"), "env:SLACK_SIGNS");
    let other = change(&serve, "root", "/v1/connections/demo-db", |it| it["notify"] = json!([])).await;
    assert_eq!(other.status, 200);
}

countersign_e2e::on_every_database! { whose_calls_are_believed_is_decided_by_two }
