//! A service, a connection whose commands a runner executes, and runners.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use countersign_e2e::program::bare;
use countersign_e2e::{Answer, Database, Serve};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

/// A new service account.
const ROBOT: &str = "usr_01K5J3V8Q4W7X9YABCDEFGHJKM";

/// A service with a connection `ops`, the same under a rule as `no-rm`, and the token of a runner for both.
pub(crate) struct Scene {
    pub(crate) serve: Serve,
    pub(crate) token: String,
    /// Where commands leave their traces.
    dir: tempfile::TempDir,
    client: reqwest::Client,
}

impl Scene {
    /// With these members in the connection's target and these settings of the service.
    pub(crate) async fn new(database: Database, target: Value, settings: &[(&str, &str)]) -> Self {
        let serve = Serve::start(database, settings).await.unwrap();
        let mut members = json!({ "program": ["bash", "-s"] });
        members.as_object_mut().unwrap().extend(target.as_object().unwrap().clone());
        let mut connection = json!({ "kind": "runner", "target": members, "reviewers": ["dba-team"] });
        serve.connect("ops", connection.clone()).await.unwrap();
        connection["guardrails"] = json!([{ "name": "no-rm", "deny": { "statement": ["rm"] } }]);
        serve.connect("no-rm", connection).await.unwrap();
        let robot = json!({ "email": "robot@example.com", "owner": serve.id("dana") });
        let made = serve.call("root", "PUT", &format!("/v1/users/{ROBOT}"), Some(robot)).await.unwrap();
        assert_eq!(made.status, 201, "{made:?}");
        let token = json!({ "name": "runner", "user": ROBOT, "runner_connections": ["ops", "no-rm"] });
        let token = serve.post("root", "/v1/tokens", token).await.unwrap();
        assert_eq!(token.status, 201, "{token:?}");
        let token = token.text("/secret").to_owned();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { serve, token, dir: tempfile::tempdir().unwrap(), client }
    }

    /// A file in which a command leaves a trace.
    pub(crate) fn trace(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The trace that commands have left there; empty if none did.
    pub(crate) fn traced(&self, name: &str) -> String {
        std::fs::read_to_string(self.trace(name)).unwrap_or_default()
    }

    /// Waits until a command has left a whole line there.
    pub(crate) async fn wait_for_trace(&self, name: &str) -> String {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let traced = self.traced(name);
            if traced.ends_with('\n') {
                return traced;
            }
            assert!(Instant::now() < until, "no trace; {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until something is so.
    pub(crate) async fn wait_until(&self, is_so: impl Fn() -> bool) {
        let until = Instant::now() + Duration::from_secs(60);
        while !is_so() {
            assert!(Instant::now() < until, "it does not come; {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the runners have said, and the service.
    pub(crate) fn log(&self) -> String {
        format!("{}\n{}", self.traced("runner.log"), self.serve.log())
    }

    /// Starts a runner.
    pub(crate) fn runner(&self) -> Child {
        self.runner_at(self.serve.url(), &["--program", "ops=bash -s", "--grace", "200ms"])
    }

    /// Starts a runner that also takes what is approved on `no-rm`.
    pub(crate) fn runner_for_both(&self) -> Child {
        self.runner_at(self.serve.url(), &["--program", "ops=bash -s", "--program", "no-rm=bash -s"])
    }

    /// The same at another address, with other options.
    pub(crate) fn runner_at(&self, url: &str, options: &[&str]) -> Child {
        let arguments: Vec<&str> = ["runner"].iter().chain(options).copied().collect();
        let path = std::env::var("PATH").unwrap();
        let environment = [("COUNTERSIGN_URL", url), ("COUNTERSIGN_TOKEN", &self.token), ("PATH", &path)];
        let mut command = bare(&arguments, &environment).unwrap();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.trace("runner.log"));
        command.stdout(Stdio::null()).stderr(log.unwrap()).spawn().unwrap()
    }

    /// Alice's command, approved; `run` is `manual` or `on_approval`.
    pub(crate) async fn approved(&self, command: &str, run: &str) -> Answer {
        self.approved_on("ops", command, run).await
    }

    /// The same on another connection.
    pub(crate) async fn approved_on(&self, connection: &str, command: &str, run: &str) -> Answer {
        let request = self.serve.submit("alice", connection, command, json!({ "run": run })).await.unwrap();
        let approved = self.serve.approve("dana", &request).await.unwrap();
        assert_eq!(approved.state(), "APPROVED", "{approved:?}");
        request
    }

    /// Waits until the request is over.
    pub(crate) async fn end(&self, request: &Answer) -> Answer {
        let over = ["SUCCEEDED", "FAILED", "UNKNOWN", "CANCELLED", "EXPIRED"];
        let end = self.serve.wait_for("alice", request, &over).await;
        end.unwrap_or_else(|error| panic!("{error}; {}", self.log()))
    }

    /// The types of the request's events.
    pub(crate) async fn trail(&self, request: &Answer) -> Vec<String> {
        let events = self.serve.about("audra", request, "events").await.unwrap();
        events.items().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }

    /// Calls with the token of the runner, or another one.
    pub(crate) async fn call_with(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let url = format!("{}{path}", self.serve.url());
        let mut request = self.client.request(method.parse().unwrap(), url).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or_default())
    }

    /// Calls as a runner.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        self.call_with(&self.token, method, path, body).await
    }

    /// Calls as a runner about a request.
    pub(crate) async fn about(&self, request: &Answer, verb: &str, body: Value) -> (u16, Value) {
        self.call("POST", &format!("/v1/requests/{}/{verb}", request.text("/id")), Some(body)).await
    }
}

/// The slug of a problem.
pub(crate) fn slug(problem: &Value) -> &str {
    problem["type"].as_str().and_then(|text| text.rsplit('/').next()).unwrap_or_default()
}

/// Whether a process is there, and is more than what its parent has not looked at yet.
pub(crate) fn is_alive(id: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/stat", id.trim())).unwrap_or_default();
    let state = status.rsplit(')').next().unwrap_or_default().trim().chars().next();
    state.is_some_and(|state| state != 'Z')
}

/// Sends a signal to a process of ours.
pub(crate) async fn signal(child: &Child, name: &str) {
    let id = child.id().unwrap().to_string();
    assert!(Command::new("kill").args([name, &id]).status().await.unwrap().success());
}
