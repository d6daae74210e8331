//! The stream as the function sees it: everything, in order per item, across restarts.

use crate::common::{Recorder, TABLE, changes, create_table, dynamodb, prepare, put, wiring};
use countersign_local::{Chaos, Function, Functions, LocalError, Platform, StreamConfig, Wiring};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

fn to_dispatch(recorder: &Arc<Recorder>) -> Wiring {
    let function: Arc<dyn Function> = Arc::clone(recorder) as _;
    wiring(vec![("dispatch", function)])
}

fn all_changes(recorder: &Recorder) -> Vec<(String, u32)> {
    recorder.seen().iter().flat_map(changes).collect()
}

/// The rows of dynoxide's stream table, oldest first.
fn stored_sequence(platform: &Platform) -> Vec<i64> {
    let conn = rusqlite::Connection::open(platform.store().database_file()).unwrap();
    let mut statement = conn
        .prepare(
            "SELECT CAST(sequence_number AS INTEGER) FROM _stream_records
             WHERE table_name = ?1 ORDER BY 1",
        )
        .unwrap();
    let rows = statement.query_map([TABLE], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

async fn start(dir: Option<&Path>, wiring: Wiring) -> (Platform, aws_sdk_dynamodb::Client) {
    let prepared = prepare(dir).await;
    let client = dynamodb(prepared.endpoints());
    if client.describe_table().table_name(TABLE).send().await.is_err() {
        create_table(&client).await;
    }
    (prepared.run(wiring).await.unwrap(), client)
}

#[tokio::test]
async fn records_have_the_form_that_lambda_gives_them() {
    let recorder = Recorder::new();
    let (platform, client) = start(None, to_dispatch(&recorder)).await;
    put(&client, "req_1", 1).await;
    put(&client, "req_1", 2).await;
    platform.stream_caught_up().await.unwrap();

    let records: Vec<aws_lambda_events::dynamodb::EventRecord> = recorder
        .seen()
        .into_iter()
        .flat_map(|event| {
            let event: aws_lambda_events::dynamodb::Event = serde_json::from_value(event).unwrap();
            event.records
        })
        .collect();
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].event_name, "INSERT");
    assert_eq!(records[1].event_name, "MODIFY");
    let raw = &recorder.seen()[0]["Records"][0];
    assert_eq!(raw["eventVersion"], "1.1");
    assert_eq!(raw["eventSource"], "aws:dynamodb");
    let arn = raw["eventSourceARN"].as_str().unwrap();
    assert!(arn.contains(":table/countersign/stream/"), "{arn}");
    let change = &raw["dynamodb"];
    assert_eq!(change["Keys"]["pk"]["S"], "req_1");
    assert_eq!(change["NewImage"]["version"]["N"], "1");
    assert_eq!(change["StreamViewType"], "NEW_IMAGE");
    assert_eq!(change["SequenceNumber"].as_str().unwrap().len(), 21);
    assert!(change["SizeBytes"].as_u64().unwrap() > 0);
    assert!(change["ApproximateCreationDateTime"].is_number());
    assert!(records[0].change.sequence_number < records[1].change.sequence_number);
    platform.shutdown().await;
}

#[tokio::test]
async fn only_records_whose_new_image_passes_the_filter_reach_the_function() {
    let recorder = Recorder::new();
    let mut wiring = to_dispatch(&recorder);
    wiring.stream.filter = Arc::new(|image| image["version"]["N"] == "2");
    let (platform, client) = start(None, wiring).await;
    for version in 1..=3 {
        put(&client, "req_1", version).await;
    }
    client
        .delete_item()
        .table_name(TABLE)
        .key("pk", crate::common::s("req_1"))
        .key("sk", crate::common::s("STATE"))
        .send()
        .await
        .unwrap();
    platform.stream_caught_up().await.unwrap();
    assert_eq!(all_changes(&recorder), [("req_1".to_owned(), 2)]);
    platform.shutdown().await;
}

