//! A table that cannot be reached.

use crate::bad_input::serve_ends;

#[tokio::test]
async fn a_table_that_is_away_at_the_start_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let away = [("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9")];
    for demo in [&["--demo"][..], &[]] {
        let args: Vec<&str> = demo.iter().copied().chain(["--data", data.to_str().unwrap()]).collect();
        let refused = serve_ends(&args, &away).await;
        let words = ["http://127.0.0.1:9", "`countersign`", "cannot be reached"];
        assert!(words.iter().all(|word| refused.err.contains(word)), "{}", refused.err);
    }
}

#[cfg(feature = "dynamodb-local-tests")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_goes_away_for_a_while_costs_nothing_but_time() {
    use countersign_e2e::line::Line;
    use countersign_e2e::{Database, Serve};
    use serde_json::json;

    use crate::bad_input::problem;

    let server = std::env::var("COUNTERSIGN_TEST_DYNAMODB_LOCAL_URL").unwrap();
    let line = Line::to(server.strip_prefix("http://").unwrap()).await.unwrap();
    let url = format!("http://{}", line.address());
    let serve = Serve::start(Database::DynamoDbLocal, &[("AWS_ENDPOINT_URL_DYNAMODB", &url)]).await.unwrap();
    let command = "DELETE FROM customers WHERE id = 1";
    let request = serve.submit("alice", "demo-db", command, json!({})).await.unwrap();
    let mut waiting = serve.begin("alice", &["run", request.text("/id")]).unwrap();
    assert!(waiting.complaint().await.unwrap().starts_with("request req_"));
    line.cut();
    let body = json!({ "connection": "demo-db", "command": "SELECT 1" });
    for answer in [
        serve.post("alice", "/v1/requests", body.clone()).await.unwrap(),
        serve.approve("dana", &request).await.unwrap(),
        serve.show("alice", &request).await.unwrap(),
        serve.get("alice", "/v1/requests").await.unwrap(),
    ] {
        problem(&answer, 503, "unavailable");
        assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
        assert!(!answer.json.to_string().contains("127.0.0.1"), "what is inside stays inside: {answer:?}");
    }
    let exec = serve.run("alice", &["requests", "list"]).await.unwrap();
    assert_eq!((exec.code, exec.out.as_str()), (Some(21), ""), "{exec:?}");
    assert!(exec.err.contains("cannot answer now"), "{}", exec.err);
    line.mend();
    let approved = serve.approve("dana", &request).await.unwrap();
    assert_eq!((approved.status, approved.state()), (200, "APPROVED"), "{approved:?}");
    let waiting = waiting.end().await.unwrap();
    assert_eq!((waiting.code, waiting.out.as_str()), (Some(0), "DELETE 1\n"), "{waiting:?}");
    let list = serve.get("audra", "/v1/requests").await.unwrap();
    assert_eq!(list.items().len(), 1, "what was answered 503 is not there: {list:?}");
}
