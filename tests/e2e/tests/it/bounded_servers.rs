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

/// Engines whose changes no rollback undoes, each with a table of one row.
const WITHOUT_ROLLBACK: [&str; 4] = ["MyISAM", "Aria", "MEMORY", "CSV"];

/// A MariaDB server with these tables, and connections whose rows a reviewer or the connection limits.
async fn without_rollback(database: Database, name: &str) -> (Mariadb, Serve) {
    let place = Mariadb::make(name, database).await.unwrap();
    for engine in WITHOUT_ROLLBACK {
        place.admin(&format!("CREATE TABLE of_{engine} (id int NOT NULL) ENGINE={engine}")).await.unwrap();
        place.admin(&format!("INSERT INTO of_{engine} VALUES (1), (2), (3)")).await.unwrap();
    }
    let url = place.url();
    let serve = Serve::start(database, &[("DB_URL", &url), ("READ_URL", &url)]).await.unwrap();
    let base = json!({ "kind": "mysql", "secret": "env:DB_URL", "reviewers": ["dba-team"] });
    for (name, more) in [
        ("reviewed", json!({ "read_secret": "env:READ_URL" })),
        ("standing", json!({ "read_secret": "env:READ_URL", "max_rows": 2 })),
        ("unread", json!({})),
        ("unread-standing", json!({ "max_rows": 2 })),
    ] {
        let mut connection = base.clone();
        connection.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serve.connect(name, connection).await.unwrap();
        if name == "reviewed" || name == "standing" {
            let refreshed = serve.run("root", &["connections", "refresh", name]).await.unwrap();
            assert_eq!(refreshed.code, Some(0), "{}", refreshed.err);
        }
    }
    (place, serve)
}

/// Dana's approval of at most so many rows.
async fn approve_rows(serve: &Serve, request: &Answer, rows: u64) -> Answer {
    let path = format!("/v1/requests/{}/approve", request.text("/id"));
    let vote = json!({ "digest": request.text("/digest"), "bounds": { "max_rows": rows } });
    serve.post("dana", &path, vote).await.unwrap()
}

/// A bound on a table without transactions is refused where the catalogue knows the engine, and never run where it does not.
async fn a_bound_on_a_table_without_transactions_is_refused(database: Database) {
    let (place, serve) = without_rollback(database, "no_rollback").await;
    for engine in WITHOUT_ROLLBACK {
        let left = format!("SELECT count(*) FROM of_{engine}");
        let command = match engine {
            "CSV" => format!("INSERT INTO of_{engine} VALUES (4), (5), (6)"),
            _ => format!("DELETE FROM of_{engine} WHERE id > 0"),
        };
        blocked(&serve, "standing", &command).await;
        let request = serve.submit("alice", "reviewed", &command, json!({})).await.unwrap();
        assert!(request.text("/risk/no_row_bound").contains(engine), "{request:?}");
        let refused = approve_rows(&serve, &request, 1).await;
        assert_eq!(
            (refused.status, refused.text("/errors/0/pointer")),
            (422, "/bounds/max_rows"),
            "{engine}: {refused:?}"
        );
        // Without a catalogue the engine is not known before the run; the run asks the server.
        for (connection, rows) in [("unread", Some(1)), ("unread-standing", None)] {
            let request = serve.submit("alice", connection, &command, json!({})).await.unwrap();
            let approved = match rows {
                Some(rows) => approve_rows(&serve, &request, rows).await,
                None => serve.approve("dana", &request).await.unwrap(),
            };
            assert_eq!(approved.state(), "APPROVED", "{engine}: {approved:?}");
            let ended = serve.run_to_its_end("alice", &request).await.unwrap();
            assert_eq!(ended.state(), "FAILED", "{engine}: {ended:?}");
            assert!(ended.text("/execution/error").contains("engine with transactions"), "{ended:?}");
        }
        assert_eq!(place.number(&left).await.unwrap(), 3, "{engine}");
        // Without a bound a reviewer may let it run.
        assert_eq!(serve.approve("dana", &request).await.unwrap().state(), "APPROVED");
        assert_eq!(serve.run_to_its_end("alice", &request).await.unwrap().state(), "SUCCEEDED");
        assert_ne!(place.number(&left).await.unwrap(), 3, "{engine}");
    }
}

/// The engine is looked at again when the request is claimed.
async fn a_table_that_loses_its_transactions_after_the_approval_is_not_changed(database: Database) {
    let (place, serve) = without_rollback(database, "lost_rollback").await;
    let command = "DELETE FROM t WHERE id > 1";
    let reviewed = serve.submit("alice", "reviewed", command, json!({})).await.unwrap();
    assert_eq!(approve_rows(&serve, &reviewed, 1).await.state(), "APPROVED");
    let standing = serve.submit("alice", "standing", command, json!({})).await.unwrap();
    assert_eq!(serve.approve("dana", &standing).await.unwrap().state(), "APPROVED");
    place.admin("ALTER TABLE t ENGINE=MyISAM").await.unwrap();
    for request in [reviewed, standing] {
        serve.act("alice", "run", &request).await.unwrap();
        let over = serve.wait_for("alice", &request, &["CANCELLED"]).await.unwrap();
        let events = serve.about("audra", &over, "events").await.unwrap();
        assert_eq!(events.items().last().unwrap()["data"]["rule"], "max_rows", "{events:?}");
    }
    assert_eq!(place.number("SELECT count(*) FROM t").await.unwrap(), 4);
}

/// On the embedded database alone: the catalogue is read because the stream asks for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_request_knows_the_engine_as_soon_as_the_catalogue_is_read() {
    let place = Mariadb::make("first_engine", Database::Embedded).await.unwrap();
    place.admin("CREATE TABLE old (id int NOT NULL) ENGINE=MyISAM").await.unwrap();
    let url = place.url();
    let serve = Serve::start(Database::Embedded, &[("DB_URL", &url), ("READ_URL", &url)]).await.unwrap();
    let connection = json!({ "kind": "mysql", "secret": "env:DB_URL", "read_secret": "env:READ_URL",
        "reviewers": ["dba-team"] });
    serve.connect("first", connection).await.unwrap();
    let request = serve.submit("alice", "first", "DELETE FROM old WHERE id = 1", json!({})).await.unwrap();
    serve.wait_until_written(&request, "request.estimated").await.unwrap();
    let refused = approve_rows(&serve, &request, 1).await;
    assert_eq!((refused.status, refused.text("/errors/0/pointer")), (422, "/bounds/max_rows"), "{refused:?}");
    let shown = serve.show("dana", &request).await.unwrap();
    assert!(shown.text("/risk/no_row_bound").contains("MyISAM"), "{shown:?}");
}

countersign_e2e::on_every_database! {
    postgres_holds_the_bound_and_plans_without_running,
    mariadb_holds_the_bound_and_plans_without_running,
    a_bound_on_a_table_without_transactions_is_refused,
    a_table_that_loses_its_transactions_after_the_approval_is_not_changed,
}
