//! Deliveries to functions that fail in every way they can.

use super::*;
use crate::function::{Function, FunctionError, Functions};
use async_trait::async_trait;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

/// Handles records, fails on the poisoned ones, and remembers what it saw.
struct Recorder {
    poison: Vec<u32>,
    partial: bool,
    handled: Mutex<Vec<(String, String)>>,
    attempts: Mutex<BTreeMap<String, u32>>,
}

impl Recorder {
    fn new(poison: &[u32], partial: bool) -> Arc<Self> {
        Arc::new(Self {
            poison: poison.to_vec(),
            partial,
            handled: Mutex::default(),
            attempts: Mutex::default(),
        })
    }

    fn numbers_of(&self, item: &str) -> Vec<String> {
        let handled = self.handled.lock().unwrap();
        handled.iter().filter(|(of, _)| of == item).map(|(_, number)| number.clone()).collect()
    }
}

#[async_trait]
impl Function for Recorder {
    async fn invoke(&self, payload: Value) -> Result<Value, FunctionError> {
        for record in payload["Records"].as_array().unwrap() {
            let number = record["dynamodb"]["SequenceNumber"].as_str().unwrap();
            *self.attempts.lock().unwrap().entry(number.to_owned()).or_default() += 1;
            if self.poison.contains(&number.parse().unwrap()) {
                return match self.partial {
                    true => Ok(json!({"batchItemFailures": [{"itemIdentifier": number}]})),
                    false => Err(FunctionError::new("Poison", "cannot be handled")),
                };
            }
            let item = record["item"].as_str().unwrap().to_owned();
            self.handled.lock().unwrap().push((item, number.to_owned()));
        }
        Ok(json!({"batchItemFailures": []}))
    }
}

fn delivery(function: Arc<Recorder>, lanes: usize) -> (Delivery, watch::Sender<bool>) {
    let runner = Runner::new();
    runner.start(Functions::new().with("dispatch", function).unwrap());
    let mut config = StreamConfig::new("table", "dispatch", |_| true);
    config.lanes = lanes;
    config.retry = StreamRetry { attempts: 3, first_pause: Duration::from_millis(1) };
    let (stop, stopped) = watch::channel(false);
    (Delivery::new(runner, &config, stopped), stop)
}

/// 30 records of three items, in turn.
fn records() -> Vec<Record> {
    (0..30_u32).map(|number| Record::for_test(["a", "b", "c"][number as usize % 3], number)).collect()
}

fn expected(item: u32, poison: &[u32]) -> Vec<String> {
    (0..30)
        .filter(|number| number % 3 == item && !poison.contains(number))
        .map(|number| number.to_string())
        .collect()
}

#[tokio::test]
async fn a_reported_poison_record_is_tried_a_bounded_number_of_times_and_delays_nobody_else() {
    for lanes in [1, 4] {
        let recorder = Recorder::new(&[7], true);
        let (delivery, _stop) = delivery(Arc::clone(&recorder), lanes);
        assert_eq!(delivery.deliver_all(records()).await, Delivered::All);
        for (item, name) in ["a", "b", "c"].into_iter().enumerate() {
            let wanted = expected(u32::try_from(item).unwrap(), &[7]);
            assert_eq!(recorder.numbers_of(name), wanted, "item {name}, {lanes} lanes");
        }
        assert_eq!(recorder.attempts.lock().unwrap()["7"], 3);
    }
}

#[tokio::test]
async fn a_function_that_fails_without_saying_where_is_bisected_to_the_poison_record() {
    let recorder = Recorder::new(&[0, 13, 29], false);
    let (delivery, _stop) = delivery(Arc::clone(&recorder), 1);
    assert_eq!(delivery.deliver_all(records()).await, Delivered::All);
    for (item, name) in ["a", "b", "c"].into_iter().enumerate() {
        let mut seen = recorder.numbers_of(name);
        // Bisecting hands earlier records of a failed batch over again, in order.
        let mut last = BTreeMap::new();
        for (at, number) in seen.iter().enumerate() {
            last.insert(number.clone(), at);
        }
        seen.sort_by_key(|number| last[number]);
        seen.dedup();
        assert_eq!(seen, expected(u32::try_from(item).unwrap(), &[0, 13, 29]));
    }
}

#[tokio::test]
async fn a_stop_between_attempts_leaves_the_rest_undelivered_and_says_so() {
    let recorder = Recorder::new(&[], true);
    let (delivery, stop) = delivery(Arc::clone(&recorder), 1);
    stop.send_replace(true);
    assert_eq!(delivery.deliver_all(records()).await, Delivered::Stopped);
    assert!(recorder.handled.lock().unwrap().is_empty());
}

#[test]
fn the_answer_of_the_function_is_read_as_lambda_reads_it() {
    let records = records();
    let failed = |number: &str| json!({"itemIdentifier": number});
    for (answer, wanted) in [
        (Value::Null, Verdict::Handled),
        (json!({}), Verdict::Handled),
        (json!({"batchItemFailures": null}), Verdict::Handled),
        (json!({"batchItemFailures": []}), Verdict::Handled),
        (json!({"batchItemFailures": [failed("4")]}), Verdict::FailedFrom(4)),
        (json!({"batchItemFailures": [failed("9"), failed("4")]}), Verdict::FailedFrom(4)),
        (json!({"batchItemFailures": [failed("")]}), Verdict::FailedAll),
        (json!({"batchItemFailures": [failed("4"), failed("x")]}), Verdict::FailedAll),
        (json!({"batchItemFailures": "x"}), Verdict::FailedAll),
    ] {
        assert_eq!(verdict(&answer, &records), wanted, "{answer}");
    }
}
