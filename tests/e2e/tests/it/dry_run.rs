//! Dry runs: over HTTP, with the program, and what they must not do.

use countersign_e2e::{Database, Serve};
use serde_json::{Value, json};

const CHECK: &str = "/v1/connections/demo-db/check";

async fn check(serve: &Serve, who: &str, connection: &str, command: &str) -> Value {
    let path = format!("/v1/connections/{connection}/check");
    let answer = serve.post(who, &path, json!({ "command": command })).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json.clone()
}

async fn connect(serve: &Serve, name: &str, settings: Value) {
    let mut connection =
        json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "reviewers": ["dba-team"] });
    connection.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    serve.connect(name, connection).await.unwrap();
}

async fn each_outcome_names_its_cause(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    connect(&serve, "guarded", json!({ "guardrails": ["no-drop"], "auto_approve": "reads" })).await;
    let blocked = check(&serve, "alice", "guarded", "DROP TABLE customers").await;
    assert_eq!((&blocked["outcome"], &blocked["rule"]), (&json!("blocked"), &json!("no-drop")));
    assert_eq!((&blocked["satisfiable"], &blocked["groups"]), (&json!(false), &json!([])));
    let read = check(&serve, "alice", "guarded", "SELECT count(*) FROM customers").await;
    assert_eq!((&read["outcome"], &read["rule"]), (&json!("auto_approved"), &json!("reads")));
    assert_eq!((&read["auto_approval"]["cause"], &read["satisfiable"]), (&json!("rule"), &json!(true)));
    let delete = check(&serve, "alice", "guarded", "DELETE FROM customers WHERE id = 7").await;
    assert_eq!((&delete["outcome"], &delete["rule"]), (&json!("needs_approval"), &Value::Null));
    assert_eq!(delete["groups"][0]["group"], "dba-team");
    assert_eq!((&delete["groups"][0]["required"], &delete["groups"][0]["eligible"]), (&json!(1), &json!(3)));
    assert_eq!((&delete["satisfiable"], &delete["masked_columns"]), (&json!(true), &Value::Null));
    assert_eq!(delete["risk"]["statements"], json!(["DELETE"]));
    assert_eq!(delete["row_bound"], json!({ "possible": true, "why": null, "max_rows": null }));
    let create = check(&serve, "alice", "guarded", "CREATE TABLE x (id INTEGER)").await;
    assert_eq!(create["row_bound"]["possible"], false);
    let odd = check(&serve, "alice", "demo-open", "SELECT 1;\n  SELEKT 2").await;
    assert_eq!(odd["outcome"], "auto_approved", "approvals are off: {odd}");
    assert_eq!((&odd["errors"][0]["line"], &odd["errors"][0]["column"]), (&json!(2), &json!(3)), "{odd}");
    for member in [
        "outcome",
        "rule",
        "message",
        "groups",
        "satisfiable",
        "risk",
        "estimate",
        "masked_columns",
        "row_bound",
        "errors",
    ] {
        assert!(odd.get(member).is_some(), "{member}");
    }
}

async fn whether_the_people_suffice_is_found_without_the_requester(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let delete = "DELETE FROM customers WHERE id = 7";
    connect(&serve, "three", json!({ "approvals_per_group": 3, "admin_auto_approve": false })).await;
    // dana, rita and root are in dba-team.
    assert_eq!(check(&serve, "alice", "three", delete).await["satisfiable"], true);
    let dana = check(&serve, "dana", "three", delete).await;
    assert_eq!((&dana["satisfiable"], &dana["groups"][0]["eligible"]), (&json!(false), &json!(2)), "{dana}");
    assert!(dana["warnings"][0].as_str().unwrap().contains("the requester is in it"), "{dana}");
    assert_eq!(check(&serve, "root", "three", delete).await["satisfiable"], false);
    // An admin's own request counts as one of the three.
    connect(&serve, "own", json!({ "approvals_per_group": 3 })).await;
    assert_eq!(check(&serve, "root", "own", delete).await["satisfiable"], true);
    connect(&serve, "empty", json!({ "reviewers": ["nobody-yet"] })).await;
    let empty = check(&serve, "alice", "empty", delete).await;
    assert_eq!(
        (&empty["satisfiable"], &empty["groups"][0]["eligible"]),
        (&json!(false), &json!(0)),
        "{empty}"
    );
    // Two groups, two people: rita alone cannot be both.
    let dual = check(&serve, "alice", "demo-dual", delete).await;
    assert_eq!((&dual["satisfiable"], dual["groups"].as_array().unwrap().len()), (&json!(true), 2), "{dual}");
    let sam = check(&serve, "sam", "demo-dual", delete).await;
    assert_eq!(sam["satisfiable"], true, "rita for one, dana for the other: {sam}");
}

