//! The standing bound on changed rows of a connection.

use countersign_e2e::{Answer, Database, Serve};
use serde_json::{Value, json};

async fn connect(serve: &Serve, name: &str, settings: Value) -> Answer {
    let mut connection =
        json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "reviewers": ["dba-team"] });
    connection.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    serve.connect(name, connection).await.unwrap()
}

fn customers(serve: &Serve) -> u32 {
    let database = rusqlite::Connection::open(serve.target()).unwrap();
    database.query_row("SELECT count(*) FROM customers", [], |row| row.get(0)).unwrap()
}

async fn a_standing_bound_holds_with_votes_and_without(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let made = connect(&serve, "bounded", json!({ "max_rows": 5 })).await;
    assert_eq!(made.json["max_rows"], 5);
    // Conditions that no analysis sees through are bounded all the same.
    let many = serve.submit("alice", "bounded", "DELETE FROM customers WHERE length(name) > 0", json!({}));
    let many = many.await.unwrap();
    assert_eq!((many.state(), &many.json["max_rows"]), ("PENDING", &json!(5)), "{many:?}");
    let path = format!("/v1/requests/{}/approve", many.text("/id"));
    let body = json!({ "digest": many.text("/digest"), "bounds": { "max_rows": 500 } });
    let approved = serve.post("dana", &path, body).await.unwrap();
    assert_eq!((approved.state(), &approved.json["bounds"]["max_rows"]), ("APPROVED", &json!(5)));
    let run = serve.act("alice", "run", &many).await.unwrap();
    assert_eq!(run.state(), "FAILED", "{run:?}");
    assert!(run.text("/execution/error").contains('5'), "{run:?}");
    assert_eq!(customers(&serve), 1000, "nothing stays");

    connect(&serve, "direct", json!({ "max_rows": 5, "approvals": false })).await;
    let direct = |command: &'static str| {
        let serve = &serve;
        async move {
            let request = serve.submit("alice", "direct", command, json!({})).await.unwrap();
            serve.act("alice", "run", &request).await.unwrap()
        }
    };
    assert_eq!(direct("DELETE FROM customers WHERE id <= 6").await.state(), "FAILED");
    assert_eq!(customers(&serve), 1000);
    assert_eq!(direct("DELETE FROM customers WHERE id <= 5").await.state(), "SUCCEEDED");
    assert_eq!(customers(&serve), 995);
    for read in ["SELECT * FROM customers", "EXPLAIN QUERY PLAN SELECT 1", "PRAGMA table_info(customers)"] {
        let run = direct(read).await;
        assert_eq!(run.state(), "SUCCEEDED", "{read}: {run:?}");
    }
}

async fn what_cannot_be_counted_is_blocked_before_anyone_is_asked(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    connect(&serve, "bounded", json!({ "max_rows": 5 })).await;
    for command in ["CREATE TABLE x (id INTEGER)", "DROP TABLE customers", "SELEKT 1", "VACUUM"] {
        let body = json!({ "connection": "bounded", "command": command });
        let refused = serve.post("alice", "/v1/requests", body).await.unwrap();
        assert_eq!((refused.status, refused.slug()), (403, "guardrail-blocked"), "{command}: {refused:?}");
        assert_eq!(refused.text("/rule"), "max_rows");
        assert!(refused.text("/detail").contains("at most 5 rows"), "{refused:?}");
    }
    let script = json!({ "connection": "bounded", "command": "DELETE FROM customers WHERE id = 1; DELETE FROM customers WHERE id = 2",
        "run_mode": "statement_by_statement" });
    let refused = serve.post("alice", "/v1/requests", script).await.unwrap();
    assert_eq!(
        (refused.status, refused.text("/rule")),
        (403, "max_rows"),
        "committed rows stay: {refused:?}"
    );
    assert_eq!(customers(&serve), 1000);
}

async fn a_bound_that_changes_cancels_what_was_approved_under_another(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    connect(&serve, "later", json!({})).await;
    let submit = || serve.submit("alice", "later", "DELETE FROM customers WHERE id = 7", json!({}));
    let (first, second) = (submit().await.unwrap(), submit().await.unwrap());
    for request in [&first, &second] {
        assert_eq!(serve.approve("dana", request).await.unwrap().state(), "APPROVED");
    }
    let put = |rows: Value| {
        let serve = &serve;
        async move {
            let tag = serve.get("root", "/v1/connections/later").await.unwrap().header("etag").to_owned();
            let body = json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "reviewers": ["dba-team"], "max_rows": rows });
            let headers = [("if-match", tag.as_str())];
            serve.call_with("root", "PUT", "/v1/connections/later", Some(body), &headers).await.unwrap()
        }
    };
    assert_eq!(put(json!(1)).await.status, 200);
    let run = serve.act("alice", "run", &first).await.unwrap();
    assert_eq!((run.state(), run.text("/cause")), ("CANCELLED", "connection-changed"), "{run:?}");
    // What the approval covers is there again.
    assert_eq!(put(Value::Null).await.status, 200);
    assert_eq!(serve.act("alice", "run", &second).await.unwrap().state(), "SUCCEEDED");
    assert_eq!(customers(&serve), 999);
}

async fn a_bound_is_for_databases_and_above_zero(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let runner = json!({ "kind": "runner", "target": { "program": ["bash", "-s"] }, "reviewers": ["dba-team"], "max_rows": 5 });
    let sqlite = json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "reviewers": ["dba-team"], "max_rows": 0 });
    for body in [runner, sqlite] {
        let refused = serve.call("root", "PUT", "/v1/connections/odd", Some(body)).await.unwrap();
        assert_eq!((refused.status, refused.text("/errors/0/pointer")), (422, "/max_rows"), "{refused:?}");
    }
    let update = |rows: &'static str| {
        let serve = &serve;
        async move { serve.run("root", &["connections", "update", "demo-db", "--max-rows", rows]).await }
    };
    assert_eq!(update("50").await.unwrap().code, Some(0));
    let shown = serve.run("alice", &["connections", "show", "demo-db"]).await.unwrap();
    assert!(shown.out.contains("50 rows changed by a request"), "{}", shown.out);
    assert_eq!(serve.get("alice", "/v1/connections/demo-db").await.unwrap().json["max_rows"], 50);
    assert_eq!(update("off").await.unwrap().code, Some(0));
    assert_eq!(serve.get("alice", "/v1/connections/demo-db").await.unwrap().json["max_rows"], Value::Null);
    assert_eq!(update("0").await.unwrap().code, Some(2));
}

countersign_e2e::on_every_database! {
    a_standing_bound_holds_with_votes_and_without,
    what_cannot_be_counted_is_blocked_before_anyone_is_asked,
    a_bound_that_changes_cancels_what_was_approved_under_another,
    a_bound_is_for_databases_and_above_zero,
}
