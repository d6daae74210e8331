//! `approve`, `reject` and `cancel` in scripts.

use countersign_e2e::{Database, Serve};
use serde_json::json;

use crate::program::{decide, ended, says};

async fn a_vote_is_bound_to_what_was_seen(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let request = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    let id = request.text("/id");
    for args in
        [&["approve", id][..], &["approve", id, "--yes"], &["reject", id, "--reason", "no"], &["cancel", id]]
    {
        let asked = serve.run("dana", args).await.unwrap();
        ended(&asked, 2, "");
    }
    let other = format!("sha256:{}", "0".repeat(64));
    for other in [other.as_str(), "x"] {
        let wrong = serve.run("dana", &["approve", id, "--yes", "--digest", other]).await.unwrap();
        ended(&wrong, 1, "");
        says(&wrong, &["That is not what you looked at"]);
        let wrong = serve.run("alice", &["cancel", id, "--yes", "--digest", other]).await.unwrap();
        ended(&wrong, 1, "");
        says(&wrong, &["is another one", request.text("/digest"), "nothing was changed"]);
    }
    assert_eq!(serve.show("alice", &request).await.unwrap().state(), "PENDING");
}

async fn a_vote_that_changes_nothing_says_so(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let request = serve.submit("alice", "demo-dual", "SELECT 1", json!({})).await.unwrap();
    assert_eq!(decide(&serve, "dana", "approve", &request, &[]).await.code, Some(0));
    let needless = decide(&serve, "root", "approve", &request, &[]).await;
    ended(&needless, 1, "");
    says(&needless, &["Not possible in this state"]);
    let stranger = decide(&serve, "audra", "approve", &request, &[]).await;
    ended(&stranger, 20, "");
    says(&stranger, &["You do not review this request"]);
    let cancel = serve.run("alice", &["cancel", request.text("/id"), "--yes"]).await.unwrap();
    assert_eq!(cancel.code, Some(0), "{}", cancel.err);
    let late = decide(&serve, "sam", "approve", &request, &[]).await;
    ended(&late, 1, "");
    says(&late, &["CANCELLED"]);
}

async fn a_vote_comes_as_json_for_scripts(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let request = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    let vote = decide(&serve, "dana", "approve", &request, &["-o", "json"]).await;
    let said = vote.json().unwrap();
    assert_eq!((vote.code, said["status"].as_str()), (Some(0), Some("APPROVED")), "{}", vote.err);
    let by = &said["groups"][0]["decisions"][0];
    assert_eq!((by["user"]["email"].as_str(), by["via"].as_str()), (Some("dana@example.com"), Some("cli")));
}

countersign_e2e::on_every_database! {
    a_vote_is_bound_to_what_was_seen,
    a_vote_that_changes_nothing_says_so,
    a_vote_comes_as_json_for_scripts,
}
