//! Getting in: servers, passwords, TLS, settings.

use crate::common::{ClosedPort, caps};
use crate::postgres::place::{Place, password, server};
use crate::postgres::proxy::{self, Trick};
use countersign_targets::{CancellationToken, Environment, Secret, TargetKind, TargetSpec, run};
use serde_json::json;
use std::sync::Arc;

#[tokio::test]
async fn a_server_that_is_not_there_is_no_start() {
    let place = Place::new("targets_dead").await;
    let closed = ClosedPort::new();
    let ran = place.run_at(&place.url(Some(closed.number())), "DELETE FROM t", caps(5000)).await;
    assert!(
        ran.not_started().contains("cannot connect") && ran.not_started().contains("refused"),
        "{}",
        ran.not_started()
    );
    let missing = place.url(None).replace("/targets_dead?", "/no_such_database?");
    let ran = place.run_at(&missing, "DELETE FROM t", caps(5000)).await;
    assert!(ran.not_started().contains("does not exist"), "{}", ran.not_started());
    let spec = place.spec();
    let without = run(
        &spec,
        None,
        "SELECT 1",
        caps(5000),
        &Environment::default(),
        &mut Vec::new(),
        CancellationToken::new(),
    )
    .await;
    assert!(without.result.unwrap_err().to_string().contains("has no secret"));
}

#[tokio::test]
async fn a_wrong_password_is_no_start_and_stays_secret() {
    let place = Place::new("targets_password").await;
    let url = place.url(None).replace(&format!(":{}@", password()), ":wrong-hunter2@");
    let ran = place.run_at(&url, "DELETE FROM t", caps(5000)).await;
    assert!(ran.not_started().contains("password authentication failed"), "{}", ran.not_started());
    assert!(!format!("{:?}", ran.error()).contains("hunter2"));
    // Not even the server's own words may carry it.
    let ran = place.run(&format!("SELECT '{}'::int", password())).await;
    assert!(!ran.failed().0.contains(&password()), "{}", ran.failed().0);
}

#[tokio::test]
async fn the_session_has_the_settings_that_were_promised() {
    let place = Place::new("targets_settings").await;
    let ran = place
        .run("SELECT current_setting('application_name'), current_setting('standard_conforming_strings'), current_setting('client_encoding'), current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout')")
        .await;
    assert_eq!(ran.rows(), [[Some("targets_settings"), Some("on"), Some("UTF8"), Some("70s"), Some("70s")]]);
}

#[tokio::test]
async fn tls_is_spoken_and_the_certificate_checked() {
    let place = Place::new("targets_tls").await;
    let authority = Authority::new();
    let port = proxy::start(server(), Trick::Tls(authority.server("localhost"))).await;
    let url = format!("{}&sslmode=require", place.url(Some(port)));
    let trusting = |pem: &str| TargetSpec::parse(TargetKind::Postgres, &json!({"ca_pem": pem})).unwrap();
    let secret = Secret::new(url);
    let query = async |spec: &TargetSpec, secret: &Secret| {
        run(
            spec,
            Some(secret),
            "SELECT 1",
            caps(10_000),
            &Environment::default(),
            &mut Vec::new(),
            CancellationToken::new(),
        )
        .await
    };
    assert_eq!(query(&trusting(&authority.pem), &secret).await.result.unwrap().rows, 1);

    let stranger = query(&trusting(&Authority::new().pem), &secret).await.result.unwrap_err();
    assert!(stranger.nothing_ran() && stranger.to_string().contains("certificate"), "{stranger}");

    let port = proxy::start(server(), Trick::Tls(authority.server("db.example.com"))).await;
    let other_name = Secret::new(format!("{}&sslmode=require", place.url(Some(port))));
    let error = query(&trusting(&authority.pem), &other_name).await.result.unwrap_err();
    assert!(error.nothing_ran() && error.to_string().contains("certificate"), "{error}");
}

/// A certificate authority for one test.
struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: rcgen::Issuer::new(params, key), pem }
    }

    fn server(&self, name: &str) -> Arc<tokio_rustls::rustls::ServerConfig> {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec![name.to_owned()])
            .unwrap()
            .signed_by(&key, &self.issuer)
            .unwrap();
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let config = tokio_rustls::rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())
            .unwrap();
        Arc::new(config)
    }
}
