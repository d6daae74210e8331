//! The client on the wire, against an implementation of the Scheduler's API that is not ours: moto.
//! `./tests/run` starts one and sets its URL.

use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_scheduler::types::ActionAfterCompletion;
use countersign_rules::{RequestId, Timestamp};
use countersign_timer::{Timer, TimerConfig, schedule_name};

const EXPIRE: &str = "arn:aws:lambda:eu-central-1:123456789012:function:gate-expire";
const QUEUE: &str = "arn:aws:sqs:eu-central-1:123456789012:gate-dead-letters";

fn client() -> Client {
    let url = std::env::var("COUNTERSIGN_TEST_MOTO_URL")
        .expect("`COUNTERSIGN_TEST_MOTO_URL` must name a running moto server; ./tests/run starts one");
    let config = aws_sdk_scheduler::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(countersign_aws::Aws::new(countersign_aws::AwsSettings::local("", "", "")).http_client())
        .endpoint_url(url);
    Client::from_conf(config.build())
}

/// A group of that name, and timers in it.
async fn timer(group: &str) -> (Client, Timer) {
    let client = client();
    client.create_schedule_group().name(group).send().await.unwrap();
    let config = TimerConfig {
        group: group.to_owned(),
        target_arn: EXPIRE.to_owned(),
        role_arn: "arn:aws:iam::123456789012:role/gate-scheduler".to_owned(),
        dead_letter_arn: Some(QUEUE.to_owned()),
    };
    (client.clone(), Timer::new(client, config))
}

fn request(number: u128) -> RequestId {
    RequestId::from_parts(Timestamp::from_unix_millis(1_790_000_000_000), number)
}

#[tokio::test]
async fn a_timer_is_a_schedule_that_fires_once_and_then_is_gone() {
    let (client, timer) = timer("once").await;
    let at = Timestamp::parse_rfc3339("2099-11-23T04:00:00.001Z").unwrap();
    timer.wake_at(request(7), at).await.unwrap();
    let name = schedule_name(request(7), at);
    let schedule = client.get_schedule().group_name("once").name(&name).send().await.unwrap();
    assert_eq!(schedule.schedule_expression(), Some("at(2099-11-23T04:00:01)"));
    assert_eq!(schedule.schedule_expression_timezone(), Some("UTC"));
    assert_eq!(schedule.action_after_completion(), Some(&ActionAfterCompletion::Delete));
    let target = schedule.target().unwrap();
    assert_eq!(target.arn(), EXPIRE);
    let input = format!(r#"{{"deadline":{{"request_id":"{}"}}}}"#, request(7));
    assert_eq!(target.input(), Some(input.as_str()));
    assert_eq!(target.dead_letter_config().unwrap().arn(), Some(QUEUE));
    assert_eq!(target.retry_policy().unwrap().maximum_retry_attempts(), Some(10));
}

#[tokio::test]
async fn a_timer_that_is_set_twice_is_one_timer() {
    let (client, timer) = timer("twice").await;
    let at = Timestamp::parse_rfc3339("2099-11-23T04:00:00Z").unwrap();
    timer.wake_at(request(8), at).await.unwrap();
    timer.wake_at(request(8), at).await.unwrap();
    timer.wake_at(request(8), at.plus_millis(1)).await.unwrap();
    let listed = client.list_schedules().group_name("twice").send().await.unwrap();
    assert_eq!(listed.schedules().len(), 2, "one for each deadline");
}
