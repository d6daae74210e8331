//! A PostgreSQL connection, from `connections create` to the output, on a real server.

use countersign_e2e::port::ClosedPort;
use countersign_e2e::postgres::Postgres;
use countersign_e2e::{Database, Ended, Serve};
use serde_json::json;

const CREATE: [&str; 9] = [
    "connections",
    "create",
    "prod-db",
    "--kind",
    "postgres",
    "--secret",
    "env:PROD_DB_URL",
    "--reviewers",
    "dba-team,security-team",
];

/// A service whose `PROD_DB_URL` is that URL, with the connection `prod-db`.
async fn serve(database: Database, url: &str, more: &[&str]) -> Serve {
    let settings = [("PROD_DB_URL", url), ("COUNTERSIGN_LEASE_MARGIN_SEC", "1")];
    let serve = Serve::start_at_a_fixed_address(database, &settings).await.unwrap();
    let args: Vec<&str> = CREATE.iter().chain(more).copied().collect();
    let made = serve.run("root", &args).await.unwrap();
    assert_eq!(made.code, Some(0), "{}", made.err);
    serve
}

/// Runs a command with the approvals of dana and sam.
async fn exec(serve: &Serve, command: &str, format: &str) -> Ended {
    let exec = serve.begin("alice", &["exec", "prod-db", command, "-o", format]).unwrap();
    let request = serve.find(command).await.unwrap();
    assert_eq!(serve.approve("dana", &request).await.unwrap().state(), "PENDING", "two groups");
    assert_eq!(serve.approve("sam", &request).await.unwrap().state(), "APPROVED");
    exec.end().await.unwrap()
}

/// Asserts that nothing which anybody can see contains the secret.
async fn is_kept(serve: &Serve, secret: &str, seen: &[&Ended]) {
    for ended in seen {
        assert!(!ended.err.contains(secret) && !ended.out.contains(secret), "{ended:?}");
    }
    assert!(!serve.log().contains(secret), "{}", serve.log());
    for request in serve.get("audra", "/v1/requests").await.unwrap().items() {
        let id = request["id"].as_str().unwrap();
        for path in [format!("/v1/requests/{id}"), format!("/v1/requests/{id}/events")] {
            let answer = serve.get("audra", &path).await.unwrap();
            assert!(answer.status == 200 && !answer.json.to_string().contains(secret), "{answer:?}");
        }
    }
}

async fn two_approvals_and_null_is_not_the_empty_text(database: Database) {
    let place = Postgres::make("rows", database).await.unwrap();
    let serve = serve(database, &place.url().unwrap(), &[]).await;
    let shown = serve.run("root", &["connections", "show", "prod-db"]).await.unwrap();
    assert!(shown.out.contains("env:PROD_DB_URL"), "{}", shown.out);
    let others = serve.run("alice", &["connections", "show", "prod-db", "-o", "json"]).await.unwrap();
    assert_eq!((&others.json().unwrap()["secret"], others.code), (&json!(null), Some(0)));

    let rows = exec(&serve, "SELECT id, name FROM t ORDER BY id", "csv").await;
    assert_eq!(rows.code, Some(0), "{}", rows.err);
    assert_eq!(rows.out, "id,name\r\n1,Ada\r\n2,\"\"\r\n3,\r\n4,Zoë 東京\r\n");
    let rows = exec(&serve, "SELECT name FROM t WHERE id IN (2, 3) ORDER BY id", "json").await;
    assert_eq!(rows.json().unwrap()[0]["rows"], json!([{ "name": "" }, { "name": null }]));
    let rows = exec(&serve, "SELECT name FROM t WHERE id IN (2, 3) ORDER BY id DESC", "table").await;
    assert_eq!(rows.out, " name\n──────\n ∅\n\n(2 rows)\n");
    let rows = exec(&serve, "DELETE FROM t WHERE id > 2 RETURNING id", "csv").await;
    assert_eq!((rows.code, rows.out.as_str()), (Some(0), "id\r\n3\r\n4\r\n"), "{}", rows.err);
    assert_eq!(place.number("SELECT count(*) FROM t").await.unwrap(), 2);
    is_kept(&serve, &place.password(), &[&shown, &rows]).await;
}

