//! HTTP in, API Gateway v2 events out to the function, and back.

use crate::common::{Recorder, wiring};
use async_trait::async_trait;
use countersign_local::{Function, FunctionError, GatewayConfig, Platform};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn start(web: Arc<dyn Function>, gateway: GatewayConfig) -> (Platform, String) {
    let mut config = crate::common::config(None);
    config.gateway = gateway;
    let prepared = Platform::prepare(config).await.unwrap();
    let url = format!("http://{}", prepared.public_addr());
    (prepared.run(wiring(vec![("web", web)])).await.unwrap(), url)
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Sends `request` as it stands and reads until the server closes.
async fn raw(addr: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

async fn assert_problem(answer: reqwest::Response, status: u16, slug: &str) {
    assert_eq!(answer.status(), status);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["status"], status);
    assert_eq!(problem["type"], format!("https://countersign.dev/problems/{slug}"));
    assert!(problem["detail"].as_str().is_some_and(|d| !d.is_empty()));
}

#[tokio::test]
async fn a_request_becomes_an_api_gateway_event() {
    let web = Recorder::answering(vec![Ok(json!({"statusCode": 204}))]);
    let (platform, url) = start(Arc::clone(&web) as _, GatewayConfig::default()).await;
    let answer = http()
        .post(format!("{url}/v1/re%20quests?status=a&status=b&q=x%20y"))
        .header("cookie", "one=1; two=2")
        .header("content-type", "application/json; charset=utf-8")
        .header("x-many", "1")
        .header("x-many", "2")
        .header("x-forwarded-proto", "https")
        .header("user-agent", "test")
        .body("{\"ä\":1}")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 204);

    let event = web.seen().remove(0);
    let typed: aws_lambda_events::apigw::ApiGatewayV2httpRequest =
        serde_json::from_value(event.clone()).unwrap();
    assert_eq!(typed.request_context.http.method, "POST");
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "$default");
    assert_eq!(event["rawPath"], "/v1/re%20quests");
    assert_eq!(event["rawQueryString"], "status=a&status=b&q=x%20y");
    assert_eq!(event["queryStringParameters"], json!({"status": "a,b", "q": "x y"}));
    assert_eq!(event["cookies"], json!(["one=1", "two=2"]));
    assert_eq!(event["headers"]["x-many"], "1,2");
    assert_eq!(event["headers"]["x-forwarded-proto"], "http");
    assert_eq!(event["headers"]["x-forwarded-for"], "127.0.0.1");
    assert_eq!(event["headers"].get("cookie"), None);
    assert_eq!(event["body"], "{\"ä\":1}");
    assert_eq!(event["isBase64Encoded"], false);
    let context = &event["requestContext"];
    assert_eq!(context["stage"], "$default");
    assert_eq!(context["http"]["method"], "POST");
    assert_eq!(context["http"]["protocol"], "HTTP/1.1");
    assert_eq!(context["http"]["sourceIp"], "127.0.0.1");
    assert_eq!(context["http"]["userAgent"], "test");
    assert!(context["timeEpoch"].as_i64().unwrap() > 1_600_000_000_000);
    assert!(context["time"].as_str().unwrap().ends_with(" +0000"));
    assert_eq!(context["domainName"], url.trim_start_matches("http://"));
    platform.shutdown().await;
}

#[tokio::test]
async fn bytes_that_are_no_text_travel_as_base64_both_ways() {
    let web = Recorder::answering(vec![Ok(json!({
        "statusCode": 200, "isBase64Encoded": true, "body": "AP8B",
        "headers": {"content-type": "application/octet-stream"},
    }))]);
    let (platform, url) = start(Arc::clone(&web) as _, GatewayConfig::default()).await;
    let answer =
        http().put(&url).header("content-type", "text/plain").body(vec![0_u8, 255, 1]).send().await.unwrap();
    assert_eq!(answer.bytes().await.unwrap().as_ref(), [0, 255, 1]);
    let event = web.seen().remove(0);
    assert_eq!(event["body"], "AP8B");
    assert_eq!(event["isBase64Encoded"], true);
    platform.shutdown().await;
}

