//! Getting in: servers, passwords, TLS, settings.

use crate::common::{ClosedPort, caps};
use crate::mariadb::place::{Place, server};

#[tokio::test]
async fn a_server_that_is_not_there_is_no_start() {
    let place = Place::new("targets_dead").await;
    let closed = ClosedPort::new();
    let ran = place.run_at(&place.url_at("127.0.0.1", closed.number()), "DELETE FROM t", caps(5000)).await;
    assert!(
        ran.not_started().contains("cannot connect") && ran.not_started().contains("refused"),
        "{}",
        ran.not_started()
    );
    let ran = place
        .run_at(&place.url().replace("/targets_dead", "/no_such_database"), "DELETE FROM t", caps(5000))
        .await;
    assert!(ran.not_started().contains("Unknown database"), "{}", ran.not_started());
}

#[tokio::test]
async fn a_wrong_password_is_no_start_and_stays_secret() {
    let place = Place::new("targets_password").await;
    let password = server().pass().unwrap().to_owned();
    let ran = place
        .run_at(
            &place.url().replace(&format!(":{password}@"), ":wrong-hunter2@"),
            "DELETE FROM t",
            caps(5000),
        )
        .await;
    assert!(ran.not_started().contains("Access denied"), "{}", ran.not_started());
    assert!(!format!("{:?}", ran.error()).contains("hunter2"));
    // Not even the server's own words may carry it.
    let ran = place.run(&format!("SELECT * FROM `{password}`")).await;
    assert!(!ran.failed().0.contains(&password), "{}", ran.failed().0);
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_not_spoken_to_in_plain_text() {
    let place = Place::new("targets_plain").await;
    let ran = place.run_at(&format!("{}?ssl-mode=required", place.url()), "DELETE FROM t", caps(5000)).await;
    assert!(ran.error().nothing_ran(), "{:?}", ran.error());
    assert_eq!(place.count().await, 4);
}

#[tokio::test]
async fn the_session_has_the_settings_that_were_promised() {
    let place = Place::new("targets_settings").await;
    let ran = place.run("SELECT @@autocommit, @@character_set_client, @@completion_type, @@wait_timeout, @@max_statement_time").await;
    assert_eq!(ran.rows(), [[Some("1"), Some("utf8mb4"), Some("NO_CHAIN"), Some("70"), Some("70.000000")]]);
}
