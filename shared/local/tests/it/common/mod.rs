//! What the integration tests share: SDK clients, functions that record, a platform.

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    StreamSpecification, StreamViewType,
};
use countersign_aws::{Aws, AwsSettings, Inside};
use countersign_local::{
    Endpoints, Function, FunctionError, Functions, Platform, PlatformConfig, Prepared, StreamConfig, Wiring,
};
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

pub(crate) const TABLE: &str = "countersign";

/// An SDK configuration of any service at `$url` of `$endpoints`, without retries of its own: a
/// test sees the first answer.
macro_rules! sdk_config {
    ($service:ident, $endpoints:expr, $url:expr) => {
        $service::Config::builder()
            .behavior_version($service::config::BehaviorVersion::latest())
            .region($service::config::Region::new("local"))
            .credentials_provider(crate::common::credentials())
            .retry_config($service::config::retry::RetryConfig::disabled())
            .http_client(crate::common::aws($endpoints).http_client())
            .endpoint_url($url)
            .build()
    };
}
pub(crate) use sdk_config;

/// Calls that never leave the process.
pub(crate) fn aws(endpoints: Endpoints) -> Aws {
    let inside = Inside::new(move |request| endpoints.clone().answer(request));
    Aws::new(AwsSettings::local("", "", "").with_inside(inside))
}

pub(crate) fn credentials() -> Credentials {
    Credentials::new("local", "local", None, None, "test")
}

/// Remembers every payload and answers with what it is told to.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) payloads: Mutex<Vec<Value>>,
    /// Answers in order; then `null`.
    answers: Mutex<Vec<Result<Value, FunctionError>>>,
    called: Notify,
}

impl Recorder {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn answering(answers: Vec<Result<Value, FunctionError>>) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers.into_iter().rev().collect()), ..Self::default() })
    }

    pub(crate) fn seen(&self) -> Vec<Value> {
        self.payloads.lock().unwrap().clone()
    }

    /// Waits for `count` calls and returns their payloads.
    pub(crate) async fn calls(&self, count: usize) -> Vec<Value> {
        let wait = async {
            loop {
                let called = self.called.notified();
                let seen = self.seen();
                if seen.len() >= count {
                    return seen;
                }
                called.await;
            }
        };
        // Only so that a test that fails says so instead of hanging.
        tokio::time::timeout(Duration::from_secs(60), wait)
            .await
            .unwrap_or_else(|_| panic!("{count} calls expected, got {}", self.seen().len()))
    }
}

#[async_trait]
impl Function for Recorder {
    async fn invoke(&self, payload: Value) -> Result<Value, FunctionError> {
        self.payloads.lock().unwrap().push(payload);
        let answer = self.answers.lock().unwrap().pop();
        self.called.notify_waiters();
        answer.unwrap_or(Ok(Value::Null))
    }
}

pub(crate) fn config(dir: Option<&Path>) -> PlatformConfig {
    let mut config = PlatformConfig::new("127.0.0.1:0".parse().unwrap());
    config.data_dir = dir.map(Path::to_path_buf);
    config.invoke.async_retry_pauses = vec![Duration::from_millis(5); 2];
    config
}

pub(crate) async fn prepare(dir: Option<&Path>) -> Prepared {
    Platform::prepare(config(dir)).await.unwrap()
}

/// `functions` by name, every request to the function `web`, the stream to `dispatch`.
pub(crate) fn wiring(functions: Vec<(&str, Arc<dyn Function>)>) -> Wiring {
    let mut registered = Functions::new();
    let mut names = Vec::new();
    for (name, function) in functions {
        registered = registered.with(name, function).unwrap();
        names.push(name.to_owned());
    }
    for name in ["web", "dispatch"] {
        if !names.iter().any(|known| known == name) {
            registered = registered.with(name, Recorder::new()).unwrap();
        }
    }
    Wiring {
        functions: registered,
        route: Arc::new(|_, _| "web".to_owned()),
        stream: StreamConfig::new(TABLE, "dispatch", |_| true),
        rules: Vec::new(),
    }
}

pub(crate) fn dynamodb(endpoints: Endpoints) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::from_conf(sdk_config!(aws_sdk_dynamodb, endpoints, Endpoints::DYNAMODB))
}

pub(crate) async fn create_table(client: &aws_sdk_dynamodb::Client) {
    let key = |name: &str, kind: KeyType| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
    };
    let attribute = |name: &str| {
        AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S)
            .build()
            .unwrap()
    };
    client
        .create_table()
        .table_name(TABLE)
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
        .attribute_definitions(attribute("pk"))
        .attribute_definitions(attribute("sk"))
        .billing_mode(BillingMode::PayPerRequest)
        .stream_specification(
            StreamSpecification::builder()
                .stream_enabled(true)
                .stream_view_type(StreamViewType::NewImage)
                .build()
                .unwrap(),
        )
        .send()
        .await
        .unwrap();
}

pub(crate) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn item(pk: &str, version: u32) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("pk".to_owned(), s(pk)),
        ("sk".to_owned(), s("STATE")),
        ("version".to_owned(), AttributeValue::N(version.to_string())),
    ])
}

pub(crate) async fn put(client: &aws_sdk_dynamodb::Client, pk: &str, version: u32) {
    client.put_item().table_name(TABLE).set_item(Some(item(pk, version))).send().await.unwrap();
}

/// The (item, version) pairs of a stream event.
pub(crate) fn changes(event: &Value) -> Vec<(String, u32)> {
    let records = event["Records"].as_array().unwrap();
    records
        .iter()
        .map(|record| {
            let image = &record["dynamodb"]["NewImage"];
            (
                image["pk"]["S"].as_str().unwrap().to_owned(),
                image["version"]["N"].as_str().unwrap().parse().unwrap(),
            )
        })
        .collect()
}