#[tokio::test]
async fn cookies_and_headers_of_the_answer_all_arrive() {
    let web = Recorder::answering(vec![Ok(json!({
        "statusCode": 201,
        "headers": {"location": "/v1/requests/req_1", "vary": "accept"},
        "multiValueHeaders": {"vary": ["accept", "origin"]},
        "cookies": ["a=1; HttpOnly", "b=2"],
        "body": "{}", "isBase64Encoded": false,
    }))]);
    let (platform, url) = start(web, GatewayConfig::default()).await;
    let answer = http().get(&url).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let all = |name: &str| {
        let values = answer.headers().get_all(name).iter();
        values.map(|value| value.to_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(all("set-cookie"), ["a=1; HttpOnly", "b=2"]);
    assert_eq!(all("vary"), ["accept", "origin"]);
    assert_eq!(all("location"), ["/v1/requests/req_1"]);
    assert_eq!(answer.text().await.unwrap(), "{}");
    platform.shutdown().await;
}

#[tokio::test]
async fn ten_megabytes_pass_and_a_byte_more_is_413() {
    let limit = 10 * 1024 * 1024;
    let web = Recorder::answering(vec![Ok(json!({"statusCode": 200}))]);
    let (platform, url) = start(Arc::clone(&web) as _, GatewayConfig::default()).await;
    let send = |bytes: usize| http().post(&url).body(vec![b'x'; bytes]).send();
    assert_eq!(send(limit).await.unwrap().status(), 200);
    assert_problem(send(limit + 1).await.unwrap(), 413, "payload-too-large").await;
    assert_eq!(web.seen().len(), 1);
    platform.shutdown().await;
}

#[tokio::test]
async fn a_head_of_10240_bytes_passes_and_a_byte_more_is_431() {
    let web = Recorder::answering(vec![Ok(json!({"statusCode": 200}))]);
    let (platform, url) = start(Arc::clone(&web) as _, GatewayConfig::default()).await;
    let addr = platform.public_addr();
    let head = |bytes: usize| {
        let start = format!("GET / HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\nx: ");
        let filler = "x".repeat(bytes - start.len() - 4);
        format!("{start}{filler}\r\n\r\n").into_bytes()
    };
    assert!(raw(addr, &head(10_240)).await.starts_with("HTTP/1.1 200 "));
    let refused = raw(addr, &head(10_241)).await;
    assert!(refused.starts_with("HTTP/1.1 431 "), "{refused}");
    assert!(refused.contains("application/problem+json"), "{refused}");
    let long_path = http().get(format!("{url}/{}", "x".repeat(11_000))).send().await.unwrap();
    assert_problem(long_path, 431, "headers-too-large").await;
    assert_eq!(web.seen().len(), 1);
    platform.shutdown().await;
}

#[tokio::test]
async fn a_client_that_dribbles_its_headers_is_cut_off() {
    let gateway =
        GatewayConfig { header_read_timeout: Duration::from_millis(50), ..GatewayConfig::default() };
    let (platform, _) = start(Recorder::new() as _, gateway).await;
    // No blank line: the headers never end. `raw` returns when the server closes.
    let answer = raw(platform.public_addr(), b"GET / HTTP/1.1\r\nhost: x\r\n").await;
    assert!(!answer.contains(" 200 "), "{answer}");
    platform.shutdown().await;
}

#[tokio::test]
async fn a_client_that_does_not_send_its_body_gets_408() {
    let gateway = GatewayConfig { body_read_timeout: Duration::from_millis(50), ..GatewayConfig::default() };
    let (platform, _) = start(Recorder::new() as _, gateway).await;
    let answer =
        raw(platform.public_addr(), b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nab").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    platform.shutdown().await;
}

struct Hangs;
#[async_trait]
impl Function for Hangs {
    async fn invoke(&self, _: Value) -> Result<Value, FunctionError> {
        std::future::pending().await
    }
}

struct Panics;
#[async_trait]
impl Function for Panics {
    async fn invoke(&self, _: Value) -> Result<Value, FunctionError> {
        panic!("a secret")
    }
}

#[tokio::test]
async fn a_function_that_does_not_answer_is_504() {
    let gateway = GatewayConfig { function_timeout: Duration::from_millis(50), ..GatewayConfig::default() };
    let (platform, url) = start(Arc::new(Hangs), gateway).await;
    assert_problem(http().get(&url).send().await.unwrap(), 504, "timed-out").await;
    drop(platform);
}

#[tokio::test]
async fn a_function_that_panics_or_answers_nonsense_is_500_and_says_nothing_about_why() {
    let (platform, url) = start(Arc::new(Panics), GatewayConfig::default()).await;
    let answer = http().get(&url).send().await.unwrap();
    assert_problem(answer, 500, "internal").await;
    let body = http().get(&url).send().await.unwrap().text().await.unwrap();
    assert!(!body.contains("secret"), "{body}");
    platform.shutdown().await;

    let web = Recorder::answering(vec![Ok(json!({"statusCode": "many"}))]);
    let (platform, url) = start(web, GatewayConfig::default()).await;
    assert_problem(http().get(&url).send().await.unwrap(), 500, "internal").await;
    platform.shutdown().await;
}

#[tokio::test]
async fn more_requests_than_allowed_at_once_are_told_to_come_back() {
    let gateway = GatewayConfig { requests: 0, ..GatewayConfig::default() };
    let (platform, url) = start(Recorder::new() as _, gateway).await;
    let answer = http().get(&url).send().await.unwrap();
    assert_eq!(answer.headers()["retry-after"], "1");
    assert_problem(answer, 503, "busy").await;
    platform.shutdown().await;
}

#[tokio::test]
async fn a_demo_answers_only_under_its_own_names_and_to_its_own_pages() {
    let web = Recorder::new();
    let (platform, url) = start(Arc::clone(&web) as _, GatewayConfig::loopback_only()).await;
    let port = platform.public_addr().port();
    let get = |host: String, origin: Option<String>| {
        let mut request = http().get(&url).header("host", host);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        request.send()
    };
    let own = format!("localhost:{port}");
    assert_eq!(get(own.clone(), None).await.unwrap().status(), 200);
    let page = Some(format!("http://127.0.0.1:{port}"));
    assert_eq!(get(own.clone(), page).await.unwrap().status(), 200);
    let rebound = get(format!("evil.example:{port}"), None).await.unwrap();
    assert_problem(rebound, 421, "host-not-allowed").await;
    let foreign = get(own, Some("http://evil.example".to_owned())).await.unwrap();
    assert_problem(foreign, 403, "origin-not-allowed").await;
    assert_eq!(web.seen().len(), 2);
    platform.shutdown().await;
}

/// Says that it runs, and answers when it is told to.
#[derive(Default)]
struct Held {
    running: tokio::sync::Notify,
    release: tokio::sync::Notify,
}

#[async_trait]
impl Function for Held {
    async fn invoke(&self, _: Value) -> Result<Value, FunctionError> {
        self.running.notify_one();
        self.release.notified().await;
        Ok(json!({"statusCode": 200, "body": "done"}))
    }
}

#[tokio::test]
async fn a_shutdown_lets_running_requests_end_and_takes_no_more() {
    let held = Arc::new(Held::default());
    let (platform, url) = start(Arc::clone(&held) as _, GatewayConfig::default()).await;
    let addr = platform.public_addr();
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    held.running.notified().await;
    let shutdown = tokio::spawn(platform.shutdown());
    // The listener goes first; then the function may answer.
    while TcpStream::connect(addr).await.is_ok() {
        tokio::task::yield_now().await;
    }
    held.release.notify_one();
    shutdown.await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with("done"), "{answer}");
    assert!(http().get(&url).send().await.is_err());
}
