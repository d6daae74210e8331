//! HTTP targets, on real receivers over loopback.

use crate::common::{ClosedPort, Ran, at_most, caps, read_only};
use countersign_targets::{
    CancellationToken, Caps, Environment, RunError, RunOptions, Secret, TargetKind, TargetSpec, run,
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A service that answers each call alike and keeps what it got.
struct Service {
    port: u16,
    got: Arc<Mutex<Vec<String>>>,
}

impl Service {
    /// `None` never answers.
    async fn new(answer: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let got = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&got);
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = vec![0; 64 * 1024];
                let read = stream.read(&mut request).await.unwrap_or(0);
                kept.lock().unwrap().push(String::from_utf8_lossy(&request[..read]).into_owned());
                match answer {
                    Some(answer) => {
                        let _ = stream.write_all(answer.as_bytes()).await;
                    }
                    None => open.push(stream),
                }
            }
        });
        Self { port, got }
    }

    fn target(&self) -> Value {
        json!({"base_url": format!("http://127.0.0.1:{}/v1", self.port), "headers": {"x-team": "db"}})
    }

    fn got(&self) -> Vec<String> {
        self.got.lock().unwrap().clone()
    }

    async fn call(&self, command: &str, options: impl Into<RunOptions>) -> Ran {
        call(&self.target(), Some("Bearer hunter2"), command, options, true).await
    }
}

async fn call(
    target: &Value,
    secret: Option<&str>,
    command: &str,
    options: impl Into<RunOptions>,
    loopback_http: bool,
) -> Ran {
    let spec = TargetSpec::parse(TargetKind::Http, target).unwrap();
    let environment = Environment { loopback_http, ..Environment::default() };
    let secret = secret.map(Secret::new);
    let mut records = Vec::new();
    let cancel = CancellationToken::new();
    let ran = run(&spec, secret.as_ref(), command, options, &environment, &mut records, cancel).await;
    Ran::new(ran, records)
}

const OK: &str = "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\nlocation: /v1/users/7\r\nset-cookie: x=1\r\ncontent-length: 14\r\nconnection: close\r\n\r\n{\"id\":\n  7}\n\nx\n";

#[tokio::test]
async fn a_call_has_what_was_approved_and_its_answer_is_rows() {
    let service = Service::new(Some(OK)).await;
    let ran = service
        .call("POST /users?dry=1\ncontent-type: application/json\n\n{\"name\":\"Zo\u{eb}\"}", caps(10_000))
        .await;
    ran.result.as_ref().unwrap();
    assert_eq!(ran.columns(), [("header", ""), ("value", ""), ("body", "")]);
    assert_eq!(
        ran.rows()[..3],
        [
            [Some("status"), Some("201")],
            [Some("content-type"), Some("application/json")],
            [Some("location"), Some("/v1/users/7")]
        ]
    );
    assert_eq!(ran.rows()[3..], [[Some("{\"id\":")], [Some("  7}")], [Some("")], [Some("x")]]);
    assert_eq!(ran.tags(), ["HTTP 201", "BODY"]);
    let got = service.got();
    assert_eq!(got.len(), 1, "sent once");
    assert!(got[0].starts_with("POST /v1/users?dry=1 HTTP/1.1\r\n"), "{}", got[0]);
    for part in [
        "authorization: Bearer hunter2\r\n",
        "x-team: db\r\n",
        "content-type: application/json\r\n",
        "\r\n\r\n{\"name\":\"Zo\u{eb}\"}",
    ] {
        assert!(got[0].contains(part), "{part}: {}", got[0]);
    }
}

#[tokio::test]
async fn an_answer_that_says_no_is_a_failure_with_its_status() {
    for (answer, code) in [
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\nconnection: close\r\n\r\nnope", "404"),
        ("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", "503"),
        (
            "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            "302",
        ),
    ] {
        let service = Service::new(Some(answer)).await;
        let ran = service.call("DELETE /users/7", caps(10_000)).await;
        assert_eq!(ran.failed().1, code);
        assert!(ran.failed().0.contains(code), "{}", ran.failed().0);
        assert_eq!(service.got().len(), 1, "neither followed nor tried again");
    }
}

