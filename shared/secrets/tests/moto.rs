//! The store on the wire, against an implementation of both APIs that is not ours: moto.
//! `./tests/run` starts one and sets its URL.
#![cfg(feature = "moto-tests")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_ssm::types::ParameterType;
use countersign_secrets::AwsSecrets;
use countersign_targets::{FileSecrets, SecretRef, SecretStore};

macro_rules! client {
    ($sdk:ident) => {{
        let url = std::env::var("COUNTERSIGN_TEST_MOTO_URL")
            .expect("`COUNTERSIGN_TEST_MOTO_URL` must name a running moto server; ./tests/run starts one");
        let config = $sdk::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(url);
        $sdk::Client::from_conf(config.build())
    }};
}

fn parse(text: &str) -> SecretRef {
    SecretRef::parse(text, FileSecrets::Refused).unwrap()
}

fn store(prefix: &str) -> AwsSecrets {
    AwsSecrets::new(client!(aws_sdk_secretsmanager), client!(aws_sdk_ssm), prefix)
}

async fn put(name: &str, value: &str) -> SecretRef {
    let client = client!(aws_sdk_secretsmanager);
    let _ = client.delete_secret().secret_id(name).force_delete_without_recovery(true).send().await;
    let made = client.create_secret().name(name).secret_string(value).send().await.unwrap();
    parse(&format!("secretsmanager:{}", made.arn().unwrap()))
}

#[tokio::test]
async fn a_secret_is_fetched_by_its_arn_and_remembered() {
    let store = store("gate/");
    let reference = put("gate/remembered", "postgres://a:hunter2@db/x").await;
    assert_eq!(store.fetch(&reference).await.unwrap().expose(), "postgres://a:hunter2@db/x");
    let client = client!(aws_sdk_secretsmanager);
    client.put_secret_value().secret_id("gate/remembered").secret_string("new").send().await.unwrap();
    assert_eq!(store.fetch(&reference).await.unwrap().expose(), "postgres://a:hunter2@db/x", "for minutes");
    let forgetful = self::store("gate/").remembering_for(std::time::Duration::ZERO);
    assert_eq!(forgetful.fetch(&reference).await.unwrap().expose(), "new");
    client.put_secret_value().secret_id("gate/remembered").secret_string("newer").send().await.unwrap();
    assert_eq!(
        forgetful.fetch(&reference).await.unwrap().expose(),
        "newer",
        "what is too old is asked for again"
    );
    assert!(!format!("{store:?} {forgetful:?}").contains("hunter2"));
    assert!(!format!("{forgetful:?}").contains("newer"));
}

#[tokio::test]
async fn a_parameter_is_fetched_decrypted() {
    let client = client!(aws_sdk_ssm);
    client
        .put_parameter()
        .name("/gate/prod/db")
        .value("mysql://a:hunter2@db/x")
        .r#type(ParameterType::SecureString)
        .overwrite(true)
        .send()
        .await
        .unwrap();
    assert_eq!(
        store("gate/").fetch(&parse("ssm:/gate/prod/db")).await.unwrap().expose(),
        "mysql://a:hunter2@db/x"
    );
}

#[tokio::test]
async fn what_is_not_below_the_prefix_is_never_asked_for() {
    let reference = put("elsewhere/db", "hunter2").await;
    for (prefix, reference) in [
        ("gate/", &reference),
        ("", &reference),
        ("gate/", &parse("ssm:/other/db")),
        ("gate/", &parse("ssm:/gate/../other")),
    ] {
        let error = store(prefix).fetch(reference).await.unwrap_err().to_string();
        assert!(error.contains("must begin with"), "{error}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_without_a_value() {
    let error = store("gate/").fetch(&parse("ssm:/gate/nothing")).await.unwrap_err().to_string();
    assert!(error.contains("AWS has no such secret"), "{error}");
    let arn = "secretsmanager:arn:aws:secretsmanager:eu-central-1:123456789012:secret:gate/nothing-AbCdEf";
    let error = store("gate/").fetch(&parse(arn)).await.unwrap_err().to_string();
    assert!(error.contains("AWS has no such secret"), "{error}");
}
