//! Cards in Teams.

use countersign_e2e::teams::Teams;
use countersign_e2e::{Database, Serve};
use serde_json::json;
use std::collections::BTreeSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_asks_and_another_tells_the_decision_and_the_outcome() {
    let teams = Teams::start().await.unwrap();
    let settings = [("TEAMS_URL", teams.url()), ("COUNTERSIGN_RETRY_SCHEDULE", "300ms")];
    let serve = Serve::start(Database::Embedded, &settings).await.unwrap();
    let saved = json!({ "webhook_url": "env:TEAMS_URL" });
    let saved = serve.call("root", "PUT", "/v1/integrations/teams", Some(saved)).await.unwrap();
    assert_eq!(saved.status, 200, "{saved:?}");
    let request =
        serve.submit("alice", "demo-dual", "DELETE FROM customers WHERE id = 3", json!({})).await.unwrap();
    let asks = teams.card("Approval needed").await.unwrap();
    assert!(asks.to_string().contains("DELETE FROM customers WHERE id = 3"));
    assert!(asks["actions"][0]["url"].as_str().unwrap().starts_with(request.text("/page")));
    serve.approve("dana", &request).await.unwrap();
    serve.approve("sam", &request).await.unwrap();
    teams.card("✅ Approved").await.unwrap();
    serve.act("alice", "run", &request).await.unwrap();
    teams.card("Succeeded").await.unwrap();
    // A card whose delivery took long may be sent twice.
    let headings: BTreeSet<String> =
        teams.cards().iter().map(|card| card["body"][0]["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(headings.len(), 3, "no card for one vote of two: {headings:?}");
    let long = "SELECT 'x';\n".repeat(5000);
    let request = serve.submit("alice", "demo-db", &long, json!({})).await.unwrap();
    let card = teams.card(request.text("/code")).await.unwrap();
    assert!(card.to_string().contains("Its page shows it whole"));
    assert_eq!(teams.refusals(), Vec::<String>::new());

    teams.delete();
    let request = serve.submit("alice", "demo-db", "SELECT 2", json!({})).await.unwrap();
    let path = format!("/v1/requests/{}/notifications", request.text("/id"));
    let mut said = String::new();
    for _ in 0..600 {
        said = serve.get("root", &path).await.unwrap().json.to_string();
        if said.contains("the workflow is gone") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(said.contains("the workflow is gone"), "{said}");
    assert!(!said.contains("sig=") && !serve.log().contains("sig="), "the URL is a secret");
}