#[tokio::test]
async fn this_machine_is_reached_only_where_the_machine_allows_it() {
    let service = Service::new(Some(OK)).await;
    for target in [
        service.target(),
        json!({"base_url": format!("http://localhost:{}", service.port)}),
        json!({"base_url": format!("http://[::1]:{}", service.port)}),
    ] {
        let ran = call(&target, None, "GET /", caps(5000), false).await;
        assert!(ran.not_started().contains("may not be reached"), "{target}: {:?}", ran.error());
    }
    assert!(service.got().is_empty());
}

#[tokio::test]
async fn the_path_stays_below_the_base_and_is_sent_as_written() {
    let service = Service::new(Some(OK)).await;
    for path in ["/../admin", "/a/%2e%2e/%2e%2e/admin", "/.", "/a\"b", "//../x", "//evil.example.com/x"] {
        let ran = service.call(&format!("GET {path}"), caps(5000)).await;
        assert!(ran.error().nothing_ran(), "{path}: {:?}", ran.result);
    }
    assert!(service.got().is_empty());
    service.call("GET /evil.example.com/@x:y", caps(5000)).await.result.unwrap();
    assert!(service.got()[0].starts_with("GET /v1/evil.example.com/@x:y HTTP/1.1"), "{:?}", service.got());
}

#[tokio::test]
async fn what_is_not_known_is_said_to_be_unknown() {
    let service = Service::new(None).await;
    let ran = service.call("POST /users", caps(200)).await;
    assert!(matches!(ran.error(), RunError::Lost { .. }), "{:?}", ran.error());
    let ran = service.call("GET /users", caps(200)).await;
    assert_eq!(ran.error(), &RunError::TimedOut { limit_ms: 200 });
    let broken =
        Service::new(Some("HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\npart")).await;
    let ran = broken.call("POST /users", caps(5000)).await;
    assert!(matches!(ran.error(), RunError::Lost { .. }), "{:?}", ran.error());
    assert_eq!(broken.call("GET /users", caps(5000)).await.failed().2, Some(1));
    let closed = ClosedPort::new();
    let nowhere = format!("http://127.0.0.1:{}", closed.number());
    let ran = call(&json!({"base_url": nowhere}), None, "POST /", caps(5000), true).await;
    assert!(ran.not_started().contains("cannot connect"), "{:?}", ran.error());
}

#[tokio::test]
async fn what_cannot_be_enforced_is_refused() {
    let service = Service::new(Some(OK)).await;
    assert!(service.call("POST /x", at_most(1)).await.not_started().contains("cannot be enforced"));
    assert!(service.call("POST /x", read_only()).await.not_started().contains("read-only"));
    assert!(service.got().is_empty());
    service.call("GET /x", read_only()).await.result.unwrap();
}

#[tokio::test]
async fn a_body_without_end_is_left_at_the_cap() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await;
        while stream.write_all(&[b'x'; 8192]).await.is_ok() && stream.write_all(b"\n").await.is_ok() {}
    });
    let caps = Caps { max_bytes: 100_000, ..caps(60_000) };
    let ran = call(&json!({"base_url": format!("http://127.0.0.1:{port}")}), None, "GET /", caps, true).await;
    let summary = ran.result.as_ref().unwrap();
    assert!(summary.truncated() && summary.kept_bytes <= 100_000, "{summary:?}");
}

#[tokio::test]
async fn the_secret_is_in_no_message() {
    let service = Service::new(Some(OK)).await;
    let ran = call(&service.target(), Some("Host: hunter2"), "GET /", caps(5000), true).await;
    assert!(!format!("{:?}", ran.error()).contains("hunter2"), "{:?}", ran.error());
}

#[tokio::test]
async fn a_connection_test_asks_for_the_head_of_the_base() {
    let service =
        Service::new(Some("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"))
            .await;
    let spec = TargetSpec::parse(TargetKind::Http, &service.target()).unwrap();
    let open = Environment { loopback_http: true, ..Environment::default() };
    let tested = countersign_targets::test(&spec, None, &open).await.unwrap();
    assert!(tested.server.contains("401") && tested.notes[0].contains("secret"), "{tested:?}");
    assert!(service.got()[0].starts_with("HEAD /v1/ HTTP/1.1"), "{:?}", service.got());
    let error = countersign_targets::test(&spec, None, &Environment::default()).await.unwrap_err();
    assert_eq!(error.problem, countersign_targets::Problem::Blocked, "{error}");
}
