//! Checkpoints are copied to a bucket in which they are locked, on moto.

use countersign_app::aws::{Aws, AwsSettings};
use countersign_app::{App, Config};
use countersign_audit::{Checkpoint, SigningKey};
use countersign_seal::Seal;

use crate::support::database::Database;
use crate::support::story::{Wish, create};

const LOCK: &str = "<ObjectLockConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
    <ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>1</Days>\
    </DefaultRetention></Rule></ObjectLockConfiguration>";

/// moto gives nothing to nobody, and looks at no signature.
const SOMEBODY: &str = "AWS4-HMAC-SHA256 Credential=local/20261125/eu-central-1/s3/aws4_request, SignedHeaders=host, Signature=00";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_checkpoint_is_copied_once_and_locked() {
    let moto = std::env::var("COUNTERSIGN_TEST_MOTO_URL").expect("./tests/run starts moto and sets its URL");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let database = Database::embedded().await;
    let bucket = format!("checkpoints-{}", database.table);
    let url = format!("{moto}/{bucket}");
    let made = client.put(&url).header("x-amz-bucket-object-lock-enabled", "true").send().await.unwrap();
    assert!(made.status().is_success(), "{made:?}");
    let locked = client.put(format!("{url}?object-lock")).body(LOCK).send().await.unwrap();
    assert!(locked.status().is_success(), "{locked:?}");

    let config = Config::read(&|name| match name {
        "COUNTERSIGN_TABLE" => Some(database.table.clone()),
        "COUNTERSIGN_AUDIT_BUCKET" => Some(bucket.clone()),
        _ => None,
    });
    let mut settings = AwsSettings::local(&database.url, &database.url, &database.url);
    settings.s3_url = Some(moto.clone());
    let aws = Aws::new(settings);
    let app = App::on(config.unwrap(), database.store.clone());
    let now = app.now();
    let key = SigningKey::parse(&"02".repeat(32)).unwrap();
    let seal = Seal::new(app, key).run_every(std::time::Duration::from_millis(1)).with_copies_by(&aws);
    for number in [1, 2] {
        let user = crate::sealing::user(&crate::support::story::person(number, &[]));
        database
            .store
            .put_user(None, &user, countersign_storage::people::Access::Changed, None)
            .await
            .unwrap();
        create(&database.store, &Wish { at: now, ..Wish::new(number) }).await;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        seal.run().await.unwrap();
    }
    assert_eq!(seal.run().await.unwrap().checkpoints, 0);
    let head = database.store.log_head().await.unwrap().unwrap();
    assert!(head.number >= 2, "{head:?}");
    assert_eq!(database.store.log_copied().await.unwrap(), head.number);
    for number in 1..=head.number {
        let stored = database.store.log_checkpoint(number).await.unwrap().unwrap();
        let copy =
            client.get(format!("{url}/checkpoints/{number:012}.json")).header("authorization", SOMEBODY);
        let copy = copy.send().await.unwrap();
        assert_eq!(copy.headers()["x-amz-object-lock-mode"], "COMPLIANCE");
        let copy: Checkpoint = serde_json::from_slice(&copy.bytes().await.unwrap()).unwrap();
        assert_eq!(copy, stored);
    }
    // A bucket that is not there is an error, and says which.
    let gone = aws.put_object("nowhere-at-all", "x", b"{}").await.unwrap_err().to_string();
    assert!(gone.contains("`nowhere-at-all`") && gone.contains("NoSuchBucket"), "{gone}");
    database.close().await;
}
