//! What is asked of a target besides to run a command, on real servers: whether a connection works, and
//! how many rows a command would touch.

use countersign_e2e::mariadb::Mariadb;
use countersign_e2e::port::ClosedPort;
use countersign_e2e::postgres::Postgres;
use countersign_e2e::{Answer, Database, Ended, Serve};
use serde_json::{Value, json};

/// A word that is in each secret and that nobody may see.
const SECRET: &str = "hunter2";

async fn connect(serve: &Serve, name: &str, more: Value) {
    let mut connection = json!({ "reviewers": ["dba-team"] });
    connection.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serve.connect(name, connection).await.unwrap();
}

async fn test(serve: &Serve, name: &str) -> Ended {
    let ended = serve.run("root", &["connections", "test", name, "-o", "json"]).await.unwrap();
    assert!(!ended.out.contains(SECRET) && !ended.err.contains(SECRET), "{ended:?}");
    ended
}

async fn a_connection_that_works_says_who_one_is_there(database: Database) {
    let postgres = Postgres::make("tested", database).await.unwrap();
    let mariadb = Mariadb::make("tested", database).await.unwrap();
    let url = postgres.url().unwrap();
    let admin = std::env::var("COUNTERSIGN_TEST_POSTGRES_URL").unwrap();
    let settings = [
        ("PG", url.as_str()),
        ("SUPER", admin.as_str()),
        ("MY", &mariadb.url()),
        ("KEY", "hunter2-key-of-some-length-for-the-hash"),
    ];
    let serve = Serve::start(database, &settings).await.unwrap();
    connect(
        &serve,
        "pg",
        json!({ "kind": "postgres", "secret": "env:PG", "read_secret": "env:SUPER", "masking_key": "env:KEY" }),
    )
    .await;
    connect(&serve, "my", json!({ "kind": "mysql", "secret": "env:MY" })).await;

    let tested = test(&serve, "pg").await;
    assert_eq!(tested.code, Some(0), "{}", tested.err);
    let report = tested.json().unwrap();
    assert_eq!(report["works"], true);
    let [run, read, key] = report["checks"].as_array().unwrap().as_slice() else { panic!("{report}") };
    assert!(run["server"].as_str().unwrap().starts_with("PostgreSQL "), "{run}");
    assert_eq!((&run["purpose"], &run["may_write"]), (&json!("run"), &json!(true)));
    assert_eq!(run["user"], run["database"], "each place has one name");
    let notes = read["notes"].to_string();
    assert!(notes.contains("superuser") && notes.contains("who may only read"), "{notes}");
    assert_eq!((&key["purpose"], &key["works"]), (&json!("masking_key"), &json!(true)));
    let tested = test(&serve, "my").await;
    let report = tested.json().unwrap();
    assert!(report["checks"][0]["server"].as_str().unwrap().starts_with("MariaDB "), "{report}");

    let shown = serve.run("root", &["connections", "test", "pg"]).await.unwrap();
    for words in ["✔ commands run", "PostgreSQL ", "may write", "note: the user is a superuser"] {
        assert!(shown.out.contains(words), "{words}: {}", shown.out);
    }
    let demo = test(&serve, "demo-db").await;
    assert_eq!((demo.code, &demo.json().unwrap()["works"]), (Some(0), &json!(true)), "{}", demo.err);
    for who in ["alice", "dana", "audra"] {
        let refused = serve.run(who, &["connections", "test", "pg"]).await.unwrap();
        assert_eq!((refused.code, refused.out.as_str()), (Some(20), ""), "{who}: {}", refused.err);
    }
    let log = serve.log();
    assert!(!log.contains(SECRET), "{log}");
}

async fn a_connection_that_does_not_work_says_what_to_look_at(database: Database) {
    let postgres = Postgres::make("untested", database).await.unwrap();
    let mariadb = Mariadb::make("untested", database).await.unwrap();
    let url = postgres.url().unwrap();
    let closed = ClosedPort::take().unwrap();
    // It takes connections, and says nothing for ever.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (wrong, nowhere) = (url.replace(SECRET, "hunter2-but-wrong"), format!("{url}_nowhere"));
    let away = postgres.url_at(closed.address().port()).unwrap();
    let silent = postgres.url_at(mute.local_addr().unwrap().port()).unwrap();
    let settings = [
        ("PG_HOST", "postgres://a:hunter2@no-such-host.invalid/c?sslmode=disable".to_owned()),
        ("PG_AWAY", away),
        ("PG_WRONG", wrong),
        ("PG_NOWHERE", nowhere),
        ("PG_TLS", format!("{url}?sslmode=require")),
        ("PG_ODD", "mysql://a:hunter2@b/c".to_owned()),
        ("PG_SILENT", silent),
        ("MY_AWAY", mariadb.url_at(&closed.address().to_string())),
        ("MY_WRONG", mariadb.url().replace(SECRET, "hunter2-but-wrong")),
        ("MY_NOWHERE", format!("{}_nowhere", mariadb.url())),
        ("MY_TLS", format!("{}?ssl-mode=required", mariadb.url())),
    ];
    let given: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let serve = Serve::start(database, &given).await.unwrap();
    for (variable, problem) in [
        ("PG_HOST", "host_not_found"),
        ("PG_AWAY", "refused"),
        ("PG_WRONG", "credentials"),
        ("PG_NOWHERE", "no_such_database"),
        ("PG_TLS", "tls"),
        ("PG_ODD", "settings"),
        ("PG_SILENT", "no_answer"),
        ("PG_MISSING", "secret"),
        ("MY_AWAY", "refused"),
        ("MY_WRONG", "credentials"),
        ("MY_NOWHERE", "no_such_database"),
        ("MY_TLS", "tls"),
    ] {
        let kind = if variable.starts_with("PG") { "postgres" } else { "mysql" };
        let name = variable.to_lowercase().replace('_', "-");
        let secret = format!("env:{variable}");
        connect(&serve, &name, json!({ "kind": kind, "secret": secret })).await;
        let tested = test(&serve, &name).await;
        assert_eq!(tested.code, Some(1), "{variable}: {}", tested.err);
        let check = &tested.json().unwrap()["checks"][0];
        assert_eq!((&check["works"], &check["problem"]), (&json!(false), &json!(problem)), "{check}");
        assert!(check["message"].as_str().unwrap().len() > 20, "it says what to look at: {check}");
    }
    assert!(!serve.log().contains(SECRET), "{}", serve.log());
}

