//! The first admin of a deployment in AWS: `countersign bootstrap --table`.

use countersign_e2e::Ended;
use countersign_e2e::program::{bare, to_the_end};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const CREDENTIALS: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_REGION", "eu-central-1")];

async fn bootstrap(table: &str, environment: &[(&str, &str)]) -> Ended {
    let args = ["bootstrap", "--table", table, "--email", "ann@example.com"];
    to_the_end(bare(&args, environment).unwrap()).await.unwrap()
}

/// With credentials, against a database at that URL.
async fn bootstrap_at(url: &str, table: &str) -> Ended {
    let mut environment = vec![("AWS_ENDPOINT_URL_DYNAMODB", url)];
    environment.extend(CREDENTIALS);
    bootstrap(table, &environment).await
}

#[tokio::test]
async fn without_credentials_it_says_where_they_are_expected() {
    let ended = bootstrap("countersign", &[("AWS_REGION", "eu-central-1"), ("AWS_PROFILE", "prod")]).await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""));
    for part in
        ["`AWS_ACCESS_KEY_ID` is missing", "not from profile files", "aws configure export-credentials"]
    {
        assert!(ended.err.contains(part), "{}", ended.err);
    }
    // A data directory in the environment is for those who name no table.
    let mut environment = CREDENTIALS.get(..2).unwrap().to_vec();
    environment.push(("COUNTERSIGN_DATA", "/nowhere"));
    let ended = bootstrap("countersign", &environment).await;
    assert!(ended.code == Some(2) && ended.err.contains("`AWS_REGION` is missing"), "{ended:?}");
}

#[tokio::test]
async fn a_directory_and_a_table_are_one_too_many() {
    let args = ["bootstrap", "--table", "t", "--data", "d", "--email", "ann@example.com"];
    let ended = to_the_end(bare(&args, &[]).unwrap()).await.unwrap();
    assert!(ended.code == Some(2) && ended.err.contains("cannot be used with"), "{ended:?}");
}

/// Answers every call as AWS answers somebody who may not do that.
async fn deny_everything() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let body = r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"User: arn:aws:iam::123456789012:user/eve is not authorized to perform: dynamodb:DescribeTable"}"#;
        let answer = format!(
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        while let Ok((mut stream, _)) = listener.accept().await {
            assert!(stream.read(&mut [0; 16 * 1024]).await.unwrap() > 0, "a call");
            stream.write_all(answer.as_bytes()).await.unwrap();
            // The call is read to its end: to close before would take the answer back.
            stream.read_to_end(&mut Vec::new()).await.unwrap();
        }
    });
    url
}

#[tokio::test]
async fn whoever_may_not_is_told_what_they_may_not() {
    let ended = bootstrap_at(&deny_everything().await, "countersign").await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""));
    for part in ["`countersign`", "access is denied", "user/eve", "dynamodb:DescribeTable"] {
        assert!(ended.err.contains(part), "{}", ended.err);
    }
    let ended = bootstrap_at("http://127.0.0.1:9", "countersign").await;
    assert!(ended.err.contains("does not answer: cannot be reached"), "{}", ended.err);
}

#[cfg(feature = "dynamodb-local-tests")]
mod dynamodb_local {
    use countersign_e2e::program::bare;
    use serde_json::{Value, json};
    use tokio::io::{AsyncBufReadExt as _, BufReader};
    use tokio::process::Child;

    use super::bootstrap_at;

    fn database() -> String {
        std::env::var("COUNTERSIGN_TEST_DYNAMODB_LOCAL_URL")
            .expect("run ./tests/run, which starts DynamoDB Local")
    }

    /// A service without a demo, which makes its table; its process and its URL.
    async fn serve(data: &std::path::Path, table: &str) -> (Child, String) {
        let data = data.to_str().unwrap();
        let args = ["serve", "--listen", "127.0.0.1:0", "--data", data];
        let environment =
            [("AWS_ENDPOINT_URL_DYNAMODB", database()), ("COUNTERSIGN_TABLE", table.to_owned())];
        let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
        let mut command = bare(&args, &environment).unwrap();
        let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().expect("serve says where it listens");
        let url = line.strip_prefix("Countersign listens on ").and_then(|rest| rest.split(',').next());
        (child, url.unwrap_or_else(|| panic!("{line}")).to_owned())
    }

    fn unique_table(dir: &tempfile::TempDir) -> String {
        format!("countersign-{}", dir.path().file_name().unwrap().to_str().unwrap().replace('.', ""))
    }

    #[tokio::test]
    async fn the_first_admin_of_a_table_is_the_only_one_and_an_admin_indeed() {
        let dir = tempfile::tempdir().unwrap();
        let table = unique_table(&dir);
        let (_serve, url) = serve(dir.path(), &table).await;
        let database = database();
        let (one, other) = tokio::join!(bootstrap_at(&database, &table), bootstrap_at(&database, &table));
        let (won, lost) = if one.code == Some(0) { (one, other) } else { (other, one) };
        assert_eq!((won.code, lost.code), (Some(0), Some(2)), "{won:?} {lost:?}");
        assert!(won.err.contains("ann@example.com") && won.err.contains("is the first admin"), "{}", won.err);
        assert_eq!(lost.out, "");
        let again = bootstrap_at(&database, &table).await;
        assert!(again.code == Some(2) && again.err.contains("there is an admin already"), "{again:?}");

        let token = won.out.trim();
        assert!(token.starts_with("cst_") && won.out.lines().count() == 1);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let me = client.get(format!("{url}/v1/me")).bearer_auth(token).send().await.unwrap();
        let me: Value = me.json().await.unwrap();
        assert_eq!((&me["email"], &me["roles"]), (&json!("ann@example.com"), &json!(["admin"])));
        let users = client.get(format!("{url}/v1/users")).bearer_auth(token).send().await.unwrap();
        let users: Value = users.json().await.unwrap();
        assert_eq!(users["items"].as_array().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_table_that_is_not_there_or_not_ours_is_left_alone() {
        let ended = bootstrap_at(&database(), "countersing").await;
        assert_eq!(ended.code, Some(2));
        assert!(
            ended.err.contains("`countersing` cannot be used: there is no table of that name"),
            "{}",
            ended.err
        );

        let dir = tempfile::tempdir().unwrap();
        let table = unique_table(&dir);
        let definition = json!({
            "TableName": table,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                { "AttributeName": "pk", "AttributeType": "S" }, { "AttributeName": "sk", "AttributeType": "S" }
            ],
            "KeySchema": [
                { "AttributeName": "pk", "KeyType": "HASH" }, { "AttributeName": "sk", "KeyType": "RANGE" }
            ],
        });
        call("CreateTable", &definition).await;
        let ended = bootstrap_at(&database(), &table).await;
        assert_eq!(ended.code, Some(2));
        assert!(ended.err.contains("it has no index `by_who` on `wpk` and `wsk`"), "{}", ended.err);
        let scan = call("Scan", &json!({ "TableName": table })).await;
        assert_eq!(scan["Count"], 0);
    }

    /// Calls DynamoDB Local, which wants a signature and does not look at it.
    async fn call(operation: &str, body: &Value) -> Value {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client
            .post(database())
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .header("content-type", "application/x-amz-json-1.0")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
            )
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{operation}: {}", answer.text().await.unwrap());
        answer.json().await.unwrap()
    }
}