async fn it_records_nothing_and_is_limited(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let counted = || async {
        let requests = serve.get("root", "/v1/requests").await.unwrap().items().len();
        let log = serve.get("root", "/v1/audit/export?limit=200").await.unwrap();
        (requests, log.json["items"].as_array().map_or(0, Vec::len))
    };
    let before = counted().await;
    for command in ["DROP TABLE customers", "SELECT 1", "DELETE FROM customers"] {
        check(&serve, "alice", "demo-db", command).await;
    }
    assert_eq!(counted().await, before);
    let mut limited = None;
    for _ in 0..130 {
        let answer = serve.post("alice", CHECK, json!({ "command": "SELECT 1" })).await.unwrap();
        if answer.status == 429 && answer.slug() == "too-many-checks" {
            limited = Some(answer);
            break;
        }
    }
    let limited = limited.unwrap();
    assert!((1..=60).contains(&limited.header("retry-after").parse::<u32>().unwrap()), "{limited:?}");
    assert_eq!(serve.post("sam", CHECK, json!({ "command": "SELECT 1" })).await.unwrap().status, 200);
}

async fn who_may_not_submit_learns_nothing(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    connect(&serve, "hidden", json!({ "allowed_groups": ["others"], "require_reason": true })).await;
    for who in ["alice", "dana", "root", "audra"] {
        for name in ["hidden", "nowhere"] {
            let path = format!("/v1/connections/{name}/check");
            for body in [json!({ "command": "SELECT 1" }), json!({ "command": "" })] {
                let answer = serve.post(who, &path, body).await.unwrap();
                assert_eq!((answer.status, answer.slug()), (404, "not-found"), "{who} {name}: {answer:?}");
            }
        }
    }
    let long = json!({ "command": "x".repeat(102_401) });
    assert_eq!(serve.post("alice", CHECK, long).await.unwrap().status, 413);
    let odd = json!({ "command": "SELECT 1", "connection": "demo-db" });
    assert_eq!(serve.post("alice", CHECK, odd).await.unwrap().status, 400);
    connect(&serve, "reasons", json!({ "require_reason": true })).await;
    let without = check(&serve, "alice", "reasons", "DELETE FROM customers WHERE id = 1").await;
    assert!(without["warnings"][0].as_str().unwrap().contains("reason"), "{without}");
}

async fn the_program_checks_a_command_and_tests_rules(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    connect(&serve, "guarded", json!({ "guardrails": ["no-drop"] })).await;
    let blocked = serve.run("alice", &["check", "guarded", "DROP TABLE customers"]).await.unwrap();
    assert_eq!(blocked.code, Some(12), "{}", blocked.err);
    assert!(blocked.out.contains("Blocked by no-drop"), "{}", blocked.out);
    let asked =
        serve.run("alice", &["check", "guarded", "DELETE FROM customers WHERE id = 7"]).await.unwrap();
    assert_eq!(asked.code, Some(0), "{}", asked.err);
    assert!(asked.out.contains("Needs approval") && asked.out.contains("dba-team"), "{}", asked.out);
    let json = serve.run("alice", &["check", "guarded", "SELECT 1", "-o", "json"]).await.unwrap();
    let value: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(value["outcome"], "needs_approval");
    assert_eq!(serve.run("alice", &["check", "nowhere", "SELECT 1"]).await.unwrap().code, Some(20));
    assert_eq!(serve.run("alice", &["check", "guarded", " "]).await.unwrap().code, Some(2));

    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let corpus = file(
        "corpus.sql",
        "SELECT 1;\n\n-- expect: blocked by no-drop\nDROP TABLE customers;\nDELETE FROM customers;\n",
    );
    let test = |args: Vec<String>| {
        let serve = &serve;
        async move {
            let mut all = vec!["guardrails", "test", "guarded"];
            all.extend(args.iter().map(String::as_str));
            serve.run("alice", &all).await.unwrap()
        }
    };
    let passed = test(vec!["-f".into(), corpus.clone()]).await;
    assert_eq!(passed.code, Some(0), "{} {}", passed.out, passed.err);
    let lines: Vec<&str> = passed.out.lines().collect();
    assert_eq!(lines.len(), 4, "{}", passed.out);
    assert!(
        lines[2].contains('4') && lines[2].contains("no-drop") && lines[2].contains("DROP TABLE customers")
    );
    assert!(passed.err.contains("3 statements, 1 blocked"), "{}", passed.err);
    let rules = file("rules.json", r#"["no-unbounded-write"]"#);
    let other = test(vec!["-f".into(), corpus, "--rules".into(), rules]).await;
    assert_eq!(other.code, Some(1), "the DROP is not blocked as it should: {}", other.out);
    let plain = file("plain.sql", "DROP TABLE customers");
    assert_eq!(test(vec!["-f".into(), plain.clone()]).await.code, Some(12));
    let odd = file("odd.json", r#"["no-such"]"#);
    let refused = test(vec!["-f".into(), plain, "--rules".into(), odd]).await;
    assert!(refused.code == Some(2) && refused.err.contains("no preset"), "{}", refused.err);
    let unclosed = file("unclosed.sql", "SELECT 1;\nSELECT 'a");
    let refused = test(vec!["-f".into(), unclosed]).await;
    assert!(refused.code == Some(2) && refused.err.contains("line 2"), "{}", refused.err);
}

countersign_e2e::on_every_database! {
    each_outcome_names_its_cause,
    whether_the_people_suffice_is_found_without_the_requester,
    it_records_nothing_and_is_limited,
    who_may_not_submit_learns_nothing,
    the_program_checks_a_command_and_tests_rules,
}
