//! Guardrails, rules that ease, masking and bounded approvals, as users meet them.

use countersign_e2e::{Database, Serve};
use serde_json::{Value, json};

/// A connection on the demo's database, of which dba-team is asked, with these settings beside.
async fn connect(serve: &Serve, name: &str, settings: Value) {
    let mut connection =
        json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "reviewers": ["dba-team"] });
    connection.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    serve.connect(name, connection).await.unwrap();
}

fn customers(serve: &Serve, condition: &str) -> u32 {
    let database = rusqlite::Connection::open(serve.target()).unwrap();
    let count = format!("SELECT count(*) FROM customers WHERE {condition}");
    database.query_row(&count, [], |row| row.get(0)).unwrap()
}

async fn dropping_is_blocked_outright_and_deleting_needs_approval(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    connect(&serve, "guarded", json!({ "guardrails": ["no-drop"] })).await;
    let body = json!({ "connection": "guarded", "command": "DROP /* x */ TABLE customers" });
    let blocked = serve.post("alice", "/v1/requests", body.clone()).await.unwrap();
    assert_eq!((blocked.status, blocked.slug()), (403, "guardrail-blocked"), "{blocked:?}");
    assert_eq!(blocked.text("/rule"), "no-drop");
    let id = blocked.text("/request_id").to_owned();
    let seen = serve.get("alice", &format!("/v1/requests/{id}")).await.unwrap();
    assert_eq!((seen.state(), seen.text("/blocked/rule")), ("BLOCKED", "no-drop"));
    let events = serve.get("audra", &format!("/v1/requests/{id}/events")).await.unwrap();
    assert_eq!(events.text("/items/1/type"), "request.blocked");
    // The same key gives the same refusal.
    let key = [("idempotency-key", "drop-it")];
    let first = serve.call_with("alice", "POST", "/v1/requests", Some(body.clone()), &key).await.unwrap();
    let again = serve.call_with("alice", "POST", "/v1/requests", Some(body), &key).await.unwrap();
    assert_eq!((first.status, first.text("/request_id")), (403, again.text("/request_id")));
    let delete = serve.submit("alice", "guarded", "DELETE FROM customers WHERE id = 7", json!({})).await;
    let delete = delete.unwrap();
    assert_eq!(delete.state(), "PENDING");
    assert_eq!((delete.text("/risk/statements/0"), delete.text("/risk/tables/0")), ("DELETE", "customers"));
    let not_understood = json!({ "connection": "guarded", "command": "DRÖP TABLE customers" });
    assert_eq!(
        serve.post("alice", "/v1/requests", not_understood).await.unwrap().slug(),
        "guardrail-blocked"
    );
    assert_eq!(customers(&serve, "1"), 1000);
}

async fn a_guardrail_that_came_after_the_approval_stops_the_run(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    connect(&serve, "later", json!({})).await;
    let request = serve.submit("alice", "later", "DELETE FROM customers", json!({})).await.unwrap();
    assert_eq!(serve.approve("dana", &request).await.unwrap().state(), "APPROVED");
    let tag = serve.get("root", "/v1/connections/later").await.unwrap().header("etag").to_owned();
    let changed = json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "reviewers": ["dba-team"],
        "guardrails": ["no-unbounded-write"] });
    let headers = [("if-match", tag.as_str())];
    let put = serve.call_with("root", "PUT", "/v1/connections/later", Some(changed), &headers).await.unwrap();
    assert_eq!(put.status, 200, "{put:?}");
    let run = serve.act("alice", "run", &request).await.unwrap();
    assert_eq!((run.state(), run.text("/cause")), ("CANCELLED", "connection-changed"), "{run:?}");
    assert_eq!(customers(&serve, "1"), 1000);
}

async fn provable_reads_need_nobody_and_everything_else_does(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    connect(&serve, "easy", json!({ "auto_approve": "reads" })).await;
    let read = serve.submit("alice", "easy", "SELECT count(*) FROM customers", json!({})).await.unwrap();
    assert_eq!((read.state(), read.text("/auto_approval/cause")), ("APPROVED", "rule"), "{read:?}");
    assert_eq!(read.text("/auto_approval/rule"), "reads");
    let run = serve.act("alice", "run", &read).await.unwrap();
    assert_eq!((run.status, run.state()), (200, "SUCCEEDED"), "{run:?}");
    for command in ["DELETE FROM customers", "SELEKT 1", "SELECT 1; DELETE FROM customers"] {
        let held = serve.submit("alice", "easy", command, json!({})).await.unwrap();
        assert_eq!(held.state(), "PENDING", "{command}");
    }
    let postgres =
        json!({ "kind": "postgres", "secret": "env:PG", "reviewers": ["dba-team"], "auto_approve": "reads" });
    let refused = serve.call("root", "PUT", "/v1/connections/pg", Some(postgres)).await.unwrap();
    assert_eq!((refused.status, refused.text("/errors/0/pointer")), (422, "/read_secret"), "{refused:?}");
}