/// A service with a connection to each server, whose impact may be estimated by its owner.
async fn estimating(database: Database, name: &str) -> (Postgres, Mariadb, Serve) {
    let postgres = Postgres::make(name, database).await.unwrap();
    let mariadb = Mariadb::make(name, database).await.unwrap();
    let rows = "INSERT INTO t SELECT i, 'x' FROM generate_series(5, 1204) i; ANALYZE t";
    postgres.admin(rows).await.unwrap();
    mariadb.admin("INSERT INTO t SELECT seq, 'x' FROM seq_5_to_1204").await.unwrap();
    mariadb.admin("ANALYZE TABLE t").await.unwrap();
    let settings = [("PG", postgres.url().unwrap()), ("MY", mariadb.url())];
    let given: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let serve = Serve::start(database, &given).await.unwrap();
    for (name, kind, secret) in [("pg", "postgres", "env:PG"), ("my", "mysql", "env:MY")] {
        connect(&serve, name, json!({ "kind": kind, "secret": secret, "estimate_secret": secret })).await;
    }
    (postgres, mariadb, serve)
}

async fn estimate_of(serve: &Serve, request: &Answer) -> String {
    serve.wait_until_written(request, "request.estimated").await.unwrap();
    let shown = serve.show("dana", request).await.unwrap();
    assert_eq!(shown.state(), "PENDING", "an estimate decides nothing");
    shown.text("/risk/estimate").to_owned()
}

/// On the embedded database alone: an estimate is asked for by the stream, and that of DynamoDB Local
/// feeds nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reviews_sees_how_many_rows_the_target_expects() {
    let (postgres, mariadb, serve) = estimating(Database::Embedded, "estimated").await;
    for connection in ["pg", "my"] {
        let command = "DELETE FROM t WHERE id > 0";
        let request = serve.submit("alice", connection, command, json!({})).await.unwrap();
        assert_eq!(request.json.pointer("/risk/estimate"), None, "not known yet");
        let estimate = estimate_of(&serve, &request).await;
        let number = estimate.strip_prefix("about ").unwrap().strip_suffix(" rows of t");
        let number: u64 = number.unwrap_or_else(|| panic!("{estimate}")).replace(',', "").parse().unwrap();
        // The servers guess; of a table that was just looked at they guess well.
        assert!((600..=2400).contains(&number), "{connection}: {estimate}");
        let events = serve.about("dana", &request, "events").await.unwrap();
        let said = &events.items().last().unwrap()["data"]["tables"][0];
        assert_eq!(said["rows"], number, "{said}");
        let card = serve.run("dana", &["requests", "show", request.text("/id")]).await.unwrap();
        assert!(card.out.contains(&estimate), "{}", card.out);

        // A vote on what was looked at before the estimate came is as good as before.
        assert_eq!(serve.approve("dana", &request).await.unwrap().state(), "APPROVED");
        assert_eq!(serve.show("alice", &request).await.unwrap().text("/risk/estimate"), estimate);
    }
    assert_eq!(postgres.number("SELECT count(*) FROM t").await.unwrap(), 1204, "nothing was run");
    assert_eq!(mariadb.number("SELECT count(*) FROM t").await.unwrap(), 1204, "nothing was run");
}

async fn what_cannot_be_planned_safely_is_not_asked(database: Database) {
    let (postgres, _mariadb, serve) = estimating(database, "unestimated").await;
    postgres
        .admin(
            "CREATE TABLE seen (n int);
             CREATE FUNCTION peek() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'",
        )
        .await
        .unwrap();
    for command in ["SELECT * FROM t WHERE id = peek()", "DO $$ BEGIN DELETE FROM t; END $$", "SELEC 1"] {
        let request = serve.submit("alice", "pg", command, json!({})).await.unwrap();
        let events = serve.about("audra", &request, "events").await.unwrap();
        let created = &events.items()[0]["data"];
        assert_eq!(created.get("estimate"), None, "`{command}`: {created}");
    }
    for more in [
        json!({ "kind": "sqlite", "target": { "path": "demo.db" }, "estimate_secret": "env:PG" }),
        json!({ "kind": "http", "target": { "base_url": "https://example.com" }, "estimate_secret": "env:PG" }),
    ] {
        let mut connection = json!({ "reviewers": ["dba-team"] });
        connection.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let refused = serve.call("root", "PUT", "/v1/connections/odd", Some(connection)).await.unwrap();
        assert_eq!((refused.status, refused.text("/errors/0/pointer")), (422, "/estimate_secret"));
    }
}

countersign_e2e::on_every_database! {
    what_cannot_be_planned_safely_is_not_asked,
    a_connection_that_works_says_who_one_is_there,
    a_connection_that_does_not_work_says_what_to_look_at,
}
