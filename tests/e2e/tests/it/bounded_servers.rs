//! Standing row bounds and dry runs against real servers.

use countersign_e2e::mariadb::Mariadb;
use countersign_e2e::postgres::Postgres;
use countersign_e2e::{Answer, Database, Serve};
use serde_json::{Value, json};

async fn check(serve: &Serve, connection: &str, command: &str) -> Value {
    let path = format!("/v1/connections/{connection}/check");
    let answer = serve.post("alice", &path, json!({ "command": command })).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json.clone()
}

/// Submits a command where approvals are off, and runs it.
async fn run(serve: &Serve, connection: &str, command: &str) -> Answer {
    let request = serve.submit("alice", connection, command, json!({})).await.unwrap();
    serve.act("alice", "run", &request).await.unwrap()
}

async fn blocked(serve: &Serve, connection: &str, command: &str) {
    let body = json!({ "connection": connection, "command": command });
    let refused = serve.post("alice", "/v1/requests", body).await.unwrap();
    assert_eq!((refused.status, refused.text("/rule")), (403, "max_rows"), "{command}: {refused:?}");
    assert_eq!(check(serve, connection, command).await["rule"], "max_rows", "{command}");
}

async fn postgres_holds_the_bound_and_plans_without_running(database: Database) {
    let place = Postgres::make("bounded", database).await.unwrap();
    place
        .admin(
            "CREATE TABLE big AS SELECT i AS id, 'x' AS name FROM generate_series(1, 12345) i; ANALYZE big",
        )
        .await
        .unwrap();
    place.admin(&format!("ALTER TABLE big OWNER TO {}", place.name())).await.unwrap();
    let url = place.url().unwrap();
    let settings = [("DB_URL", url.as_str()), ("PLAN_URL", url.as_str())];
    let serve = Serve::start(database, &settings).await.unwrap();
    let connection = json!({ "kind": "postgres", "secret": "env:DB_URL", "estimate_secret": "env:PLAN_URL",
        "reviewers": ["dba-team"], "approvals": false, "max_rows": 2 });
    serve.connect("bounded", connection).await.unwrap();

    let planned = check(&serve, "bounded", "DELETE FROM big").await;
    assert_eq!(planned["estimate"], "about 10,000 rows of big", "one digit: {planned}");
    assert_eq!(planned["row_bound"]["max_rows"], 2);
    let one = check(&serve, "bounded", "DELETE FROM big WHERE id = 7 AND name = 'x'").await;
    assert!(!one["estimate"].to_string().contains("12"), "{one}");
    let nowhere = check(&serve, "bounded", "DELETE FROM nowhere WHERE id = 7").await;
    assert_eq!(nowhere["estimate"], Value::Null, "the server's error is not told: {nowhere}");
    assert_eq!(place.number("SELECT count(*) FROM big").await.unwrap(), 12_345, "nothing ran");

    // Conditions that hold for every row, whether or not a guardrail sees it.
    for condition in
        ["length(name) > 0", "id BETWEEN id AND id", "name LIKE '%'", "id IN (SELECT id FROM big)"]
    {
        let ended = run(&serve, "bounded", &format!("DELETE FROM big WHERE {condition}")).await;
        assert_eq!(ended.state(), "FAILED", "{condition}: {ended:?}");
    }
    let script = "DELETE FROM t WHERE id = 1; DELETE FROM t WHERE id = 2; DELETE FROM t WHERE id = 3";
    assert_eq!(run(&serve, "bounded", script).await.state(), "FAILED", "the sum counts");
    assert_eq!(place.number("SELECT count(*) FROM t").await.unwrap(), 4, "everything is rolled back");
    assert_eq!(run(&serve, "bounded", "DELETE FROM t WHERE id <= 2").await.state(), "SUCCEEDED");
    for command in [
        "SELECT lo_unlink(oid) FROM pg_largeobject_metadata",
        "SELECT nextval('s')",
        "TRUNCATE t",
        "CREATE TABLE x (id int)",
        "WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone",
        "DO $$ BEGIN DELETE FROM t; END $$",
        "COPY t FROM STDIN",
    ] {
        blocked(&serve, "bounded", command).await;
    }
    for read in
        ["SELECT count(*) FROM big", "EXPLAIN SELECT * FROM big", "SHOW search_path", "VALUES (1)", "TABLE t"]
    {
        assert_eq!(run(&serve, "bounded", read).await.state(), "SUCCEEDED", "{read}");
    }
    assert_eq!(place.number("SELECT count(*) FROM t").await.unwrap(), 2);
}

async fn mariadb_holds_the_bound_and_plans_without_running(database: Database) {
    let place = Mariadb::make("bounded", database).await.unwrap();
    let url = place.url();
    let settings = [("DB_URL", url.as_str()), ("PLAN_URL", url.as_str())];
    let serve = Serve::start(database, &settings).await.unwrap();
    let connection = json!({ "kind": "mysql", "secret": "env:DB_URL", "estimate_secret": "env:PLAN_URL",
        "reviewers": ["dba-team"], "approvals": false, "max_rows": 2 });
    serve.connect("bounded", connection).await.unwrap();
    let planned = check(&serve, "bounded", "DELETE FROM t WHERE id > 0").await;
    assert_eq!(planned["estimate"], "fewer than 10 rows of t", "{planned}");
    assert_eq!(place.number("SELECT count(*) FROM t").await.unwrap(), 4, "nothing ran");
    assert_eq!(run(&serve, "bounded", "DELETE FROM t WHERE length(id) > 0").await.state(), "FAILED");
    assert_eq!(place.number("SELECT count(*) FROM t").await.unwrap(), 4, "everything is rolled back");
    assert_eq!(run(&serve, "bounded", "DELETE FROM t WHERE id <= 2").await.state(), "SUCCEEDED");
    for command in ["TRUNCATE t", "CREATE TABLE x (id int)", "CALL p()", "SELECT 1 END; DELETE FROM t"] {
        blocked(&serve, "bounded", command).await;
    }
    for read in ["SELECT count(*) FROM t", "EXPLAIN SELECT * FROM t", "SHOW TABLES"] {
        assert_eq!(run(&serve, "bounded", read).await.state(), "SUCCEEDED", "{read}");
    }
    assert_eq!(place.number("SELECT count(*) FROM t").await.unwrap(), 2);
}

countersign_e2e::on_every_database! {
    postgres_holds_the_bound_and_plans_without_running,
    mariadb_holds_the_bound_and_plans_without_running,
}
