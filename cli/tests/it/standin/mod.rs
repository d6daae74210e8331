//! A stand-in for the service: it answers as a test tells it and remembers what it was asked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// One call as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Method and path, such as `GET /v1/me`.
    pub(crate) call: String,
    /// The query's parameters; the last one of a name.
    pub(crate) query: BTreeMap<String, String>,
    /// The headers.
    pub(crate) headers: BTreeMap<String, String>,
    /// The body, null if there is none.
    pub(crate) body: Value,
}

/// What to answer.
pub(crate) enum Reply {
    /// A status, headers and a body.
    Say(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Take the call, then break the connection: the answer is lost.
    Vanish,
}

/// JSON with a status.
pub(crate) fn json_reply(status: u16, body: &Value) -> Reply {
    Reply::Say(status, vec![("content-type", "application/json".to_owned())], body.to_string().into_bytes())
}

/// A problem document.
pub(crate) fn problem(status: u16, slug: &str, title: &str) -> Reply {
    let kind = format!("https://countersign.dev/problems/{slug}");
    json_reply(status, &json!({"type": kind, "title": title, "status": status, "detail": "because"}))
}

type Answering = Box<dyn Fn(&Seen, usize) -> Reply + Send + Sync>;

/// The stand-in; it stops when it is dropped.
pub(crate) struct Standin {
    /// Its drop waits until nothing of it runs any more.
    _runtime: Runtime,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Standin {
    /// Starts one that answers each call by `answering`, which also gets how many calls of that
    /// method and path came before.
    pub(crate) fn start(answering: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let answering: Arc<Answering> = Arc::new(Box::new(answering));
        let log = Arc::clone(&seen);
        let router = Router::new()
            .fallback(move |request: Request| answer(request, Arc::clone(&log), Arc::clone(&answering)));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { _runtime: runtime, address, seen }
    }

    /// All calls so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The calls of that method and path.
    pub(crate) fn calls(&self, call: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.call == call).collect()
    }

    /// Waits until that call came that often.
    pub(crate) fn wait_for(&self, call: &str, times: usize) {
        let give_up_at = Instant::now() + Duration::from_secs(60);
        while self.calls(call).len() < times {
            assert!(Instant::now() < give_up_at, "`{call}` does not come {times} times: {:#?}", self.seen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The program, set up to talk to this stand-in.
    pub(crate) fn program(&self, args: &[&str]) -> Command {
        let mut command = bare(args);
        command
            .env("COUNTERSIGN_URL", format!("http://{}", self.address))
            .env("COUNTERSIGN_TOKEN", "cst_test");
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        Ended::from(self.program(args).output().unwrap())
    }
}

/// The program without a service.
pub(crate) fn bare(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(args).env_clear().stdin(std::process::Stdio::null());
    command
}

async fn answer(request: Request, log: Arc<Mutex<Vec<Seen>>>, answering: Arc<Answering>) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let query = parts.uri.query().unwrap_or_default();
    let seen = Seen {
        call: format!("{} {}", parts.method, parts.uri.path()),
        query: query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect(),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    };
    let before = {
        let mut log = log.lock().unwrap();
        let before = log.iter().filter(|known: &&Seen| known.call == seen.call).count();
        log.push(seen.clone());
        before
    };
    match answering(&seen, before) {
        Reply::Say(status, headers, body) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Body::from(body)).unwrap()
        }
        Reply::Vanish => {
            let broken = futures::stream::iter([Err::<Bytes, _>(std::io::Error::other("broken"))]);
            Response::builder()
                .status(201)
                .header("content-length", "100")
                .body(Body::from_stream(broken))
                .unwrap()
        }
    }
}

/// How the program ended.
pub(crate) struct Ended {
    /// Exit code; `None` for a signal.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let ended = Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!ended.err.contains("panicked"), "{}", ended.err);
        ended
    }
}

/// A request as the service would tell it.
pub(crate) fn request(version: u64, status: &str) -> Value {
    json!({
        "id": "req_1", "status": status, "version": version, "connection": "demo-db", "kind": "sqlite",
        "requester": {"id": "usr_1", "email": "alice@example.com"}, "command": "SELECT 1",
        "command_display": "SELECT 1", "reason": null, "digest": "sha256:abc", "code": "7F3K-Q2ZD", "run": "manual",
        "groups": [{"group": "dba-team", "required": 1, "status": "PENDING", "decisions": []}],
        "auto_approval": null, "created_at": "2026-11-23T04:00:00Z", "expires_at": "2999-01-01T00:00:00Z",
        "decided_at": null, "run_by": null, "page": "http://127.0.0.1/requests/req_1",
        "execution": {"started_at": null, "finished_at": null, "exit_code": null, "rows": null, "bytes": null,
                      "masked": {}, "error": null},
    })
}
