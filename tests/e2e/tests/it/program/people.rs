//! `users`, `groups` and `tokens`.

use countersign_e2e::program::{bare, to_the_end};
use countersign_e2e::{Database, Ended, Serve};
use serde_json::json;

use crate::program::{decide, ended, says};

/// Runs the program with this very token.
async fn with_token(serve: &Serve, token: &str, args: &[&str]) -> Ended {
    let environment = [("COUNTERSIGN_URL", serve.url()), ("COUNTERSIGN_TOKEN", token)];
    to_the_end(bare(args, &environment).unwrap()).await.unwrap()
}

async fn who_is_shut_out_is_out_at_once(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let request = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    assert_eq!(decide(&serve, "dana", "approve", &request, &[]).await.code, Some(0));
    let disabled = serve.run("root", &["users", "disable", "dana@example.com"]).await.unwrap();
    assert_eq!(disabled.code, Some(0), "{}", disabled.err);
    ended(&serve.run("dana", &["requests", "list"]).await.unwrap(), 20, "");
    // Her vote is void at the claim: the request waits again, and somebody else's vote completes it.
    let run = serve.begin("alice", &["run", request.text("/id"), "-o", "csv"]).unwrap();
    serve.wait_for("alice", &request, &["PENDING"]).await.unwrap();
    assert_eq!(decide(&serve, "rita", "approve", &request, &[]).await.code, Some(0));
    let run = run.end().await.unwrap();
    ended(&run, 0, "1\r\n1\r\n");
    let events = serve.about("audra", &request, "events").await.unwrap();
    assert!(events.items().iter().any(|event| event["type"] == "request.reopened"), "{events:?}");
    assert_eq!(serve.run("root", &["users", "enable", "dana@example.com"]).await.unwrap().code, Some(0));
    assert_eq!(serve.run("dana", &["requests", "list"]).await.unwrap().code, Some(0));
}

async fn groups_decide_who_reviews(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let request = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    ended(&decide(&serve, "sam", "approve", &request, &[]).await, 20, "");
    let args = ["users", "update", "sam@example.com", "--add-groups", "dba-team", "-o", "json"];
    let updated = serve.run("root", &args).await.unwrap();
    assert_eq!(updated.json().unwrap()["groups"], json!(["dba-team", "security-team"]), "{}", updated.err);
    assert_eq!(decide(&serve, "sam", "approve", &request, &[]).await.code, Some(0));
    let groups = serve.run("root", &["groups", "list"]).await.unwrap();
    let dba = groups.out.lines().find(|line| line.starts_with("dba-team")).unwrap();
    assert!(dba.contains("sam@example.com") && !dba.contains("alice"), "{dba}");
    for args in [&["users", "list"][..], &args, &["users", "create", "eve@example.com"]] {
        ended(&serve.run("alice", args).await.unwrap(), 20, "");
    }
    let nobody = serve.run("root", &["users", "show", "nobody@example.com"]).await.unwrap();
    ended(&nobody, 2, "");
    says(&nobody, &["nobody has the e-mail address"]);
    let taken = serve.run("root", &["users", "create", "alice@example.com"]).await.unwrap();
    ended(&taken, 1, "");
}

async fn a_token_works_until_it_is_revoked(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let made = serve.run("alice", &["tokens", "create", "ci"]).await.unwrap();
    assert_eq!(made.code, Some(0), "{}", made.err);
    says(&made, &["its secret is shown only now"]);
    let secret = made.out.trim();
    assert!(secret.starts_with("cst_") && !made.err.contains(secret), "{made:?}");
    let exec = with_token(&serve, secret, &["exec", "demo-open", "SELECT 1 AS one", "-o", "csv"]).await;
    ended(&exec, 0, "one\r\n1\r\n");
    let list = serve.run("alice", &["tokens", "list", "-o", "json"]).await.unwrap();
    assert!(!list.out.contains(secret), "a secret is shown once");
    let tokens = list.json().unwrap();
    let named =
        |name: &str| tokens.as_array().unwrap().iter().find(|token| token["name"] == name).unwrap().clone();
    let id = named("ci")["id"].as_str().unwrap().to_owned();
    ended(&serve.run("dana", &["tokens", "revoke", &id]).await.unwrap(), 20, "");
    let revoked = serve.run("alice", &["tokens", "revoke", &id]).await.unwrap();
    ended(&revoked, 0, "");
    ended(&with_token(&serve, secret, &["requests", "list"]).await, 20, "");
    assert_eq!(serve.run("alice", &["requests", "list"]).await.unwrap().code, Some(0), "the others stay");
}

async fn a_service_account_and_its_owner_are_one_person(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let create =
        ["users", "create", "bot@example.com", "--owner", "alice@example.com", "--groups", "dba-team"];
    let made = serve.run("root", &create).await.unwrap();
    assert_eq!(made.code, Some(0), "{}", made.err);
    let for_bot = ["tokens", "create", "bot", "--user", "bot@example.com"];
    ended(&serve.run("dana", &for_bot).await.unwrap(), 20, "");
    let for_dana = serve.run("root", &["tokens", "create", "x", "--user", "dana@example.com"]).await.unwrap();
    ended(&for_dana, 20, "");
    let token = serve.run("root", &for_bot).await.unwrap();
    assert_eq!(token.code, Some(0), "{}", token.err);
    let token = token.out.trim().to_owned();
    let request = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    let args = ["approve", request.text("/id"), "--yes", "--digest", request.text("/digest")];
    let own = with_token(&serve, &token, &args).await;
    ended(&own, 20, "");
    says(&own, &["your own request"]);
    let others = serve.submit("sam", "demo-db", "SELECT 2", json!({})).await.unwrap();
    let args = ["approve", others.text("/id"), "--yes", "--digest", others.text("/digest")];
    assert_eq!(with_token(&serve, &token, &args).await.code, Some(0));
}

async fn a_token_is_limited_to_what_its_program_does(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let made = serve.run("alice", &["tokens", "create", "ci", "--scope", "submit,read"]).await.unwrap();
    assert_eq!(made.code, Some(0), "{}", made.err);
    let token = made.out.trim().to_owned();
    let exec = with_token(&serve, &token, &["exec", "demo-open", "SELECT 1 AS one", "-o", "csv"]).await;
    ended(&exec, 0, "one\r\n1\r\n");
    let more = with_token(&serve, &token, &["tokens", "create", "more"]).await;
    ended(&more, 20, "");
    says(&more, &["`manage`", "read, submit"]);
    let list = serve.run("alice", &["tokens", "list"]).await.unwrap();
    assert!(list.out.contains("MAY") && list.out.contains("read, submit"), "{}", list.out);
    assert!(list.out.contains("everything"), "{}", list.out);
    let odd = serve.run("alice", &["tokens", "create", "ci", "--scope", "write"]).await.unwrap();
    assert_eq!(odd.code, Some(2), "{}", odd.err);
}

countersign_e2e::on_every_database! {
    who_is_shut_out_is_out_at_once,
    groups_decide_who_reviews,
    a_token_works_until_it_is_revoked,
    a_token_is_limited_to_what_its_program_does,
    a_service_account_and_its_owner_are_one_person,
}