#[tokio::test]
async fn nothing_is_lost_and_items_keep_their_order_through_chaos_crashes_and_restarts() {
    const ITEMS: u32 = 12;
    const VERSIONS: u32 = 25;
    let dir = tempfile::tempdir().unwrap();
    let recorder = Recorder::new();
    let mut version = 0;
    for life in 0..5_u64 {
        let mut wiring = to_dispatch(&recorder);
        wiring.stream.batch_size = 7;
        wiring.stream.chaos = Some(Chaos { seed: life, duplicate_permille: 100, shuffle_window: 20 });
        let (platform, client) = start(Some(dir.path()), wiring).await;
        for _ in 0..VERSIONS / 5 {
            version += 1;
            for item in 0..ITEMS {
                put(&client, &format!("req_{item}"), version).await;
            }
        }
        match life {
            4 => platform.stream_caught_up().await.unwrap(),
            // Whatever runs now is cut off, positions and all.
            odd if odd % 2 == 1 => {
                drop(platform);
                continue;
            }
            _ => {}
        }
        platform.shutdown().await;
    }

    let mut by_item: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (item, version) in all_changes(&recorder) {
        let seen = by_item.entry(item).or_default();
        if !seen.contains(&version) {
            seen.push(version);
        }
    }
    assert_eq!(by_item.len(), ITEMS as usize);
    for (item, seen) in by_item {
        assert_eq!(seen, (1..=VERSIONS).collect::<Vec<_>>(), "{item}");
    }
}

#[tokio::test]
async fn a_restart_goes_on_behind_the_stored_position() {
    let dir = tempfile::tempdir().unwrap();
    let first = Recorder::new();
    let (platform, client) = start(Some(dir.path()), to_dispatch(&first)).await;
    put(&client, "req_1", 1).await;
    platform.stream_caught_up().await.unwrap();
    let position = platform.stream_position();
    platform.shutdown().await;

    let second = Recorder::new();
    let (platform, client) = start(Some(dir.path()), to_dispatch(&second)).await;
    assert_eq!(platform.stream_position(), position);
    put(&client, "req_1", 2).await;
    platform.stream_caught_up().await.unwrap();
    assert_eq!(all_changes(&second), [("req_1".to_owned(), 2)]);
    platform.shutdown().await;
}

#[tokio::test]
async fn handled_records_are_deleted_and_the_sequence_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let recorder = Recorder::new();
    let (platform, client) = start(Some(dir.path()), to_dispatch(&recorder)).await;
    for version in 1..=700 {
        put(&client, "req_1", version).await;
    }
    platform.stream_caught_up().await.unwrap();
    let newest = platform.stream_position();
    // The idle feeder tidies up by itself; its next look is at most 250 ms away.
    while stored_sequence(&platform).len() > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(stored_sequence(&platform), [newest], "the newest one stays");

    put(&client, "req_1", 701).await;
    platform.stream_caught_up().await.unwrap();
    assert!(platform.stream_position() > newest);
    let versions: Vec<u32> = all_changes(&recorder).iter().map(|(_, v)| *v).collect();
    assert_eq!(versions, (1..=701).collect::<Vec<_>>());
    platform.shutdown().await;
}

#[tokio::test]
async fn a_database_that_ends_before_the_position_is_read_from_its_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let (platform, client) = start(Some(dir.path()), to_dispatch(&Recorder::new())).await;
    put(&client, "req_1", 1).await;
    platform.stream_caught_up().await.unwrap();
    platform.shutdown().await;
    // As after a copy of the store from another day was put in the place of this one.
    let positions = rusqlite::Connection::open(dir.path().join("stream.sqlite3")).unwrap();
    positions.execute("UPDATE positions SET sequence = sequence + 1000000", []).unwrap();
    drop(positions);

    let recorder = Recorder::new();
    let (platform, _) = start(Some(dir.path()), to_dispatch(&recorder)).await;
    platform.stream_caught_up().await.unwrap();
    assert_eq!(all_changes(&recorder), [("req_1".to_owned(), 1)]);
    platform.shutdown().await;
}

#[tokio::test]
async fn wiring_that_names_a_function_that_is_not_there_is_refused() {
    let prepared = prepare(None).await;
    let result = prepared
        .run(Wiring {
            functions: Functions::new().with("web", Recorder::new()).unwrap(),
            route: Arc::new(|_, _| "web".to_owned()),
            stream: StreamConfig::new(TABLE, "dispatch", |_| true),
            rules: Vec::new(),
        })
        .await;
    let Err(LocalError::Wiring(text)) = result else {
        panic!("the wiring was taken");
    };
    assert!(text.contains("`dispatch`"), "{text}");
}
