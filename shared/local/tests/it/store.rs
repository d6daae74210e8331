//! The embedded database as the real DynamoDB client sees it.

use crate::common::{TABLE, create_table, dynamodb, item, put, s};
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use countersign_local::{EmbeddedStore, LocalError, Platform};

fn put_if_new(pk: &str) -> TransactWriteItem {
    let put = Put::builder()
        .table_name(TABLE)
        .set_item(Some(item(pk, 1)))
        .condition_expression("attribute_not_exists(pk)")
        .build()
        .unwrap();
    TransactWriteItem::builder().put(put).build()
}

async fn count(client: &aws_sdk_dynamodb::Client) -> i32 {
    let scan = client.scan().table_name(TABLE).send().await.unwrap();
    scan.count()
}

#[tokio::test]
async fn a_transaction_is_written_as_a_whole_or_not_at_all() {
    let store = EmbeddedStore::open(None).await.unwrap();
    let client = dynamodb(store.endpoints());
    create_table(&client).await;
    let write = |keys: &[&str]| {
        client
            .transact_write_items()
            .set_transact_items(Some(keys.iter().map(|key| put_if_new(key)).collect()))
            .send()
    };
    write(&["a", "b"]).await.unwrap();
    let error = write(&["c", "b"]).await.unwrap_err().into_service_error();
    assert!(error.is_transaction_canceled_exception(), "{error}");
    assert_eq!(count(&client).await, 2);
    store.shutdown().await;
}

#[tokio::test]
async fn a_transaction_with_the_same_token_runs_once_and_with_another_body_not_at_all() {
    let store = EmbeddedStore::open(None).await.unwrap();
    let client = dynamodb(store.endpoints());
    create_table(&client).await;
    let write = |key: &str| {
        client.transact_write_items().transact_items(put_if_new(key)).client_request_token("the-token").send()
    };
    write("a").await.unwrap();
    // Run again it would fail on its condition.
    write("a").await.unwrap();
    let error = write("b").await.unwrap_err().into_service_error();
    assert!(error.is_idempotent_parameter_mismatch_exception(), "{error}");
    assert_eq!(count(&client).await, 1);
    store.shutdown().await;
}

#[tokio::test]
async fn a_transaction_that_failed_may_be_tried_again_with_its_token() {
    let store = EmbeddedStore::open(None).await.unwrap();
    let client = dynamodb(store.endpoints());
    create_table(&client).await;
    put(&client, "a", 1).await;
    let write = || {
        client.transact_write_items().transact_items(put_if_new("a")).client_request_token("the-token").send()
    };
    let error = write().await.unwrap_err().into_service_error();
    assert!(error.is_transaction_canceled_exception(), "{error}");
    client.delete_item().table_name(TABLE).key("pk", s("a")).key("sk", s("STATE")).send().await.unwrap();
    write().await.unwrap();
    store.shutdown().await;
}

#[tokio::test]
async fn a_page_in_a_browser_cannot_read_or_write_the_store() {
    let store = EmbeddedStore::open(None).await.unwrap();
    let url = store.listen().await.unwrap();
    for method in [reqwest::Method::OPTIONS, reqwest::Method::POST] {
        let answer = reqwest::Client::new()
            .request(method.clone(), &url)
            .header("origin", "http://evil.example")
            .header("x-amz-target", "DynamoDB_20120810.ListTables")
            .body("{}")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 403, "{method}");
        let cors = answer.headers().get("access-control-allow-origin");
        assert_eq!(cors, None, "{method}");
    }
    store.shutdown().await;
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart_and_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(Some(dir.path())).await.unwrap();
    let client = dynamodb(store.endpoints());
    create_table(&client).await;
    put(&client, "a", 1).await;
    store.shutdown().await;

    let store = EmbeddedStore::open(Some(dir.path())).await.unwrap();
    let client = dynamodb(store.endpoints());
    put(&client, "b", 1).await;
    drop(store);

    let store = EmbeddedStore::open(Some(dir.path())).await.unwrap();
    let client = dynamodb(store.endpoints());
    for key in ["a", "b"] {
        let found = client
            .get_item()
            .table_name(TABLE)
            .key("pk", s(key))
            .key("sk", s("STATE"))
            .consistent_read(true)
            .send()
            .await
            .unwrap();
        assert!(found.item().is_some(), "{key}");
    }
    store.shutdown().await;
}

#[tokio::test]
async fn a_second_platform_on_the_same_directory_is_told_that_it_is_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let _first = crate::common::prepare(Some(dir.path())).await;
    let Err(error) = Platform::prepare(crate::common::config(Some(dir.path()))).await else {
        panic!("two platforms share a directory");
    };
    assert!(matches!(error, LocalError::DataDirInUse { .. }), "{error}");
}

#[tokio::test]
async fn a_port_in_use_is_a_clear_error_and_touches_no_directory() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut config = crate::common::config(Some(&data));
    config.listen = taken.local_addr().unwrap();
    let Err(error) = Platform::prepare(config).await else {
        panic!("two servers share a port");
    };
    assert!(matches!(error, LocalError::PortInUse { .. }), "{error}");
    assert!(!data.exists());
}
