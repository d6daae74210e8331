//! `connections`: an admin makes and changes them.

use countersign_e2e::{Database, Serve};
use serde_json::{Value, json};

use crate::program::{decide, ended, says};

const CREATE: [&str; 7] = ["connections", "create", "shop", "--kind", "sqlite", "--target", "path=demo.db"];

async fn a_connection_is_made_changed_listed_shown_and_deleted(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let mut args = CREATE.to_vec();
    args.extend(["--reviewers", "dba-team,security-team", "--timeout", "30m", "--allow", "security-team"]);
    args.extend(["--exempt", "ops", "--require-reason", "--statement-timeout", "20s", "-o", "json"]);
    let made = serve.run("root", &args).await.unwrap();
    assert_eq!(made.code, Some(0), "{}", made.err);
    says(&made, &["made the connection shop"]);
    let made = made.json().unwrap();
    for (member, value) in [
        ("reviewers", json!(["dba-team", "security-team"])),
        ("target", json!({ "path": "demo.db", "statement_timeout_seconds": 20 })),
        ("timeout_seconds", json!(1800)),
        ("exempt_groups", json!(["ops"])),
        ("require_reason", json!(true)),
        ("approvals_per_group", json!(1)),
        ("distinct_reviewers", json!(true)),
    ] {
        assert_eq!(made[member], value, "{member}");
    }
    let again = serve.run("root", &args).await.unwrap();
    ended(&again, 1, "");
    says(&again, &["a connection of that name exists"]);
    ended(&serve.run("alice", &["connections", "show", "shop"]).await.unwrap(), 20, "");
    let silent = serve.run("sam", &["exec", "shop", "SELECT 1"]).await.unwrap();
    ended(&silent, 2, "");
    says(&silent, &["this connection wants a reason"]);

    let update = async |more: &[&str]| -> Value {
        let mut args = vec!["connections", "update", "shop", "-o", "json"];
        args.extend(more);
        let updated = serve.run("root", &args).await.unwrap();
        assert_eq!(updated.code, Some(0), "{}", updated.err);
        updated.json().unwrap()
    };
    assert_eq!(update(&["--remove-reviewers", "dba-team"]).await["reviewers"], json!(["security-team"]));
    let more = update(&["--add-reviewers", "dba-team", "--require-reason=off", "--allow", ""]).await;
    assert_eq!(more["reviewers"], json!(["security-team", "dba-team"]));
    assert_eq!((&more["require_reason"], &more["allowed_groups"]), (&json!(false), &json!([])));
    assert_eq!(more["timeout_seconds"], 1800, "what is not named stays");
    assert_eq!(
        update(&["--reviewers", "dba-team", "--timeout", "default"]).await["timeout_seconds"],
        Value::Null
    );
    let same =
        serve.run("root", &["connections", "update", "shop", "--reviewers", "dba-team"]).await.unwrap();
    ended(&same, 2, "");
    says(&same, &["nothing to change"]);

    let list = serve.run("alice", &["connections", "list", "-o", "json"]).await.unwrap().json().unwrap();
    let names: Vec<&str> =
        list.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["demo-db", "demo-dual", "demo-open", "shop"]);
    let shown = serve.run("root", &["connections", "show", "shop"]).await.unwrap();
    assert!(
        shown.out.contains("path=demo.db") && shown.out.contains("dba-team (1 approval each"),
        "{}",
        shown.out
    );

    ended(&serve.run("root", &["connections", "delete", "shop"]).await.unwrap(), 2, "");
    let deleted = serve.run("root", &["connections", "delete", "shop", "--yes"]).await.unwrap();
    ended(&deleted, 0, "");
    ended(&serve.run("root", &["connections", "show", "shop"]).await.unwrap(), 20, "");
}

async fn only_admins_write_and_what_cannot_be_is_refused(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let create = async |who: &str, more: &[&str]| {
        let mut args = CREATE.to_vec();
        args.extend(more);
        serve.run(who, &args).await.unwrap()
    };
    for who in ["alice", "dana", "audra"] {
        ended(&create(who, &["--reviewers", "dba-team"]).await, 20, "");
        let update = ["connections", "update", "demo-db", "--reviewers", "security-team"];
        ended(&serve.run(who, &update).await.unwrap(), 20, "");
        ended(&serve.run(who, &["connections", "delete", "demo-db", "--yes"]).await.unwrap(), 20, "");
    }
    for (more, words) in [
        (&["--reviewers", ""][..], "reviewer"),
        (&["--reviewers", "Not A Group"], "Not A Group"),
        (&["--reviewers", "dba-team", "--secret", "postgres://ann:hunter2@db/prod"], "secret reference"),
        (&["--reviewers", "dba-team", "--target", "path=../store.sqlite3"], "/path"),
        (&["--reviewers", "dba-team", "--target", "wat=1"], "unknown member"),
        (&["--reviewers", "dba-team", "--timeout", "1000d"], "timeout_seconds"),
    ] {
        let refused = create("root", more).await;
        ended(&refused, 2, "");
        says(&refused, &[words]);
        assert!(!refused.err.contains("hunter2"), "{}", refused.err);
    }
    let kind = ["connections", "create", "odd", "--kind", "oracle", "--reviewers", "dba-team"];
    let refused = serve.run("root", &kind).await.unwrap();
    ended(&refused, 2, "");
    says(&refused, &["expected `sqlite`, `postgres`, `mysql`, `http` or `runner`"]);
    let list = serve.get("root", "/v1/connections").await.unwrap();
    assert_eq!(list.items().len(), 3, "nothing was made");
}

async fn a_rule_that_nobody_can_meet_is_warned_of(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let mut args = CREATE.to_vec();
    args.extend(["--reviewers", "nobody-is-in-it", "--approvals-per-group", "2"]);
    let made = serve.run("root", &args).await.unwrap();
    assert_eq!(made.code, Some(0), "{}", made.err);
    says(&made, &["warning", "nobody-is-in-it"]);
    let exec = serve.run("alice", &["exec", "shop", "SELECT 1", "--timeout", "1s"]).await.unwrap();
    ended(&exec, 11, "");
    says(&exec, &["warning", "nobody-is-in-it"]);
}

async fn a_changed_connection_cancels_what_was_approved_on_it(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let request = serve.submit("alice", "demo-db", "SELECT 1", json!({})).await.unwrap();
    assert_eq!(decide(&serve, "dana", "approve", &request, &[]).await.code, Some(0));
    let update = ["connections", "update", "demo-db", "--target", "path=other.db"];
    let updated = serve.run("root", &update).await.unwrap();
    assert_eq!(updated.code, Some(0), "{}", updated.err);
    let run = serve.run("alice", &["run", request.text("/id")]).await.unwrap();
    ended(&run, 13, "");
    says(&run, &["the connection was changed or deleted after the command was submitted"]);
}

countersign_e2e::on_every_database! {
    a_connection_is_made_changed_listed_shown_and_deleted,
    only_admins_write_and_what_cannot_be_is_refused,
    a_rule_that_nobody_can_meet_is_warned_of,
    a_changed_connection_cancels_what_was_approved_on_it,
}
