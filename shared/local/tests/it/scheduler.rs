//! The scheduler as the real EventBridge Scheduler client sees it.

use crate::common::{Recorder, prepare, sdk_config, wiring};
use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::error::ProvideErrorMetadata;
use aws_sdk_scheduler::operation::create_schedule::builders::CreateScheduleFluentBuilder;
use aws_sdk_scheduler::types::{
    ActionAfterCompletion, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, Target,
};
use countersign_local::{Endpoints, FunctionError, PeriodicRule, Platform, Prepared, SchedulerFaults};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use time::OffsetDateTime;
use time::macros::format_description;

fn client(endpoints: Endpoints) -> Client {
    Client::from_conf(sdk_config!(aws_sdk_scheduler, endpoints, Endpoints::SCHEDULER))
}

fn at(time: SystemTime) -> String {
    let format = format_description!("at([year]-[month]-[day]T[hour]:[minute]:[second])");
    OffsetDateTime::from(time).format(format).unwrap()
}

fn past() -> String {
    at(SystemTime::now() - Duration::from_secs(60))
}

fn create(client: &Client, name: &str, when: String, input: &str) -> CreateScheduleFluentBuilder {
    let retry = RetryPolicy::builder().maximum_retry_attempts(3).maximum_event_age_in_seconds(3600).build();
    let target = Target::builder()
        .arn(Prepared::function_arn("expire"))
        .role_arn("arn:aws:iam::000000000000:role/scheduler")
        .input(input)
        .retry_policy(retry)
        .build()
        .unwrap();
    client
        .create_schedule()
        .name(name)
        .group_name("countersign")
        .schedule_expression(when)
        .flexible_time_window(
            FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build().unwrap(),
        )
        .action_after_completion(ActionAfterCompletion::Delete)
        .target(target)
}

async fn exists(client: &Client, name: &str) -> bool {
    let found = client.get_schedule().name(name).group_name("countersign").send().await;
    match found.map_err(aws_sdk_scheduler::error::SdkError::into_service_error) {
        Ok(schedule) => {
            assert_eq!(schedule.name(), Some(name));
            true
        }
        Err(error) => {
            assert!(error.is_resource_not_found_exception(), "{error:?}");
            false
        }
    }
}

