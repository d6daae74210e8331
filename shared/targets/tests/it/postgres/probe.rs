//! The connection test and the estimate.

use crate::common::ClosedPort;
use crate::postgres::place::{Place, password};
use countersign_targets::{
    Environment, Problem, RunError, Secret, TableRows, TargetKind, TargetSpec, TestError, Tested, estimate,
    test,
};
use serde_json::json;

async fn tested(url: &str) -> Result<Tested, TestError> {
    let spec = TargetSpec::parse(TargetKind::Postgres, &json!({})).unwrap();
    test(&spec, Some(&Secret::new(url)), &Environment::default()).await
}

#[tokio::test]
async fn a_connection_that_works_says_who_one_is_there() {
    let place = Place::new("targets_tested").await;
    let tested_as_admin = tested(&place.url(None)).await.unwrap();
    assert!(tested_as_admin.server.starts_with("PostgreSQL 1"), "{tested_as_admin:?}");
    assert_eq!(tested_as_admin.database.as_deref(), Some("targets_tested"));
    assert_eq!((tested_as_admin.may_write, tested_as_admin.encrypted), (Some(true), Some(false)));
    assert!(tested_as_admin.notes[0].contains("superuser"), "{:?}", tested_as_admin.notes);

    place
        .admin
        .batch_execute(
            "DROP ROLE IF EXISTS targets_reader; CREATE ROLE targets_reader LOGIN PASSWORD 'reader';
             GRANT USAGE ON SCHEMA targets_tested TO targets_reader; GRANT SELECT ON t TO targets_reader",
        )
        .await
        .unwrap();
    let reader = place.url(None).replace(&format!("postgres:{}@", password()), "targets_reader:reader@");
    let tested_as_reader = tested(&reader).await.unwrap();
    assert_eq!(
        (tested_as_reader.user.as_deref(), tested_as_reader.may_write),
        (Some("targets_reader"), Some(false))
    );
    place.admin.batch_execute("GRANT DELETE ON t TO targets_reader").await.unwrap();
    assert_eq!(tested(&reader).await.unwrap().may_write, Some(true));
    place.admin.batch_execute("DROP OWNED BY targets_reader; DROP ROLE targets_reader").await.unwrap();
}

#[tokio::test]
async fn a_connection_that_does_not_work_says_what_to_look_at() {
    let place = Place::new("targets_untested").await;
    let closed = ClosedPort::new();
    for (url, problem) in [
        ("mysql://a:hunter2@b/c".to_owned(), Problem::Settings),
        ("postgres://a:hunter2@no-such-host.invalid/c?sslmode=disable".to_owned(), Problem::HostNotFound),
        (place.url(Some(closed.number())), Problem::Refused),
        (place.url(None).replace(&format!(":{}@", password()), ":hunter2@"), Problem::Credentials),
        (place.url(None).replace("/targets_untested?", "/nowhere?"), Problem::NoSuchDatabase),
        (format!("{}&sslmode=require", place.url(None)), Problem::Tls),
    ] {
        let error = tested(&url).await.unwrap_err();
        assert_eq!(error.problem, problem, "{error}");
        assert!(!error.to_string().contains("hunter2") && !error.to_string().contains(&url), "{error}");
    }
}

#[tokio::test]
async fn an_estimate_counts_rows_and_changes_nothing() {
    let place = Place::new("targets_estimate").await;
    place
        .admin
        .batch_execute(
            "CREATE TABLE big AS SELECT g AS id FROM generate_series(1, 5000) g; ANALYZE big; ANALYZE t",
        )
        .await
        .unwrap();
    let ask = async |statement: &str| {
        estimate(&place.spec(), Some(&Secret::new(place.url(None))), statement, &[0, 1], None).await
    };
    let rows = |table: &str, rows| vec![TableRows { table: format!("targets_estimate.{table}"), rows }];
    assert_eq!(ask("DELETE FROM big").await.unwrap(), rows("big", 5000));
    assert_eq!(ask("SELECT * FROM big").await.unwrap(), rows("big", 5000));
    assert_eq!(
        ask("DELETE FROM t USING big WHERE t.id = big.id").await.unwrap()[0].table,
        "targets_estimate.t"
    );
    assert_eq!(
        ask("WITH x AS (DELETE FROM big RETURNING id) SELECT * FROM x").await.unwrap(),
        rows("big", 5000)
    );
    for statement in [
        "DROP TABLE t",
        "EXPLAIN ANALYZE DELETE FROM t",
        "CREATE TABLE u AS SELECT 1",
        "DO $$ BEGIN END $$",
        "DELETE FROM t; SELEC",
    ] {
        assert!(matches!(ask(statement).await, Err(RunError::NotStarted { .. })), "{statement}");
    }
    let sum = ask("DELETE FROM big; CREATE TABLE u (id int); DELETE FROM t").await.unwrap();
    assert_eq!(sum, rows("big", 5000), "the third statement is not wanted");
    let sum = ask("DELETE FROM big WHERE id > 0; DELETE FROM nowhere").await.unwrap();
    assert_eq!(sum, rows("big", 5000), "what cannot be planned yet is left out");
    let sum = ask("DELETE FROM big; UPDATE big SET id = 1").await.unwrap();
    assert_eq!(sum, rows("big", 10_000));
    assert!(ask("SELECT * FROM nowhere").await.unwrap_err().to_string().contains("does not exist"));
    assert_eq!((place.count().await, place.number("SELECT count(*) FROM big").await), (4, 5000));
}
