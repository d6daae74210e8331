//! What is asked of a target besides to run a command, on real servers: whether a connection works.
#![cfg(all(feature = "postgres-tests", feature = "mariadb-tests"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use countersign_e2e::mariadb::Mariadb;
use countersign_e2e::postgres::Postgres;
use countersign_e2e::{Database, Ended, Serve};
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
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // It takes connections, and says nothing for ever.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (wrong, nowhere) = (url.replace(SECRET, "hunter2-but-wrong"), format!("{url}_nowhere"));
    let away = postgres.url_at(free.port()).unwrap();
    let silent = postgres.url_at(mute.local_addr().unwrap().port()).unwrap();
    let settings = [
        ("PG_HOST", "postgres://a:hunter2@no-such-host.invalid/c?sslmode=disable".to_owned()),
        ("PG_AWAY", away),
        ("PG_WRONG", wrong),
        ("PG_NOWHERE", nowhere),
        ("PG_TLS", format!("{url}?sslmode=require")),
        ("PG_ODD", "mysql://a:hunter2@b/c".to_owned()),
        ("PG_SILENT", silent),
        ("MY_AWAY", mariadb.url_at(&free.to_string())),
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

countersign_e2e::on_every_database! {
    a_connection_that_works_says_who_one_is_there,
    a_connection_that_does_not_work_says_what_to_look_at,
}