async fn gone(client: &Client, name: &str) {
    while exists(client, name).await {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_schedule_fires_not_before_its_second_with_its_input_and_is_deleted() {
    let expire = Recorder::new();
    let prepared = prepare(None).await;
    let client = client(prepared.endpoints());
    let platform = prepared.run(wiring(vec![("expire", Arc::clone(&expire) as _)])).await.unwrap();
    let second = SystemTime::UNIX_EPOCH
        + Duration::from_secs(
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() + 2,
        );
    let created = create(&client, "later", at(second), r#"{"request":"req_1"}"#).send().await.unwrap();
    assert!(created.schedule_arn().ends_with("schedule/countersign/later"));
    assert!(exists(&client, "later").await);
    assert_eq!(expire.calls(1).await, [json!({"request": "req_1"})]);
    assert!(SystemTime::now() >= second);
    gone(&client, "later").await;
    platform.shutdown().await;
}

#[tokio::test]
async fn schedules_survive_a_restart_and_overdue_ones_fire_then() {
    let dir = tempfile::tempdir().unwrap();
    let prepared = prepare(Some(dir.path())).await;
    let first = client(prepared.endpoints());
    create(&first, "overdue", past(), r#"{"n":1}"#).send().await.unwrap();
    // Nothing has run yet; the process ends here.
    drop(prepared);

    let expire = Recorder::new();
    let prepared = prepare(Some(dir.path())).await;
    let second = client(prepared.endpoints());
    assert!(exists(&second, "overdue").await);
    let platform = prepared.run(wiring(vec![("expire", Arc::clone(&expire) as _)])).await.unwrap();
    assert_eq!(expire.calls(1).await, [json!({"n": 1})]);
    gone(&second, "overdue").await;
    platform.shutdown().await;
}

#[tokio::test]
async fn a_name_that_is_taken_in_its_group_is_a_conflict_unless_it_is_the_same_call_again() {
    let prepared = prepare(None).await;
    let client = client(prepared.endpoints());
    let later = || at(SystemTime::now() + Duration::from_secs(3600));
    create(&client, "one", later(), "{}").client_token("t1").send().await.unwrap();
    create(&client, "one", later(), "{}").client_token("t1").send().await.unwrap();
    create(&client, "one", later(), "{}").group_name("other").send().await.unwrap();
    let error = create(&client, "one", later(), "{}").client_token("t2").send().await.unwrap_err();
    let status = error.raw_response().unwrap().status().as_u16();
    let error = error.into_service_error();
    assert!(error.is_conflict_exception(), "{error:?}");
    assert_eq!(status, 409);
    assert_eq!(error.message(), Some("Schedule one already exists."));
}

#[tokio::test]
async fn a_schedule_can_be_deleted_once() {
    let prepared = prepare(None).await;
    let client = client(prepared.endpoints());
    create(&client, "one", at(SystemTime::now() + Duration::from_secs(3600)), "{}").send().await.unwrap();
    let delete = || client.delete_schedule().name("one").group_name("countersign").send();
    delete().await.unwrap();
    assert!(!exists(&client, "one").await);
    let error = delete().await.unwrap_err().into_service_error();
    assert!(error.is_resource_not_found_exception(), "{error:?}");
}

#[tokio::test]
async fn bad_names_expressions_and_inputs_are_validation_errors() {
    let prepared = prepare(None).await;
    let client = client(prepared.endpoints());
    let long_name = "x".repeat(65);
    let long_input = format!("\"{}\"", "x".repeat(256 * 1024));
    for (name, when, input) in [
        (long_name.as_str(), past(), "{}"),
        ("a b", past(), "{}"),
        ("a/b", past(), "{}"),
        ("good", "rate(1 minute)".to_owned(), "{}"),
        ("good", past(), long_input.as_str()),
        ("good", past(), "not json"),
    ] {
        let error = create(&client, name, when, input).send().await.unwrap_err();
        let error = error.into_service_error();
        assert!(error.is_validation_exception(), "{name}: {error:?}");
    }
}

#[tokio::test]
async fn a_failing_function_is_tried_again_and_the_schedule_is_deleted_after_it_succeeds() {
    let failed = || Err(FunctionError::new("Busy", "not now"));
    let expire = Recorder::answering(vec![failed(), failed(), Ok(json!({}))]);
    let prepared = prepare(None).await;
    let client = client(prepared.endpoints());
    create(&client, "again", past(), "{}").send().await.unwrap();
    let platform = prepared.run(wiring(vec![("expire", Arc::clone(&expire) as _)])).await.unwrap();
    expire.calls(3).await;
    gone(&client, "again").await;
    assert_eq!(expire.seen().len(), 3);
    platform.shutdown().await;
}

#[tokio::test]
async fn retries_end_where_the_retry_policy_says() {
    let failed = || Err(FunctionError::new("Broken", "never"));
    let expire = Recorder::answering((0..10).map(|_| failed()).collect());
    let prepared = prepare(None).await;
    let client = client(prepared.endpoints());
    create(&client, "hopeless", past(), "{}").send().await.unwrap();
    let platform = prepared.run(wiring(vec![("expire", Arc::clone(&expire) as _)])).await.unwrap();
    gone(&client, "hopeless").await;
    assert_eq!(expire.seen().len(), 4, "one attempt and three retries");
    platform.shutdown().await;
}

#[tokio::test]
async fn a_dead_scheduler_takes_schedules_and_fires_none_while_periodic_rules_run() {
    let expire = Recorder::new();
    let mut config = crate::common::config(None);
    config.faults = SchedulerFaults { dead: true, ..SchedulerFaults::default() };
    let prepared = Platform::prepare(config).await.unwrap();
    let client = client(prepared.endpoints());
    create(&client, "never", past(), r#"{"timer":true}"#).send().await.unwrap();
    let mut wiring = wiring(vec![("expire", Arc::clone(&expire) as _)]);
    wiring.rules = vec![PeriodicRule {
        function: "expire".to_owned(),
        payload: json!({"sweep": true}),
        every: Duration::from_millis(20),
    }];
    let platform = prepared.run(wiring).await.unwrap();
    let seen = expire.calls(5).await;
    assert!(seen.iter().all(|payload| *payload == json!({"sweep": true})));
    assert!(exists(&client, "never").await);
    platform.shutdown().await;
}

#[tokio::test]
async fn a_doubling_scheduler_fires_twice() {
    let expire = Recorder::new();
    let mut config = crate::common::config(None);
    config.faults.duplicate = true;
    let prepared = Platform::prepare(config).await.unwrap();
    let client = client(prepared.endpoints());
    create(&client, "twice", past(), "{}").send().await.unwrap();
    let platform = prepared.run(wiring(vec![("expire", Arc::clone(&expire) as _)])).await.unwrap();
    gone(&client, "twice").await;
    assert_eq!(expire.seen().len(), 2);
    platform.shutdown().await;
}
