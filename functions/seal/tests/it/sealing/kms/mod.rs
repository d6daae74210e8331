//! A key that stays in KMS: on a stand-in, because no emulator here knows Ed25519; moto says what it is to
//! meet a key of another kind.

mod stand_in;

use countersign_app::aws::{Aws, AwsSettings};
use countersign_audit::SigningKey;
use countersign_seal::{Seal, Signer};

use crate::sealing::{app, approved, begin, minutes, seal, verified};
use crate::support::database::Database;
use crate::support::story::morning;
use stand_in::{ALIAS, Fault, StandIn};

fn aws(kms: &str) -> Aws {
    let mut settings = AwsSettings::local(kms, kms, kms);
    settings.kms_url = Some(kms.to_owned());
    Aws::new(settings)
}

/// What `seal` gets from this reference.
async fn key_of(reference: &str, kms: &str) -> Result<Signer, String> {
    let config = countersign_app::Config::read(&|name| match name {
        "COUNTERSIGN_TABLE" => Some("t".to_owned()),
        "COUNTERSIGN_AUDIT_KEY" => Some(reference.to_owned()),
        _ => None,
    });
    let key = countersign_seal::signing_key(&config.unwrap(), &aws(kms), &|_| None).await;
    key.map_err(|error| error.to_string())
}

async fn signer(kms: &StandIn) -> Signer {
    key_of(&format!("kms:{ALIAS}"), &kms.url).await.unwrap()
}

fn calls_of(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(operation, key)| ((*operation).to_owned(), (*key).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checkpoints_that_kms_signed_verify_as_any_others() {
    let database = Database::embedded().await;
    let store = &database.store;
    begin(store).await;
    // The log began with a key in Secrets Manager.
    approved(store, 1, morning()).await;
    assert_eq!(seal(store).seal_until(minutes(1)).await.unwrap().checkpoints, 1);
    let kms = StandIn::start().await;
    let by_kms = Seal::new(app(store), signer(&kms).await);
    for number in 2..4 {
        approved(store, number, minutes(number)).await;
        assert_eq!(by_kms.seal_until(minutes(number + 1)).await.unwrap().checkpoints, 1);
    }
    let arn = StandIn::arn(0);
    let expected = [("GetPublicKey", ALIAS), ("Sign", &arn), ("Sign", &arn)];
    assert_eq!(kms.calls(), calls_of(&expected), "its public half is asked for once, by the alias");
    let public = |seed: &str| SigningKey::parse(&seed.repeat(32)).unwrap().public();
    let keys: Vec<_> = store.log_keys().await.unwrap();
    let keys: Vec<_> = keys.iter().map(|key| (key.public_key, key.since)).collect();
    assert_eq!(keys, [(public("01"), 1), (public("07"), 2)]);
    verified(store).await;
    database.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_kms_does_not_sign_is_not_written_and_is_sealed_later() {
    let database = Database::embedded().await;
    let store = &database.store;
    begin(store).await;
    approved(store, 1, morning()).await;
    let kms = StandIn::start().await;
    let seal = Seal::new(app(store), signer(&kms).await);
    for (fault, said) in [
        (Fault::Refusal("AccessDeniedException"), "must allow `kms:Sign`"),
        (Fault::Refusal("DisabledException"), "enable the key"),
        (Fault::Refusal("SomethingNewException"), "SomethingNewException"),
        (Fault::OtherSignature, "does not verify"),
    ] {
        kms.plan(fault);
        let error = seal.seal_until(minutes(1)).await.unwrap_err().to_string();
        assert!(error.starts_with("no checkpoint: ") && error.contains(said), "{error}");
        assert!(!error.contains("hush"), "KMS's own words are not repeated: {error}");
        assert!(store.log_head().await.unwrap().is_none(), "nothing is written");
    }
    let sealed = seal.seal_until(minutes(1)).await.unwrap();
    assert_eq!((sealed.checkpoints, sealed.events), (1, 4));
    verified(store).await;
    database.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_that_an_alias_leads_to_is_kept_until_it_fails() {
    let database = Database::embedded().await;
    let store = &database.store;
    begin(store).await;
    let kms = StandIn::start().await;
    let seal = Seal::new(app(store), signer(&kms).await);
    kms.put_key_behind_the_alias(8);
    approved(store, 1, morning()).await;
    seal.seal_until(minutes(1)).await.unwrap();
    kms.plan(Fault::Refusal("DisabledException"));
    approved(store, 2, minutes(2)).await;
    seal.seal_until(minutes(3)).await.unwrap_err();
    seal.seal_until(minutes(3)).await.unwrap();
    let (old, new) = (StandIn::arn(0), StandIn::arn(1));
    let expected = [
        ("GetPublicKey", ALIAS),
        ("Sign", old.as_str()),
        ("Sign", &old),
        ("GetPublicKey", ALIAS),
        ("Sign", &new),
    ];
    assert_eq!(kms.calls(), calls_of(&expected));
    assert_eq!(store.log_keys().await.unwrap().len(), 2);
    verified(store).await;
    database.close().await;
}

#[tokio::test]
async fn a_key_that_is_not_there_or_of_another_kind_is_refused_at_the_start() {
    let kms = StandIn::start().await;
    let error = key_of("kms:alias/nobody", &kms.url).await.unwrap_err();
    assert!(error.contains("`alias/nobody`") && error.contains("no such key"), "{error}");
    kms.says_the_key_is("ECC_NIST_P256");
    let error = key_of(&format!("kms:{ALIAS}"), &kms.url).await.unwrap_err();
    assert!(error.contains("`ECC_NIST_P256`") && error.contains("make another key"), "{error}");
    let error = key_of(&format!("kms:{ALIAS}"), "http://127.0.0.1:9").await.unwrap_err();
    assert!(error.contains("COUNTERSIGN_AUDIT_KEY") && error.contains("could not be reached"), "{error}");
}

/// moto knows no Ed25519; what it says of a key that it knows is AWS's form, and not our idea of it.
#[cfg(feature = "moto-tests")]
#[tokio::test]
async fn moto_gives_a_key_of_another_kind() {
    let moto = std::env::var("COUNTERSIGN_TEST_MOTO_URL").expect("./tests/run starts moto and sets its URL");
    let make = serde_json::json!({ "KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY" });
    let credential = "AWS4-HMAC-SHA256 Credential=local/20261125/eu-central-1/kms/aws4_request, SignedHeaders=host, Signature=00";
    let made = reqwest::Client::builder().no_proxy().build().unwrap().post(&moto);
    let made = made.header("x-amz-target", "TrentService.CreateKey").header("authorization", credential);
    let made = made.header("content-type", "application/x-amz-json-1.1").body(make.to_string());
    let made = made.send().await.unwrap().bytes().await.unwrap();
    let made: serde_json::Value = serde_json::from_slice(&made).unwrap();
    let key = made["KeyMetadata"]["Arn"].as_str().unwrap();
    let error = key_of(&format!("kms:{key}"), &moto).await.unwrap_err();
    // It leaves the spec out where AWS says it.
    assert!(error.contains(key) && error.contains("for `SIGN_VERIFY`; checkpoints need one of"), "{error}");
    let error = key_of("kms:alias/nobody", &moto).await.unwrap_err();
    assert!(error.contains("no such key"), "{error}");
}
