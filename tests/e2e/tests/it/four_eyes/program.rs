//! The same with the program.

use countersign_e2e::{Database, Ended};
use serde_json::json;

use crate::four_eyes::two_admins;

fn proposed(ended: &Ended) -> String {
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let (_, rest) = ended.err.split_once("proposed as ").unwrap_or_else(|| panic!("{}", ended.err));
    let (id, rest) = rest.split_once(';').unwrap();
    assert!(
        rest.contains(&format!("another admin approves it with: countersign approve {id}")),
        "{}",
        ended.err
    );
    id.to_owned()
}

async fn the_program_says_who_has_to_agree_and_how(database: Database) {
    let serve = two_admins(database, &[]).await;
    let args = [
        "connections",
        "create",
        "shop",
        "--kind",
        "sqlite",
        "--target",
        "path=demo.db",
        "--reviewers",
        "dba-team",
    ];
    let made = serve.run("root", &args).await.unwrap();
    let id = proposed(&made);
    assert!(made.out.contains("\"change\": \"connection.create\""), "{}", made.out);
    let shown = serve.get("dana", &format!("/v1/requests/{id}")).await.unwrap();
    let args = ["approve", &id, "--yes", "--digest", shown.text("/digest")];
    let approved = serve.run("dana", &args).await.unwrap();
    assert_eq!(approved.code, Some(0), "{}", approved.err);
    assert_eq!(serve.run_to_its_end("root", &shown).await.unwrap().state(), "SUCCEEDED");
    let listed = serve.run("alice", &["connections", "list", "-o", "json"]).await.unwrap().json().unwrap();
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["demo-db", "demo-dual", "demo-open", "shop"]);

    let update = ["connections", "update", "shop", "--add-reviewers", "security-team", "-o", "json"];
    let updated = serve.run("root", &update).await.unwrap();
    let id = proposed(&updated);
    assert_eq!(updated.json().unwrap()["id"], json!(id));
    let told = serve.run("root", &["connections", "update", "shop", "--notify", "slack"]).await.unwrap();
    assert!(told.code == Some(0) && told.err.contains("changed the connection shop"), "{}", told.err);
    proposed(
        &serve.run("root", &["users", "update", "sam@example.com", "--add-roles", "admin"]).await.unwrap(),
    );
    let out = serve.run("root", &["users", "disable", "sam@example.com"]).await.unwrap();
    assert!(out.code == Some(0) && out.err.contains("disabled sam@example.com"), "{}", out.err);
    proposed(&serve.run("root", &["users", "enable", "sam@example.com"]).await.unwrap());
    let slack = [
        "slack",
        "set",
        "--bot-token",
        "env:B",
        "--signing-secret",
        "env:S",
        "--app-id",
        "A1",
        "--team-id",
        "T1",
    ];
    proposed(&serve.run("root", &slack).await.unwrap());
}

countersign_e2e::on_every_database! { the_program_says_who_has_to_agree_and_how }
