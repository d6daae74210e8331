//! The store on the wire, against an implementation of both APIs that is not ours: moto.
//! `./tests/run` starts one and sets its URL.

use countersign_aws::{Aws, AwsSettings};
use countersign_secrets::AwsSecrets;
use countersign_targets::{FileSecrets, SecretRef, SecretStore};
use serde_json::{Value, json};

fn aws() -> Aws {
    let url = std::env::var("COUNTERSIGN_TEST_MOTO_URL")
        .expect("`COUNTERSIGN_TEST_MOTO_URL` must name a running moto server; ./tests/run starts one");
    let mut settings = AwsSettings::local(&url, &url, &url);
    settings.secrets_manager_url = Some(url.clone());
    settings.ssm_url = Some(url);
    Aws::new(settings)
}

fn parse(text: &str) -> SecretRef {
    SecretRef::parse(text, FileSecrets::Refused).unwrap()
}

fn store(prefix: &str) -> AwsSecrets {
    AwsSecrets::new(&aws(), prefix)
}

async fn secrets(operation: &str, input: Value) -> Result<Value, countersign_aws::CallError> {
    aws().secrets_manager().call(operation, &input).await
}

async fn put(name: &str, value: &str) -> SecretRef {
    let _ = secrets("DeleteSecret", json!({"SecretId": name, "ForceDeleteWithoutRecovery": true})).await;
    let token = format!("{:0>32}", name.len());
    let new = json!({"Name": name, "SecretString": value, "ClientRequestToken": token});
    let created = secrets("CreateSecret", new).await.unwrap();
    parse(&format!("secretsmanager:{}", created["ARN"].as_str().unwrap()))
}

async fn change(name: &str, value: &str) {
    let token = format!("{value:0>32}");
    let new = json!({"SecretId": name, "SecretString": value, "ClientRequestToken": token});
    secrets("PutSecretValue", new).await.unwrap();
}

#[tokio::test]
async fn a_secret_is_fetched_by_its_arn_and_remembered() {
    let store = store("gate/");
    let reference = put("gate/remembered", "postgres://a:hunter2@db/x").await;
    assert_eq!(store.fetch(&reference).await.unwrap().expose(), "postgres://a:hunter2@db/x");
    change("gate/remembered", "new").await;
    assert_eq!(store.fetch(&reference).await.unwrap().expose(), "postgres://a:hunter2@db/x", "for minutes");
    let forgetful = self::store("gate/").remembering_for(std::time::Duration::ZERO);
    assert_eq!(forgetful.fetch(&reference).await.unwrap().expose(), "new");
    change("gate/remembered", "newer").await;
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
    let parameter = json!({
        "Name": "/gate/prod/db", "Value": "mysql://a:hunter2@db/x", "Type": "SecureString", "Overwrite": true
    });
    let _: Value = aws().ssm().call("PutParameter", &parameter).await.unwrap();
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