async fn output_is_masked_before_anybody_sees_it(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let everything =
        "SELECT id, name, email AS contact, phone, card, ssn, iban FROM customers WHERE id <= 20";
    let request = serve.submit("alice", "demo-open", everything, json!({})).await.unwrap();
    let run = serve.act("alice", "run", &request).await.unwrap();
    assert_eq!(run.state(), "SUCCEEDED", "{run:?}");
    assert!(run.json["execution"]["masked"]["EMAIL_ADDRESS"].as_u64().unwrap() >= 20, "{run:?}");
    let shown = serve.run("alice", &["exec", "demo-open", everything]).await.unwrap();
    let database = rusqlite::Connection::open(serve.target()).unwrap();
    let mut statement =
        database.prepare("SELECT email, phone, card, ssn, iban FROM customers WHERE id <= 20").unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        for index in 0..5 {
            let value: String = row.get(index).unwrap();
            assert!(!shown.out.contains(&value), "{value} is shown");
        }
    }
    assert!(shown.out.contains("<EMAIL_ADDRESS>"), "{}", shown.out);
}

async fn an_error_of_the_database_is_masked_too(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let command = "SELECT json_extract('alice.smith@example.com', '$[alice.smith@example.com')";
    let request = serve.submit("alice", "demo-open", command, json!({})).await.unwrap();
    let run = serve.act("alice", "run", &request).await.unwrap();
    assert_eq!(run.state(), "FAILED", "{run:?}");
    assert!(!run.text("/execution/error").contains("alice.smith@example.com"), "{run:?}");
}

async fn an_approval_may_be_bounded_in_rows_and_in_time(database: Database) {
    let serve = Serve::start(database, &[]).await.unwrap();
    let approve = |request: &countersign_e2e::Answer, bounds: Value| {
        let path = format!("/v1/requests/{}/approve", request.text("/id"));
        (path, json!({ "digest": request.text("/digest"), "bounds": bounds }))
    };
    let many =
        serve.submit("alice", "demo-db", "DELETE FROM customers WHERE id <= 60", json!({})).await.unwrap();
    let (path, body) = approve(&many, json!({ "max_rows": 50 }));
    let approved = serve.post("dana", &path, body.clone()).await.unwrap();
    assert_eq!((approved.status, approved.state()), (200, "APPROVED"), "{approved:?}");
    assert_eq!(approved.json["groups"][0]["decisions"][0]["bounds"]["max_rows"], 50);
    assert_eq!(serve.post("dana", &path, body).await.unwrap().status, 200, "the identical vote");
    let run = serve.act("alice", "run", &many).await.unwrap();
    assert_eq!(run.state(), "FAILED", "{run:?}");
    assert!(run.text("/execution/error").contains("50"), "{run:?}");
    assert_eq!(customers(&serve, "1"), 1000, "nothing stays");

    let few =
        serve.submit("alice", "demo-dual", "DELETE FROM customers WHERE id <= 5", json!({})).await.unwrap();
    let (path, body) = approve(&few, json!({ "max_rows": 50 }));
    assert_eq!(serve.post("dana", &path, body).await.unwrap().state(), "PENDING");
    let (path, other) = approve(&few, json!({ "max_rows": 51 }));
    assert_eq!(serve.post("dana", &path, other).await.unwrap().status, 409, "other bounds");
    let (path, past) = approve(&few, json!({ "not_after": "2020-01-01T00:00:00Z" }));
    assert_eq!(serve.post("sam", &path, past).await.unwrap().status, 422);
    assert_eq!(serve.approve("sam", &few).await.unwrap().state(), "APPROVED");
    assert_eq!(serve.act("alice", "run", &few).await.unwrap().state(), "SUCCEEDED");
    assert_eq!(customers(&serve, "1"), 995);

    let definition =
        serve.submit("alice", "demo-db", "CREATE TABLE x (id INTEGER)", json!({})).await.unwrap();
    let (path, body) = approve(&definition, json!({ "max_rows": 1 }));
    let refused = serve.post("dana", &path, body).await.unwrap();
    assert_eq!((refused.status, refused.text("/errors/0/pointer")), (422, "/bounds/max_rows"), "{refused:?}");
}

countersign_e2e::on_every_database! {
    dropping_is_blocked_outright_and_deleting_needs_approval,
    a_guardrail_that_came_after_the_approval_stops_the_run,
    provable_reads_need_nobody_and_everything_else_does,
    output_is_masked_before_anybody_sees_it,
    an_error_of_the_database_is_masked_too,
    an_approval_may_be_bounded_in_rows_and_in_time,
}
