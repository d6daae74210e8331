//! Writes, and what the growing stream does to them.
//!
//! ```text
//! cargo run --release -p countersign-local --example stream_throughput -- [WRITES] [DIR]
//! ```
//!
//! Eight clients write transactions of four items, one of them a state item whose stream
//! record reaches a function. Prints the rate per tenth of the run (it must not fall), the
//! time from a single write to the function, and the processor time of an idle platform.

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, Put, ScalarAttributeType,
    StreamSpecification, StreamViewType, TransactWriteItem,
};
use countersign_aws::{Aws, AwsSettings, Inside};
use countersign_local::{
    Endpoints, Function, FunctionError, Functions, Platform, PlatformConfig, StreamConfig, Wiring,
};
use serde_json::{Value, json};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const TABLE: &str = "bench";
const CLIENTS: u64 = 8;

#[derive(Default)]
struct Counter {
    records: AtomicU64,
    called: tokio::sync::Notify,
}

#[async_trait]
impl Function for Counter {
    async fn invoke(&self, payload: Value) -> Result<Value, FunctionError> {
        let records = payload.get("Records").and_then(Value::as_array);
        let count = records.map_or(0, Vec::len);
        self.records.fetch_add(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
        self.called.notify_one();
        Ok(json!({"batchItemFailures": []}))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments = std::env::args().skip(1);
    let writes: u64 = match arguments.next() {
        Some(number) => number.parse()?,
        None => 10_000,
    };
    let mut config = PlatformConfig::new(([127, 0, 0, 1], 0).into());
    // A real file by default: a temporary store syncs nothing and flatters.
    let scratch = tempfile::tempdir()?;
    config.data_dir = Some(arguments.next().map_or_else(|| scratch.path().to_path_buf(), Into::into));
    let prepared = Platform::prepare(config).await?;
    let client = client(prepared.endpoints());
    create_table(&client).await?;
    let counter = Arc::new(Counter::default());
    let mut stream = StreamConfig::new(TABLE, "count", |image| {
        image.pointer("/sk/S").and_then(Value::as_str) == Some("STATE")
    });
    stream.batch_size = 100;
    let platform = prepared
        .run(Wiring {
            functions: Functions::new().with("count", Arc::clone(&counter) as _)?,
            route: Arc::new(|_, _| "count".to_owned()),
            stream,
            rules: Vec::new(),
        })
        .await?;

    for tenth in 1..=10 {
        let (before, start) = (processor_seconds(), Instant::now());
        let count = writes / 10 / CLIENTS * CLIENTS;
        write_all(&client, tenth, count / CLIENTS).await?;
        let rate = count as f64 / start.elapsed().as_secs_f64();
        // Beside the rate, which other programs on the machine spoil.
        let work = before.zip(processor_seconds()).map(|(a, b)| b - a);
        let work_ms = work.unwrap_or(f64::NAN) * 1000.0 / count as f64;
        let behind = Instant::now();
        platform.stream_caught_up().await?;
        println!(
            "tenth {tenth:>2}: {rate:>7.0} transactions/s, {work_ms:.2} ms of processor each, \
             the stream was {:.0} ms behind",
            behind.elapsed().as_secs_f64() * 1000.0
        );
    }
    println!("{} records reached the function", counter.records.load(Ordering::Relaxed));

    let mut waits = Vec::new();
    for n in 0..50 {
        // Long enough for everything to have come to rest.
        tokio::time::sleep(Duration::from_millis(150)).await;
        // What an earlier call left over.
        while tokio::time::timeout(Duration::ZERO, counter.called.notified()).await.is_ok() {}
        write(&client, format!("single-{n}")).await?;
        let written = Instant::now();
        counter.called.notified().await;
        waits.push(written.elapsed());
    }
    waits.sort();
    let median = waits.get(waits.len() / 2).copied().unwrap_or_default();
    let slowest = waits.last().copied().unwrap_or_default();
    println!("a single write reaches the function after {median:?} (median), {slowest:?} (slowest)");

    let (before, start) = (processor_seconds(), Instant::now());
    tokio::time::sleep(Duration::from_secs(10)).await;
    if let (Some(before), Some(after)) = (before, processor_seconds()) {
        let share = (after - before) / start.elapsed().as_secs_f64() * 100.0;
        println!("idle: {share:.2} % of one core");
    }
    platform.shutdown().await;
    Ok(())
}

/// User and system time of this process (Linux).
fn processor_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let ticks: f64 = fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?;
    Some(ticks / 100.0)
}

fn client(endpoints: Endpoints) -> Client {
    let inside = Inside::new(move |request| endpoints.clone().answer(request));
    Client::from_conf(
        Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("local"))
            .credentials_provider(Credentials::new("local", "local", None, None, "local"))
            .retry_config(RetryConfig::disabled())
            .http_client(Aws::new(AwsSettings::local("", "", "").with_inside(inside)).http_client())
            .endpoint_url(Endpoints::DYNAMODB)
            .build(),
    )
}

async fn write_all(client: &Client, round: u64, each: u64) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut clients = tokio::task::JoinSet::new();
    for worker in 0..CLIENTS {
        let client = client.clone();
        clients.spawn(async move {
            for n in 0..each {
                write(&client, format!("{round}-{worker}-{n}")).await?;
            }
            Ok::<_, Box<dyn Error + Send + Sync>>(())
        });
    }
    while let Some(ended) = clients.join_next().await {
        ended??;
    }
    Ok(())
}

async fn write(client: &Client, pk: String) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut items = Vec::new();
    for sk in ["STATE", "EVENT#1", "INBOX#a", "INBOX#b"] {
        let put = Put::builder()
            .table_name(TABLE)
            .item("pk", AttributeValue::S(pk.clone()))
            .item("sk", AttributeValue::S(sk.to_owned()))
            .item("data", AttributeValue::S("x".repeat(600)))
            .condition_expression("attribute_not_exists(pk)")
            .build()?;
        items.push(TransactWriteItem::builder().put(put).build());
    }
    client.transact_write_items().set_transact_items(Some(items)).send().await?;
    Ok(())
}

async fn create_table(client: &Client) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut request = client
        .create_table()
        .table_name(TABLE)
        .billing_mode(BillingMode::PayPerRequest)
        .stream_specification(
            StreamSpecification::builder()
                .stream_enabled(true)
                .stream_view_type(StreamViewType::NewImage)
                .build()?,
        );
    for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        request = request
            .key_schema(KeySchemaElement::builder().attribute_name(name).key_type(kind).build()?)
            .attribute_definitions(
                AttributeDefinition::builder()
                    .attribute_name(name)
                    .attribute_type(ScalarAttributeType::S)
                    .build()?,
            );
    }
    request.send().await?;
    Ok(())
}