async fn a_rejection_leaves_the_database_alone(database: Database) {
    let place = Postgres::make("rejected", database).await.unwrap();
    let serve = serve(database, &place.url().unwrap(), &[]).await;
    let exec = serve.begin("alice", &["exec", "prod-db", "DROP TABLE t"]).unwrap();
    let request = serve.find("DROP TABLE t").await.unwrap();
    assert_eq!(serve.approve("dana", &request).await.unwrap().state(), "PENDING");
    assert_eq!(serve.reject("rita", &request, "not that one").await.unwrap().state(), "REJECTED");
    let exec = exec.end().await.unwrap();
    assert_eq!((exec.code, exec.out.as_str()), (Some(10), ""), "{}", exec.err);
    assert!(exec.err.contains("rita@example.com") && exec.err.contains("not that one"), "{}", exec.err);
    assert_eq!(place.number("SELECT count(*) FROM t").await.unwrap(), 4);
}

async fn a_failing_statement_undoes_the_whole_command(database: Database) {
    let place = Postgres::make("failing", database).await.unwrap();
    let serve = serve(database, &place.url().unwrap(), &[]).await;
    for (command, words) in [
        ("DELETE FROM t; INSERT INTO t VALUES (9, 'x'), (9, 'y')", "duplicate key"),
        ("DELETE FROM t; SELECT * FROM nowhere", "relation \"nowhere\" does not exist"),
        ("DELETE FROM t; SELEC 1", "syntax error"),
        ("DELETE FROM t; COMMIT; SELECT 1", "COMMIT"),
    ] {
        let failed = exec(&serve, command, "table").await;
        assert_eq!(failed.code, Some(1), "{command}: {}", failed.err);
        assert!(failed.err.contains("✘ Failed") && failed.err.contains(words), "{command}: {}", failed.err);
        assert_eq!(place.number("SELECT count(*) FROM t").await.unwrap(), 4, "{command}");
    }
    let all = exec(&serve, "DELETE FROM t WHERE id = 1; UPDATE t SET name = 'x'", "table").await;
    assert_eq!((all.code, all.out.as_str()), (Some(0), "DELETE 1\nUPDATE 3\n"), "{}", all.err);
    assert_eq!(place.number("SELECT count(*) FROM t WHERE name = 'x'").await.unwrap(), 3);
    // A statement on its own is in no transaction of ours.
    let vacuum = exec(&serve, "VACUUM t", "table").await;
    assert_eq!((vacuum.code, vacuum.out.as_str()), (Some(0), "VACUUM\n"), "{}", vacuum.err);
}

async fn a_statement_that_takes_too_long_is_stopped(database: Database) {
    let place = Postgres::make("slow", database).await.unwrap();
    let serve = serve(database, &place.url().unwrap(), &["--statement-timeout", "1s"]).await;
    let slow = exec(&serve, "DELETE FROM t; SELECT pg_sleep(600)", "table").await;
    assert_eq!(slow.code, Some(1), "{}", slow.err);
    let words = "timed out after 1000 ms: the statement was cancelled and rolled back";
    assert!(slow.err.contains(words), "{}", slow.err);
    assert_eq!(place.number("SELECT count(*) FROM t").await.unwrap(), 4);
    place.until(&Postgres::sessions("*"), 0).await.unwrap();
}

async fn a_long_output_comes_whole(database: Database) {
    let place = Postgres::make("long", database).await.unwrap();
    let serve = serve(database, &place.url().unwrap(), &[]).await;
    let command = "SELECT i, repeat(md5(i::text), 8) AS text FROM generate_series(1, 9000) i";
    let long = exec(&serve, command, "csv").await;
    assert_eq!(long.code, Some(0), "{}", long.err);
    let rows: Vec<&str> = long.out.lines().collect();
    assert_eq!(rows.len(), 9001);
    for (i, row) in rows.iter().enumerate().skip(1) {
        assert!(row.starts_with(&format!("{i},")) && row.len() > 256, "{i}: {row}");
    }
}

async fn a_database_that_cannot_be_reached_is_a_clear_failure(database: Database) {
    let place = Postgres::make("away", database).await.unwrap();
    let secret = place.password();
    let closed = ClosedPort::take().unwrap();
    let away = serve(database, &place.url_at(closed.address().port()).unwrap(), &[]).await;
    let refused = exec(&away, "SELECT 1", "table").await;
    assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""), "{}", refused.err);
    assert!(
        refused.err.contains("not started") && refused.err.contains("onnection refused"),
        "{}",
        refused.err
    );
    let request = away.find("SELECT 1").await.unwrap();
    assert_eq!(request.state(), "FAILED");
    assert!(request.text("/execution/error").contains("not started"), "{request:?}");
    is_kept(&away, &secret, &[&refused]).await;

    let wrong = place.url().unwrap().replace(&secret, "a-wrong-secret");
    let stranger = serve(database, &wrong, &[]).await;
    let refused = exec(&stranger, "SELECT 1", "table").await;
    assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""), "{}", refused.err);
    assert!(refused.err.contains("password authentication failed"), "{}", refused.err);
    is_kept(&stranger, "a-wrong-secret", &[&refused]).await;

    let nameless = serve(database, "", &[]).await;
    let refused = exec(&nameless, "SELECT 1", "table").await;
    assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""), "{}", refused.err);
    assert!(refused.err.contains("`env:PROD_DB_URL` is empty"), "{}", refused.err);
}

