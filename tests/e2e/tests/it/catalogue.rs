//! The catalogue of a database, from the server to those who decide. On the embedded database alone: what is found out
//! about a request is asked for by the stream, and that of DynamoDB Local feeds nobody.

use countersign_e2e::postgres::Postgres;
use countersign_e2e::{Database, Serve};
use serde_json::json;

const SCHEMA: &str = "
    CREATE TYPE mood AS ENUM ('low', 'high');
    CREATE TABLE big (id int PRIMARY KEY, feeling mood);
    INSERT INTO big SELECT g, 'high' FROM generate_series(1, 1000) g;
    CREATE TABLE child (id int, big int REFERENCES big ON DELETE CASCADE);
    INSERT INTO child SELECT g, 1 + g % 1000 FROM generate_series(1, 50000) g;
    CREATE FUNCTION price(int) RETURNS int STABLE LANGUAGE sql AS 'SELECT $1 * 2';
    ANALYZE big; ANALYZE child;
    DROP ROLE IF EXISTS e2e_reader;
    CREATE ROLE e2e_reader LOGIN PASSWORD 'reader';
    GRANT SELECT ON big, child TO e2e_reader";

/// A service with a connection whose reads need no approval, by a role that may only read.
async fn serving(name: &str, role: &str) -> (Postgres, Serve) {
    let postgres = Postgres::make(name, Database::Embedded).await.unwrap();
    postgres.admin(&SCHEMA.replace("e2e_reader", role)).await.unwrap();
    let url = postgres.url().unwrap();
    let (_, server) = url.split_once('@').unwrap();
    let read = format!("postgres://{role}:reader@{server}");
    let serve = Serve::start(Database::Embedded, &[("PG", &url), ("READ", &read)]).await.unwrap();
    let connection = json!({
        "kind": "postgres", "secret": "env:PG", "read_secret": "env:READ", "reviewers": ["dba-team"],
        "auto_approve": "reads"
    });
    serve.connect("pg", connection).await.unwrap();
    (postgres, serve)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reviewers_see_cascades_and_the_exact_number_of_rows() {
    let (postgres, serve) = serving("catalogue", "e2e_reader_of_impact").await;
    let request = serve.submit("alice", "pg", "DELETE FROM big WHERE id <= 250", json!({})).await.unwrap();
    serve.wait_until_written(&request, "request.estimated").await.unwrap();
    let seen = serve.show("dana", &request).await.unwrap();
    let notes = seen.json["risk"]["notes"].to_string();
    assert!(notes.contains("a DELETE from `big` cascades to `child`, about 50,000 rows"), "{notes}");
    assert_eq!(
        (seen.json["exact_rows"]["rows"].as_u64(), seen.text("/exact_rows/table")),
        (Some(250), "big")
    );
    let card = serve.run("dana", &["requests", "show", request.text("/id")]).await.unwrap();
    assert!(card.out.contains("250 of big") && card.out.contains("cascades to"), "{}", card.out);
    let page = serve.get("dana", &format!("/requests/{}", request.text("/id"))).await;
    assert!(page.is_ok());

    // To the requester, an exact number would answer questions about the data.
    let own = serve.show("alice", &request).await.unwrap();
    assert_eq!(own.json.get("exact_rows"), None, "{:?}", own.json);
    let events = serve.about("alice", &request, "events").await.unwrap().json.to_string();
    assert!(!events.contains("250,") && !events.contains("\"rows\":250"), "{events}");
    let auditor = serve.show("audra", &request).await.unwrap();
    assert_eq!(auditor.json.get("exact_rows"), None, "reviewers only");
    assert_eq!(postgres.number("SELECT count(*) FROM big").await.unwrap(), 1000, "nothing was run");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_by_the_catalogue_needs_nobody_as_long_as_it_is_one() {
    let (postgres, serve) = serving("catalogue_reads", "e2e_reader_of_reads").await;
    let command = "SELECT sum(price(id)) FROM big WHERE feeling = 'high'::mood";
    let before = serve.submit("alice", "pg", command, json!({})).await.unwrap();
    assert_eq!(before.state(), "PENDING", "there is no catalogue yet");
    let refreshed = serve.run("root", &["connections", "refresh", "pg"]).await.unwrap();
    assert_eq!(refreshed.code, Some(0), "{}", refreshed.err);
    assert!(
        refreshed.out.contains("PostgreSQL ") && refreshed.out.contains("1 functions"),
        "{}",
        refreshed.out
    );

    let read = serve.submit("alice", "pg", command, json!({})).await.unwrap();
    assert_eq!((read.state(), read.text("/auto_approval/rule")), ("APPROVED", "reads"), "{read:?}");
    let run = serve.act("alice", "run", &read).await.unwrap();
    assert_eq!((run.status, run.state()), (200, "SUCCEEDED"), "{run:?}");

    // Somebody replaces the function between the submission and the claim.
    let read = serve.submit("alice", "pg", command, json!({})).await.unwrap();
    assert_eq!(read.state(), "APPROVED");
    let replace = "CREATE OR REPLACE FUNCTION price(int) RETURNS int VOLATILE LANGUAGE sql AS 'SELECT 3'";
    postgres.admin(replace).await.unwrap();
    serve.act("alice", "run", &read).await.unwrap();
    let held = serve.wait_for("alice", &read, &["PENDING"]).await.unwrap();
    assert_eq!(held.state(), "PENDING", "it needs an approval now");
    let later = serve.submit("alice", "pg", command, json!({})).await.unwrap();
    assert_eq!(later.state(), "PENDING", "the look at the claim was kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_secret_for_it_there_is_no_catalogue_and_the_request_says_so() {
    let postgres = Postgres::make("catalogue_none", Database::Embedded).await.unwrap();
    let url = postgres.url().unwrap();
    let serve = Serve::start(Database::Embedded, &[("PG", &url)]).await.unwrap();
    let connection = json!({ "kind": "postgres", "secret": "env:PG", "reviewers": ["dba-team"] });
    serve.connect("pg", connection).await.unwrap();
    let request = serve.submit("alice", "pg", "DELETE FROM t WHERE id = 1", json!({})).await.unwrap();
    let notes = request.json["risk"]["notes"].to_string();
    assert!(notes.contains("sizes, triggers and cascades are not known"), "{notes}");
    let refused = serve.run("root", &["connections", "refresh", "pg"]).await.unwrap();
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    assert!(refused.err.contains("read_secret"), "{}", refused.err);
    let refused = serve.run("alice", &["connections", "refresh", "pg"]).await.unwrap();
    assert_eq!(refused.code, Some(20), "{}", refused.err);
}
