//! What a restore leaves off, on a table that moto restored: it has backups, DynamoDB Local has none.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use countersign_storage::restored::Setting;
use countersign_storage::{Store, inspect, schema};

fn moto() -> Client {
    let url = std::env::var("COUNTERSIGN_TEST_MOTO_URL")
        .expect("`COUNTERSIGN_TEST_MOTO_URL` must name a running moto server; ./tests/run starts one");
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(countersign_aws::Aws::new(countersign_aws::AwsSettings::local("", "", "")).http_client())
        .endpoint_url(url);
    Client::from_conf(config.build())
}

/// A name that no earlier run on the same server has taken.
fn fresh(name: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    format!("{name}-{}", now.as_nanos())
}

#[tokio::test]
async fn what_a_restore_leaves_off_is_found_and_switched_on() {
    let client = moto();
    let (source, target) = (fresh("source"), fresh("restored"));
    schema::create_table(&client, &source).await.unwrap();
    let original = Store::new(client.clone(), source.clone());
    original.switch_on(Setting::PointInTimeRecovery).await.unwrap();
    assert!(original.has(Setting::Stream).await.unwrap() && original.has(Setting::TimeToLive).await.unwrap());
    let restore = client.restore_table_to_point_in_time();
    let restore = restore.source_table_name(&source).target_table_name(&target);
    restore.use_latest_restorable_time(true).send().await.unwrap();

    let restored = Store::new(client.clone(), target.clone());
    inspect::check_table(&client, &target).await.unwrap();
    for setting in Setting::ALL {
        assert!(!restored.has(setting).await.unwrap(), "{}", setting.name());
    }
    for setting in Setting::ALL {
        restored.switch_on(setting).await.unwrap();
        assert!(restored.has(setting).await.unwrap(), "{}", setting.name());
    }
}

#[tokio::test]
async fn a_table_that_is_not_there_has_no_settings_and_gets_none() {
    let nowhere = Store::new(moto(), fresh("nowhere"));
    for setting in Setting::ALL {
        let (has, set) = (nowhere.has(setting).await, nowhere.switch_on(setting).await);
        assert!(has.is_err() && set.is_err(), "{}: {has:?} {set:?}", setting.name());
    }
}
