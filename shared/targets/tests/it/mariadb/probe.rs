//! The connection test and the estimate.

use crate::common::ClosedPort;
use crate::mariadb::place::{Place, server};
use countersign_targets::{
    Environment, Problem, RunError, Secret, TableRows, TargetKind, TargetSpec, TestError, Tested, estimate,
    test,
};
use serde_json::json;

fn spec() -> TargetSpec {
    TargetSpec::parse(TargetKind::Mysql, &json!({})).unwrap()
}

async fn tested(url: &str) -> Result<Tested, TestError> {
    test(&spec(), Some(&Secret::new(url)), &Environment::default()).await
}

#[tokio::test]
async fn a_connection_that_works_says_who_one_is_there() {
    let place = Place::new("targets_tested").await;
    let as_admin = tested(&place.url()).await.unwrap();
    assert!(as_admin.server.starts_with("MariaDB 1"), "{as_admin:?}");
    assert_eq!((as_admin.database.as_deref(), as_admin.may_write), (Some("targets_tested"), Some(true)));
    place.admin("CREATE OR REPLACE USER targets_reader@'%' IDENTIFIED BY 'reader'").await;
    place.admin("GRANT SELECT ON targets_tested.* TO targets_reader@'%'").await;
    let server = server();
    let reader = format!("mysql://targets_reader:reader@127.0.0.1:{}/targets_tested", server.tcp_port());
    let as_reader = tested(&reader).await.unwrap();
    assert_eq!((as_reader.user.as_deref(), as_reader.may_write), (Some("targets_reader@%"), Some(false)));
    place.admin("DROP USER targets_reader@'%'").await;
}

#[tokio::test]
async fn a_connection_that_does_not_work_says_what_to_look_at() {
    let place = Place::new("targets_untested").await;
    let closed = ClosedPort::new();
    let password = server().pass().unwrap().to_owned();
    for (url, problem) in [
        ("postgres://a:hunter2@b/c".to_owned(), Problem::Settings),
        ("mysql://a:hunter2@no-such-host.invalid/c?ssl-mode=disabled".to_owned(), Problem::HostNotFound),
        (place.url_at("127.0.0.1", closed.number()), Problem::Refused),
        (place.url().replace(&format!(":{password}@"), ":hunter2@"), Problem::Credentials),
        (place.url().replace("/targets_untested", "/nowhere"), Problem::NoSuchDatabase),
        (format!("{}?ssl-mode=required", place.url()), Problem::Tls),
    ] {
        let error = tested(&url).await.unwrap_err();
        assert_eq!(error.problem, problem, "{error}");
        assert!(!error.to_string().contains("hunter2") && !error.to_string().contains(&url), "{error}");
    }
}

#[tokio::test]
async fn an_estimate_counts_rows_and_changes_nothing() {
    let place = Place::new("targets_estimate").await;
    let ask = async |statement: &str| {
        estimate(&spec(), Some(&Secret::new(place.url())), statement, &[0, 1], None).await
    };
    assert_eq!(ask("SELECT * FROM t").await.unwrap(), [TableRows { table: "t".into(), rows: 4 }]);
    assert_eq!(
        ask("DELETE FROM t WHERE name LIKE 'A%'").await.unwrap(),
        [TableRows { table: "t".into(), rows: 4 }]
    );
    for statement in ["DROP TABLE t", "ANALYZE DELETE FROM t", "EXPLAIN SELECT 1", "CALL p()"] {
        assert!(matches!(ask(statement).await, Err(RunError::NotStarted { .. })), "{statement}");
    }
    assert_eq!(place.count().await, 4);
}