async fn a_service_that_is_killed_leaves_one_unknown_outcome(database: Database) {
    let place = Postgres::make("killed", database).await.unwrap();
    let mut serve = serve(database, &place.url().unwrap(), &["--statement-timeout", "6s"]).await;
    let command = "DELETE FROM t; SELECT pg_sleep(600)";
    let exec = serve.begin("alice", &["exec", "prod-db", command]).unwrap();
    let request = serve.find(command).await.unwrap();
    serve.approve("dana", &request).await.unwrap();
    serve.approve("sam", &request).await.unwrap();
    let at_work = Postgres::sessions("*") + " AND query LIKE '%pg_sleep%'";
    place.until(&at_work, 1).await.unwrap();
    serve.kill_and_restart().await.unwrap();
    let exec = exec.end().await.unwrap();
    assert_eq!((exec.code, exec.out.as_str()), (Some(14), ""), "{}", exec.err);
    assert!(exec.err.contains("the executor stopped answering"), "{}", exec.err);
    assert_eq!(serve.act("alice", "run", &request).await.unwrap().text("/status_now"), "UNKNOWN");
    // The server ends the session by its own time limit, and rolls back.
    place.until(&at_work, 0).await.unwrap();
    assert_eq!(place.number("SELECT count(*) FROM t").await.unwrap(), 4);
}

async fn a_session_that_breaks_leaves_the_outcome_unknown(database: Database) {
    let place = Postgres::make("broken", database).await.unwrap();
    let serve = serve(database, &place.url().unwrap(), &[]).await;
    let command = "SELECT pg_sleep(600)";
    let exec = serve.begin("alice", &["exec", "prod-db", command]).unwrap();
    let request = serve.find(command).await.unwrap();
    serve.approve("dana", &request).await.unwrap();
    serve.approve("sam", &request).await.unwrap();
    let at_work = " AND query LIKE '%pg_sleep%'";
    place.until(&(Postgres::sessions("*") + at_work), 1).await.unwrap();
    place.number(&(Postgres::sessions("pg_terminate_backend(pid)") + at_work)).await.unwrap();
    let exec = exec.end().await.unwrap();
    assert_eq!((exec.code, exec.out.as_str()), (Some(14), ""), "{}", exec.err);
    assert!(exec.err.contains("the connection to the target broke"), "{}", exec.err);
    is_kept(&serve, &place.password(), &[&exec]).await;
}

async fn notices_are_told_on_standard_error(database: Database) {
    let place = Postgres::make("notices", database).await.unwrap();
    let serve = serve(database, &place.url().unwrap(), &[]).await;
    let command = "DO $$ BEGIN RAISE NOTICE 'ask ada@example.com'; END $$";
    let ran = exec(&serve, command, "table").await;
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "DO\n"), "{}", ran.err);
    assert!(ran.err.contains("NOTICE: ask <EMAIL_ADDRESS>"), "{}", ran.err);
    let request = serve.find(command).await.unwrap();
    let json = serve
        .get("alice", &format!("/v1/requests/{}/output?format=json", request.text("/id")))
        .await
        .unwrap();
    assert_eq!(json.text("/0/notices/0/message"), "ask <EMAIL_ADDRESS>");
}

countersign_e2e::on_every_database! {
    notices_are_told_on_standard_error,
    two_approvals_and_null_is_not_the_empty_text,
    a_rejection_leaves_the_database_alone,
    a_failing_statement_undoes_the_whole_command,
    a_statement_that_takes_too_long_is_stopped,
    a_long_output_comes_whole,
    a_database_that_cannot_be_reached_is_a_clear_failure,
    a_service_that_is_killed_leaves_one_unknown_outcome,
    a_session_that_breaks_leaves_the_outcome_unknown,
}
