//! The catalogue of an SQLite file, from the file to those who decide. On the embedded database alone: what is found out
//! about a request is asked for by the stream, and that of DynamoDB Local feeds nobody.

use countersign_e2e::{Database, Serve};
use serde_json::{Value, json};

const SCHEMA: &str = "
    CREATE TABLE visits (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers ON DELETE CASCADE);
    CREATE TABLE log (what TEXT);
    CREATE TRIGGER gone AFTER DELETE ON visits BEGIN INSERT INTO log VALUES ('gone'); END;
    INSERT INTO visits (customer) SELECT id FROM customers";

async fn serving() -> Serve {
    let serve = Serve::start(Database::Embedded, &[]).await.unwrap();
    rusqlite::Connection::open(serve.target()).unwrap().execute_batch(SCHEMA).unwrap();
    serve
}

fn count(serve: &Serve, table: &str) -> u32 {
    let database = rusqlite::Connection::open(serve.target()).unwrap();
    database.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reviewers_see_side_effects_and_the_exact_number_of_rows_and_nothing_runs_for_it() {
    let serve = serving().await;
    let command = "DELETE FROM customers WHERE id <= 250";
    let request = serve.submit("alice", "demo-db", command, json!({})).await.unwrap();
    serve.wait_until_written(&request, "request.estimated").await.unwrap();
    let seen = serve.show("dana", &request).await.unwrap();
    let notes = seen.json["risk"]["notes"].to_string();
    assert!(notes.contains("a DELETE from `customers` cascades to `visits`, about 1,000 rows"), "{notes}");
    assert!(notes.contains("fires the trigger `gone` of `visits`"), "{notes}");
    assert_eq!(
        (seen.json["exact_rows"]["rows"].as_u64(), seen.text("/exact_rows/table")),
        (Some(250), "customers")
    );
    // To the requester, an exact number would answer questions about the data.
    let own = serve.show("alice", &request).await.unwrap();
    assert_eq!(own.json.get("exact_rows"), None, "{:?}", own.json);
    let events = serve.about("alice", &request, "events").await.unwrap().json.to_string();
    assert!(!events.contains("\"rows\":250"), "{events}");
    assert_eq!((count(&serve, "customers"), count(&serve, "log")), (1000, 0), "nothing was run");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_reads_it_again_and_what_is_not_changed_has_none() {
    let serve = serving().await;
    let refreshed = serve.run("root", &["connections", "refresh", "demo-db"]).await.unwrap();
    assert_eq!(refreshed.code, Some(0), "{}", refreshed.err);
    assert!(refreshed.out.contains("SQLite 3."), "{}", refreshed.out);
    // A read has no side effects: nothing is asked for.
    let read = serve.submit("alice", "demo-db", "SELECT count(*) FROM customers", json!({})).await.unwrap();
    let events = serve.about("audra", &read, "events").await.unwrap();
    assert_eq!(events.items().first().unwrap()["data"].get("estimate"), None::<&Value>, "{events:?}");
}
