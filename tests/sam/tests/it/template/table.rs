//! The table.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use countersign_app::aws::{Aws, AwsSettings};
use countersign_storage::schema;
use http::HeaderMap;
use serde_json::{Value, json};

use crate::template::document::template;

/// What the code asks of a database when it makes a table: operation and body.
async fn made_by_the_code() -> Vec<(String, Value)> {
    let calls: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
    let seen = Arc::clone(&calls);
    let answer = move |headers: HeaderMap, body: Bytes| async move {
        let target = headers["x-amz-target"].to_str().unwrap().to_owned();
        seen.lock().unwrap().push((target, serde_json::from_slice(&body).unwrap()));
        "{}"
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    let client = Aws::new(AwsSettings::local(&url, &url, &url)).dynamodb();
    schema::create_table(&client, "Table").await.unwrap();
    server.abort();
    std::mem::take(&mut *calls.lock().unwrap())
}

/// The members of a list of objects, in the order of their names.
fn sorted(list: &Value, name: &str) -> Vec<Value> {
    let mut members = list.as_array().unwrap().clone();
    members.sort_by_key(|member| member[name].as_str().unwrap().to_owned());
    members
}

#[tokio::test]
async fn the_table_is_the_one_that_the_code_makes_elsewhere() {
    let calls = made_by_the_code().await;
    let [(create, made), (update, time_to_live)] = calls.as_slice() else { panic!("{calls:?}") };
    assert_eq!(
        (create.as_str(), update.as_str()),
        ("DynamoDB_20120810.CreateTable", "DynamoDB_20120810.UpdateTimeToLive")
    );
    let template = template();
    let deployed = &template["Resources"]["Table"]["Properties"];
    assert_eq!(deployed["BillingMode"], made["BillingMode"]);
    assert_eq!(deployed["KeySchema"], made["KeySchema"]);
    for (list, name) in [("AttributeDefinitions", "AttributeName"), ("GlobalSecondaryIndexes", "IndexName")] {
        assert_eq!(sorted(&deployed[list], name), sorted(&made[list], name), "{list}");
    }
    // CloudFormation switches the stream on by its being there.
    assert_eq!(made["StreamSpecification"]["StreamEnabled"], true);
    assert_eq!(
        deployed["StreamSpecification"],
        json!({ "StreamViewType": made["StreamSpecification"]["StreamViewType"] })
    );
    assert_eq!(deployed["TimeToLiveSpecification"], time_to_live["TimeToLiveSpecification"]);
}

#[test]
fn the_table_outlives_the_stack_and_can_be_restored() {
    let template = template();
    let table = &template["Resources"]["Table"];
    assert_eq!(
        (&table["DeletionPolicy"], &table["UpdateReplacePolicy"]),
        (&json!("Retain"), &json!("Retain"))
    );
    assert_eq!(
        table["Properties"]["PointInTimeRecoverySpecification"],
        json!({ "PointInTimeRecoveryEnabled": true })
    );
}
