//! The Invoke API as the real Lambda client sees it.

use crate::common::{Recorder, prepare, sdk_config, wiring};
use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use countersign_local::{Endpoints, Function, FunctionError, Platform, Prepared};
use serde_json::{Value, json};
use std::sync::Arc;

fn client(endpoints: Endpoints) -> Client {
    Client::from_conf(sdk_config!(aws_sdk_lambda, endpoints, Endpoints::LAMBDA))
}

async fn start(functions: Vec<(&str, Arc<dyn Function>)>) -> (Platform, Client) {
    let prepared = prepare(None).await;
    let client = client(prepared.endpoints());
    (prepared.run(wiring(functions)).await.unwrap(), client)
}

fn invoke(
    client: &Client,
    name: &str,
    kind: InvocationType,
    payload: impl Into<Vec<u8>>,
) -> aws_sdk_lambda::operation::invoke::builders::InvokeFluentBuilder {
    client.invoke().function_name(name).invocation_type(kind).payload(Blob::new(payload.into()))
}

#[tokio::test]
async fn an_event_is_accepted_at_once_and_tried_three_times() {
    let failed = || Err(FunctionError::new("Busy", "not now"));
    let execute = Recorder::answering(vec![failed(), failed(), Ok(json!({}))]);
    let (platform, client) = start(vec![("execute", Arc::clone(&execute) as _)]).await;
    let answer =
        invoke(&client, "execute", InvocationType::Event, r#"{"request":"req_1"}"#).send().await.unwrap();
    assert_eq!(answer.status_code(), 202);
    let seen = execute.calls(3).await;
    assert!(seen.iter().all(|payload| payload["request"] == "req_1"));
    platform.shutdown().await;
    assert_eq!(execute.seen().len(), 3);
}

#[tokio::test]
async fn a_function_is_found_by_name_and_by_arn_and_its_answer_comes_back() {
    let echo = Recorder::answering((0..3).map(|n| Ok(json!({"n": n}))).collect());
    let (platform, client) = start(vec![("echo", echo as _)]).await;
    let names = ["echo".to_owned(), Prepared::function_arn("echo"), "echo:live".to_owned()];
    for (n, name) in names.iter().enumerate() {
        let answer = invoke(&client, name, InvocationType::RequestResponse, "{}").send().await.unwrap();
        assert_eq!(answer.status_code(), 200);
        assert_eq!(answer.function_error(), None);
        let payload: Value = serde_json::from_slice(answer.payload().unwrap().as_ref()).unwrap();
        assert_eq!(payload, json!({"n": n}), "{name}");
    }
    platform.shutdown().await;
}

#[tokio::test]
async fn an_error_of_the_function_is_an_unhandled_function_error() {
    let broken = Recorder::answering(vec![Err(FunctionError::new("Broken", "it broke"))]);
    let (platform, client) = start(vec![("broken", broken as _)]).await;
    let answer = invoke(&client, "broken", InvocationType::RequestResponse, "{}").send().await.unwrap();
    assert_eq!(answer.status_code(), 200);
    assert_eq!(answer.function_error(), Some("Unhandled"));
    let payload: Value = serde_json::from_slice(answer.payload().unwrap().as_ref()).unwrap();
    assert_eq!(payload, json!({"errorType": "Broken", "errorMessage": "it broke"}));
    platform.shutdown().await;
}

#[tokio::test]
async fn an_unknown_function_is_not_found() {
    let (platform, client) = start(vec![]).await;
    for kind in [InvocationType::Event, InvocationType::RequestResponse] {
        let error = invoke(&client, "nobody", kind, "{}").send().await.unwrap_err();
        let error = error.into_service_error();
        assert!(error.is_resource_not_found_exception(), "{error:?}");
        assert!(error.message().unwrap().contains("nobody"));
    }
    platform.shutdown().await;
}

#[tokio::test]
async fn payloads_have_lambdas_own_limits() {
    let (platform, client) = start(vec![("sink", Recorder::new() as _)]).await;
    let payload = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    for (kind, limit) in
        [(InvocationType::Event, 1024 * 1024), (InvocationType::RequestResponse, 6 * 1024 * 1024)]
    {
        invoke(&client, "sink", kind.clone(), payload(limit)).send().await.unwrap();
        let error = invoke(&client, "sink", kind, payload(limit + 1)).send().await.unwrap_err();
        let error = error.into_service_error();
        assert!(error.is_request_too_large_exception(), "{error:?}");
    }
    platform.shutdown().await;
}

#[tokio::test]
async fn a_payload_that_is_no_json_is_refused() {
    let (platform, client) = start(vec![("sink", Recorder::new() as _)]).await;
    let error = invoke(&client, "sink", InvocationType::Event, "no json").send().await.unwrap_err();
    let error = error.into_service_error();
    assert!(error.is_invalid_request_content_exception(), "{error:?}");
    platform.shutdown().await;
}

#[tokio::test]
async fn a_dry_run_runs_nothing_and_a_full_queue_says_try_later() {
    let sink = Recorder::new();
    let mut config = crate::common::config(None);
    config.invoke.async_backlog = 0;
    let prepared = Platform::prepare(config).await.unwrap();
    let client = client(prepared.endpoints());
    let platform = prepared.run(wiring(vec![("sink", Arc::clone(&sink) as _)])).await.unwrap();
    let answer = invoke(&client, "sink", InvocationType::DryRun, "{}").send().await.unwrap();
    assert_eq!(answer.status_code(), 204);
    let error = invoke(&client, "sink", InvocationType::Event, "{}").send().await.unwrap_err();
    let error = error.into_service_error();
    assert!(error.is_too_many_requests_exception(), "{error:?}");
    assert!(sink.seen().is_empty());
    platform.shutdown().await;
}

#[tokio::test]
async fn before_the_functions_are_there_the_service_says_so() {
    let prepared = prepare(None).await;
    let client = client(prepared.endpoints());
    let error = invoke(&client, "sink", InvocationType::Event, "{}").send().await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 503);
}

#[tokio::test]
async fn a_page_in_a_browser_cannot_invoke_anything() {
    let sink = Recorder::new();
    let prepared = prepare(None).await;
    let [_, _, endpoint] = prepared.listen().await.unwrap();
    let platform = prepared.run(wiring(vec![("sink", Arc::clone(&sink) as _)])).await.unwrap();
    let answer = reqwest::Client::new()
        .post(format!("{endpoint}/2015-03-31/functions/sink/invocations"))
        .header("origin", "http://evil.example")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 403);
    assert!(sink.seen().is_empty());
    platform.shutdown().await;
}
