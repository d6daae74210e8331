//! The path that was approved is the path that a service sees, however the service reads paths.
//!
//! The service is axum's server on hyper. It reads the path that it gets in the ways that common servers do.

use crate::common::caps;
use countersign_guardrails::{Dialect, RuleSet, analyse};
use countersign_targets::{CancellationToken, Environment, RunOptions, TargetKind, TargetSpec, run};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use std::sync::{Arc, Mutex};

/// A service that keeps the targets and methods of the calls that it gets.
struct Service {
    port: u16,
    got: Arc<Mutex<Vec<(String, String)>>>,
}

impl Service {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let got = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&got);
        let keep = move |request: axum::extract::Request| {
            kept.lock().unwrap().push((request.method().to_string(), request.uri().to_string()));
            std::future::ready("ok")
        };
        let app = axum::Router::new().fallback(keep);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { port, got }
    }

    /// Runs a command below `/v1/public`; the method and the target that the service got.
    async fn call(&self, command: &str) -> Option<(String, String)> {
        let target = json!({ "base_url": format!("http://127.0.0.1:{}/v1/public", self.port) });
        let spec = TargetSpec::parse(TargetKind::Http, &target).unwrap();
        let environment = Environment { loopback_http: true, ..Environment::default() };
        let options: RunOptions = caps(5000).into();
        let mut records = Vec::new();
        let cancel = CancellationToken::new();
        let _ = run(&spec, None, command, options, &environment, &mut records, cancel).await;
        self.got.lock().unwrap().pop()
    }
}

/// Undoes percent-encoding once, as far as there is any.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Resolves dots and merges slashes. Some servers drop parameters, take `\` for `/`, or drop dots and spaces at the end
/// of a name.
fn resolved(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split(['/', '\\']) {
        let name = segment.split([';', '?', '#', '\0']).next().unwrap_or_default();
        match name {
            "" | "." => {}
            ".." => _ = kept.pop(),
            name => kept.push(name.trim_end_matches(['.', ' '])),
        }
    }
    format!("/{}", kept.join("/"))
}

/// The paths that servers may take it for.
fn readings(target: &str) -> Vec<String> {
    let path = target.split('?').next().unwrap_or_default();
    let once = decoded(path);
    let twice = decoded(&once);
    let orders = [
        path.to_owned(),
        resolved(path),
        resolved(&once),
        resolved(&twice),
        decoded(&resolved(path)),
        resolved(&decoded(&resolved(&once))),
    ];
    orders.into_iter().map(|path| path.to_lowercase()).collect()
}

/// Paths that are nearly right, of the pieces with which servers are misled.
fn paths() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "/",
        "/",
        "/",
        "a",
        "b",
        "admin",
        "users",
        "42",
        ".",
        "..",
        "%2e",
        "%2E%2e",
        "%2f",
        "%5c",
        "\\",
        ";",
        ";x=y",
        "//",
        "%252e",
        "%252f",
        "%25",
        "%",
        "%00",
        "%0a",
        "\t",
        "\n",
        "\r\n",
        " ",
        "%20",
        "?",
        "?a=b",
        "#",
        "@",
        ":80",
        "%c0%ae",
        "%ef%bc%8e",
        "%61dmin",
        "%c3%a9",
        "..;",
        "~",
        "*",
        "+",
        "http://",
        "é",
        "\u{ff0f}",
        ".json",
        "a.",
        "...",
        "-",
    ]);
    prop::collection::vec(piece, 0..8).prop_map(|pieces| format!("/{}", pieces.concat()))
}

#[test]
fn a_service_sees_the_path_that_was_approved_below_the_base() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let service = runtime.block_on(Service::start());
    let rules = [json!({ "name": "admin", "deny": { "pattern": "(?i)/admin" } })];
    let rules = RuleSet::parse(&rules).unwrap();
    let mut runner = TestRunner::new(Config { cases: 2000, failure_persistence: None, ..Config::default() });
    let sent = std::cell::Cell::new(0);
    let method = prop::sample::select(vec!["GET", "GET", "DELETE", "HEAD", "get", "GET "]);
    runner
        .run(&(method, paths()), |(method, path)| {
            let command = format!("{method} {path}");
            let analysis = analyse(Dialect::Http, &command);
            let got = runtime.block_on(service.call(&command));
            prop_assert_eq!(got.is_some(), analysis.understood, "what is understood is what is sent");
            let Some((sent_method, target)) = got else { return Ok(()) };
            sent.set(sent.get() + 1);
            prop_assert_eq!(sent_method.as_str(), analysis.statements[0].verb.as_str());
            // A line end in it ends the first line of the command.
            let line = path.split('\n').next().unwrap_or_default();
            let line = line.strip_suffix('\r').unwrap_or(line);
            prop_assert_eq!(&target, &format!("/v1/public{line}"), "it is sent as it was approved");
            let blocked = rules.check(&command, &analysis).is_some();
            for reading in readings(&target) {
                let below = reading == "/v1/public" || reading.starts_with("/v1/public/");
                prop_assert!(below, "{} is read as {}", path, reading);
                prop_assert!(blocked || !reading.contains("/admin"), "{} is read as {}", path, reading);
            }
            Ok(())
        })
        .unwrap();
    assert!(sent.get() > 200, "{} of 2000 were sent", sent.get());
}
